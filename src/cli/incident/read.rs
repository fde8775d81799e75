//! Commands that only read: list, show.

use std::io::Write;

use super::case;
use crate::cli::environment::{self, SystemClock};
use crate::cli::store::StoreArgs;
use crate::cli::{ExitCode, Failure};
use crate::incident::{Clock, Incident, IncidentId, Store, Summaries};
use crate::report::{incident_list, incident_text};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ListArgs {
    /// Also list what is over and has nothing left to do
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ShowArgs {
    #[command(flatten)]
    which: Which,
    /// Write lines of this width [default: the terminal's, or 80]
    #[arg(long, value_name = "COLUMNS")]
    width: Option<usize>,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Which {
    /// The incident's id, or its beginning or end [default: the newest]
    incident: Option<String>,
    #[command(flatten)]
    store: StoreArgs,
}

impl Which {
    pub(super) fn open(&self) -> Result<(Box<dyn Store>, IncidentId), Failure> {
        let store = self.store.open()?;
        let incident = match &self.incident {
            Some(typed) => store.find(typed)?,
            None => store.list()?.pop().ok_or_else(|| case::no_incident(&*store))?,
        };
        Ok((store, incident))
    }
}

pub(super) fn list(args: &ListArgs, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let store = args.store.open()?;
    let summaries = store.summaries()?;
    incident_list::write(out, &summaries.all, SystemClock.now(), args.all)?;
    refuse_damaged(&summaries)
}

/// Says which records are damaged, after what is sound was shown.
pub(in crate::cli) fn refuse_damaged(summaries: &Summaries) -> Result<ExitCode, Failure> {
    match summaries.broken.is_empty() {
        true => Ok(ExitCode::Clean),
        false => Err(Failure::new(format!("damaged records: {}", summaries.broken.join("; ")))
            .hint("restore the store from a backup; `incident verify` says what is wrong")),
    }
}

pub(super) fn show(args: &ShowArgs, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let (store, id) = args.which.open()?;
    let reading = store.read(&id)?;
    // A damaged record is shown as far as it is sound: at 2 AM something is better than nothing.
    if let Some(last) = reading.intact.last() {
        let incident = Incident::of(&id, &reading.intact)?;
        let width = args.width.unwrap_or_else(environment::width);
        incident_text::write(out, &incident, &last.head(), SystemClock.now(), width)?;
    }
    match reading.broken {
        None => Ok(ExitCode::Clean),
        Some(at) => Err(at.of(&id).into()),
    }
}
