//! What a command that changes an incident says: what was recorded, where it stands, what is next.

use std::fmt::Write as _;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;

use super::incident_text::{deadline, level, until};
use crate::finding::plain;
use crate::incident::{Incident, Need, Recorded, State, describe};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const GREEN: Style = AnsiColor::Green.on_default();

/// More than so many missing things are counted, not listed.
const MOST: usize = 4;

/// Writes what was recorded, where the incident stands, what is next, and the head to keep elsewhere.
///
/// # Errors
/// Those of `out`.
pub fn write(
    out: &mut dyn Write,
    incident: &Incident,
    new: &[Recorded],
    now: Timestamp,
) -> io::Result<()> {
    let mut text = String::new();
    let mut fact = |name: &str, value: String| {
        let _ = writeln!(text, "{name:9} {value}");
    };
    for recorded in new {
        fact("recorded", plain(&describe(&recorded.event)));
    }
    fact("incident", standing(incident, now));
    for oddity in incident.oddities.iter().filter(|oddity| new.iter().any(|r| r.seq == oddity.seq))
    {
        fact("", format!("{YELLOW}{}{YELLOW:#}", plain(&oddity.what)));
    }
    next(&mut fact, incident, now);
    if let Some(last) = new.last() {
        fact("head", last.head().to_string());
    }
    out.write_all(text.as_bytes())
}

/// Returns where an incident stands, in a line.
fn standing(incident: &Incident, now: Timestamp) -> String {
    let (level, style) = level(incident);
    let mut words = format!(
        "{BOLD}{}{BOLD:#}  {style}{level}{style:#}  {}, in {}",
        plain(incident.id.short()),
        incident.state.word(),
        incident.phase.words(),
    );
    let clocks = incident.sla.as_ref().filter(|_| !incident.state.is_over());
    if let Some(sla) = clocks {
        let clock = if sla.response.stopped_at.is_none() {
            ("response", &sla.response)
        } else {
            ("resolution", &sla.resolution)
        };
        let _ = write!(words, "; {}: {}", clock.0, deadline(clock.1, now));
    }
    words
}

fn next(fact: &mut impl FnMut(&str, String), incident: &Incident, now: Timestamp) {
    let needs = incident.needs();
    let Some((first, others)) = needs.split_first() else {
        let words = match incident.state {
            State::Cancelled => "nothing: it was no incident",
            _ => "nothing: it is closed and every follow-up is done",
        };
        return fact("next", format!("{GREEN}{words}{GREEN:#}"));
    };
    fact("next", need(first, now));
    if !first.command.is_empty() {
        fact("", format!("{BOLD}{}{BOLD:#}", command(first, incident)));
    }
    let near = first.phase.max(incident.phase);
    let is_near = |other: &&Need| other.phase <= near || other.is_aside;
    let before = others.iter().filter(|other| !other.ends_phase).filter(is_near);
    let before: Vec<&Need> = before.collect();
    let shown = &before[..before.len().min(MOST)];
    if shown.is_empty() {
        return;
    }
    let names: Vec<_> = shown.iter().map(|need| plain(&need.what)).collect();
    let more = before.len() - shown.len();
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    fact("missing", format!("{DIM}{}{more}{DIM:#}", names.join("; ")));
}

/// Returns what has to be done, by whom, until when.
pub(super) fn need(need: &Need, now: Timestamp) -> String {
    let due = need.due.map(|due| format!(", {}", until(due, now)));
    format!("{}: {}{}", plain(&need.what), plain(&need.who()), due.unwrap_or_default())
}

/// Returns the command that does it, as it can be typed.
pub(super) fn command(need: &Need, incident: &Incident) -> String {
    // The incident is named, for several may be open by the time this is read.
    let typed = plain(&need.command);
    match typed.strip_prefix("incident ") {
        Some(rest) => {
            let (verb, arguments) = rest.split_once(' ').unwrap_or((rest, ""));
            let id = plain(incident.id.short());
            format!("stanch incident {verb} -i {id} {arguments}").trim_end().to_owned()
        }
        None => format!("stanch {typed}"),
    }
}
