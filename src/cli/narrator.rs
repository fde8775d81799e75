//! A journal that tells each event on standard error as it is recorded, so that whoever waits sees what
//! is being done.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;

use super::Global;
use crate::finding::plain;
use crate::incident::{Error, Event, IncidentId, Journal, Recorded, describe};

const DIM: Style = AnsiColor::BrightBlack.on_default();

/// Passes everything on to a journal and tells it.
pub(super) struct Narrator<'a> {
    pub(super) journal: &'a dyn Journal,
    pub(super) global: &'a Global,
    /// Which key it is about, where several are contained at once.
    pub(super) label: Option<&'a str>,
}

impl Narrator<'_> {
    /// Tells an event that is recorded.
    pub(super) fn tell(&self, at: Timestamp, event: &Event) {
        if !self.global.quiet {
            let (time, words) = (at.strftime("%H:%M:%S"), plain(&describe(event)));
            let label = self.label.map(|label| format!("{label}  ")).unwrap_or_default();
            // Where the error output is gone, the record still has it.
            let _ = writeln!(anstream::stderr(), "{DIM}{time}{DIM:#}  {label}{words}");
        }
    }
}

impl Journal for Narrator<'_> {
    fn append(
        &self,
        incident: &IncidentId,
        expected_seq: u64,
        actor: &str,
        at: Timestamp,
        event: &Event,
    ) -> Result<Recorded, Error> {
        let recorded = self.journal.append(incident, expected_seq, actor, at, event)?;
        self.tell(at, event);
        Ok(recorded)
    }

    fn events(&self, incident: &IncidentId) -> Result<Vec<Recorded>, Error> {
        self.journal.events(incident)
    }
}
