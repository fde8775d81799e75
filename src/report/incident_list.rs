//! Who must do what by when, the soonest first.

use std::cmp::Reverse;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;

use super::incident_text::{level, span};
use crate::finding::plain;
use crate::incident::{Incident, Need};

const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default();

/// Less than so many seconds left stand out.
const SOON: i64 = 3_600;

/// Writes the incidents in which somebody has to act, the soonest first, each with its next step; and
/// where `all`, those that are over as well.
///
/// # Errors
/// Those of `out`.
pub fn write(
    out: &mut dyn Write,
    incidents: &[Incident],
    now: Timestamp,
    all: bool,
) -> io::Result<()> {
    let mut rows: Vec<(&Incident, Option<Need>)> = incidents.iter().map(row).collect();
    let over = rows.iter().filter(|(_, need)| need.is_none()).count();
    rows.retain(|(_, need)| all || need.is_some());
    rows.sort_by_key(|(incident, need)| {
        let due = need.as_ref().map(|need| need.due.unwrap_or(Timestamp::MAX));
        let level = incident.severity.as_ref().map(|severity| severity.level);
        (due.is_none(), due, level, Reverse(incident.times.alerted_at), incident.id.clone())
    });
    if rows.is_empty() {
        writeln!(out, "Nothing is to be done.")?;
    } else {
        writeln!(out, "{DIM}due             who             what{DIM:#}")?;
    }
    for (incident, need) in rows {
        write_row(out, incident, need.as_ref(), now)?;
    }
    match (over, all) {
        (0, _) | (_, true) => Ok(()),
        (1, _) => writeln!(out, "{DIM}1 incident is over (--all){DIM:#}"),
        (n, _) => writeln!(out, "{DIM}{n} incidents are over (--all){DIM:#}"),
    }
}

/// Returns an incident with what is next: what a clock runs on, else what comes first.
fn row(incident: &Incident) -> (&Incident, Option<Need>) {
    let needs = incident.needs().into_iter();
    (incident, needs.min_by_key(|need| need.due.unwrap_or(Timestamp::MAX)))
}

fn write_row(
    out: &mut dyn Write,
    incident: &Incident,
    need: Option<&Need>,
    now: Timestamp,
) -> io::Result<()> {
    let (due, due_style) = match need.and_then(|need| need.due) {
        Some(due) => left(due, now),
        None => ("-".to_owned(), DIM),
    };
    let (who, what) = match need {
        Some(need) => (who(need), plain(&need.what)),
        None => ("-".to_owned(), "nothing".to_owned()),
    };
    writeln!(out, "{due_style}{due:14}{due_style:#}  {who:14}  {what}")?;
    let (level, style) = level(incident);
    let drill = if incident.drill { "drill, " } else { "" };
    let paused = if incident.is_clock_paused() { ", clock paused" } else { "" };
    writeln!(
        out,
        "                {}  {style}{level}{style:#} {drill}{}{paused}  {}",
        plain(incident.id.short()),
        incident.state.word(),
        plain(incident.codename.as_deref().unwrap_or(&incident.title)),
    )
}

fn who(need: &Need) -> String {
    match &need.person {
        Some(person) => plain(person),
        None => format!("({}?)", need.role.words()),
    }
}

fn left(due: Timestamp, now: Timestamp) -> (String, Style) {
    let left = due.duration_since(now).as_secs();
    match left {
        ..0 => (format!("{} late", span(-left)), RED),
        0..SOON => (format!("in {}", span(left)), YELLOW),
        _ => (format!("in {}", span(left)), Style::new()),
    }
}
