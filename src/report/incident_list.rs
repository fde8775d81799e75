//! Who must do what by when, the soonest first.

use std::cmp::Reverse;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;

use super::incident_text::{level_style, span};
use crate::finding::plain;
use crate::incident::{Need, Summary};

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
    incidents: &[Summary],
    now: Timestamp,
    all: bool,
) -> io::Result<()> {
    let over = incidents.iter().filter(|summary| summary.urgent.is_none()).count();
    let mut rows: Vec<&Summary> = incidents.iter().collect();
    rows.retain(|summary| all || summary.urgent.is_some());
    rows.sort_by_key(|summary| {
        let due = summary.urgent.as_ref().map(|need| need.due.unwrap_or(Timestamp::MAX));
        (due.is_none(), due, summary.level, Reverse(summary.alerted_at), &summary.id)
    });
    if rows.is_empty() {
        writeln!(out, "Nothing is to be done.")?;
    } else {
        writeln!(out, "{DIM}due             who             what{DIM:#}")?;
    }
    for summary in rows {
        write_row(out, summary, now)?;
    }
    match (over, all) {
        (0, _) | (_, true) => Ok(()),
        (1, _) => writeln!(out, "{DIM}1 incident is over (--all){DIM:#}"),
        (n, _) => writeln!(out, "{DIM}{n} incidents are over (--all){DIM:#}"),
    }
}

fn write_row(out: &mut dyn Write, summary: &Summary, now: Timestamp) -> io::Result<()> {
    let need = summary.urgent.as_ref();
    let (due, due_style) = match need.and_then(|need| need.due) {
        Some(due) => left(due, now),
        None => ("-".to_owned(), DIM),
    };
    let (who, what) = match need {
        Some(need) => (who(need), plain(&need.what)),
        None => ("-".to_owned(), "nothing".to_owned()),
    };
    writeln!(out, "{due_style}{due:14}{due_style:#}  {who:14}  {what}")?;
    let (level, style) = level_style(summary.level);
    let drill = if summary.drill { "drill, " } else { "" };
    let paused = if summary.is_clock_paused { ", clock paused" } else { "" };
    writeln!(
        out,
        "                {}  {style}{level}{style:#} {drill}{}{paused}  {}",
        plain(summary.id.short()),
        summary.state.word(),
        plain(summary.codename.as_deref().unwrap_or(&summary.title)),
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
