//! Incidents for people at a terminal: how bad, how long, who leads, what is next; then what was done;
//! then what happened.
//!
//! Styles are written as ANSI sequences; whoever prints strips them where they don't belong. Everything
//! that people, repositories or providers wrote goes through [`plain`].

mod facts;
mod work;
mod wrap;

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;

use crate::finding::plain;
use crate::incident::{DEFINITIONS, Deadline, Head, Incident, Level, Standing, State, Visibility};
use wrap::{Page, beside};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const GREEN: Style = AnsiColor::Green.on_default();

/// The width of a terminal that doesn't tell.
pub const USUAL_WIDTH: usize = 80;
/// From this width on, what is next stands beside the facts.
const WIDE: usize = 130;
/// The least width that is used.
const NARROW: usize = 40;

/// Writes one incident: the state of things on the first screen, then the work, then the timeline.
///
/// # Errors
/// Those of `out`.
pub fn write(
    out: &mut dyn Write,
    incident: &Incident,
    head: &Head,
    now: Timestamp,
    width: usize,
) -> io::Result<()> {
    for line in page(incident, head, now, width) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Returns one incident as lines of that width.
pub fn page(incident: &Incident, head: &Head, now: Timestamp, width: usize) -> Vec<String> {
    let width = width.max(NARROW);
    let mut lines = first_screen(incident, now, width);
    let mut page = Page::new(width);
    work::actions(&mut page, incident);
    work::surroundings(&mut page, incident, now);
    figures(&mut page, incident);
    oddities(&mut page, incident);
    timeline(&mut page, incident);
    page.line("");
    page.fact("Chain head", &head.to_string());
    lines.extend(page.into_lines());
    lines
}

/// What a responder needs first, in as few lines as it takes.
fn first_screen(incident: &Incident, now: Timestamp, width: usize) -> Vec<String> {
    let mut heading = Page::new(width);
    facts::heading(&mut heading, incident);
    let mut lines = heading.into_lines();
    if width < WIDE {
        let mut page = Page::new(width);
        facts::facts(&mut page, incident, now);
        work::next(&mut page, incident, now);
        lines.extend(page.into_lines());
        return lines;
    }
    let half = width / 2;
    let (mut left, mut right) = (Page::new(half - 2), Page::new(width - half));
    facts::facts(&mut left, incident, now);
    work::next(&mut right, incident, now);
    let mut right = right.into_lines();
    // A section begins with an empty line, which a column of its own doesn't need.
    if right.first().is_some_and(String::is_empty) {
        right.remove(0);
    }
    lines.extend(beside(left.into_lines(), right, half));
    lines
}

pub(super) fn level(incident: &Incident) -> (String, Style) {
    level_style(incident.severity.as_ref().map(|severity| severity.level))
}

pub(super) fn level_style(level: Option<Level>) -> (String, Style) {
    let style = match level {
        Some(Level::Sev1) | None => RED,
        Some(Level::Sev2 | Level::Sev3) => YELLOW,
        Some(Level::Sev4) => DIM,
    };
    (level.map_or("SEV?".to_owned(), |level| level.to_string()), style)
}

pub(super) fn deadline(deadline: &Deadline, now: Timestamp) -> String {
    let due = deadline.due_at;
    match deadline.standing(now) {
        Standing::Met(after) => format!("{GREEN}in time{GREEN:#}, after {}", span(after)),
        Standing::Missed(by) => format!("{RED}missed by {}{RED:#} (due {due:.0})", span(by)),
        Standing::Running(left) => format!("{} left (due {due:.0})", span(left)),
        Standing::Due(left) => format!("{YELLOW}only {} left{YELLOW:#} (due {due:.0})", span(left)),
        Standing::Paused(left) => format!("{YELLOW}paused{YELLOW:#} with {} left", span(left)),
        Standing::Overdue(by) => format!("{RED}OVERDUE by {}{RED:#} (due {due:.0})", span(by)),
    }
}

/// Returns until when, in words.
pub(super) fn until(due: Timestamp, now: Timestamp) -> String {
    let left = due.duration_since(now).as_secs();
    match left < 0 {
        true => format!("{RED}late by {}{RED:#}", span(-left)),
        false => format!("in {}", span(left)),
    }
}

/// Returns who can read the place of a leak, in words.
pub(super) fn visibility(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Public => "public",
        Visibility::Internal => "everyone inside can read it",
        Visibility::Private => "few can read it",
        Visibility::Unknown => "nobody knows who can read it",
    }
}

/// Begins a section.
fn section(page: &mut Page, title: &str) {
    page.line("");
    page.line(format!("{BOLD}{title}{BOLD:#}"));
}

fn figures(page: &mut Page, incident: &Incident) {
    section(page, "Figures");
    for ((name, figure), (_, meaning)) in incident.figures.named().into_iter().zip(DEFINITIONS) {
        let value = figure.map_or_else(|| "-".to_owned(), |figure| span(figure.seconds));
        page.hanging(&format!("  {name} {value:>12}  "), &format!("{DIM}{meaning}{DIM:#}"));
        if let Some(doubt) = figure.and_then(|figure| figure.doubt.as_ref()) {
            page.hanging("       ", &format!("{RED}{doubt}{RED:#}"));
        }
    }
    if incident.drill {
        page.line("  A drill: it counts in no scorecard.");
    }
}

fn oddities(page: &mut Page, incident: &Incident) {
    if incident.oddities.is_empty() {
        return;
    }
    section(page, "What doesn't fit together");
    for oddity in &incident.oddities {
        page.hanging(&format!("  event {}: ", oddity.seq), &plain(&oddity.what));
    }
}

fn timeline(page: &mut Page, incident: &Incident) {
    section(page, "Timeline");
    for entry in &incident.timeline {
        let (actor, what) = (plain(&entry.actor), plain(&entry.text));
        let beginning = format!("  {:.0}  ", entry.at);
        page.hanging_at(&beginning, 4, &format!("{DIM}{actor}:{DIM:#} {what}"));
    }
    if incident.state == State::Closed {
        let lessons = incident.lessons.as_deref().unwrap_or_default();
        page.line("");
        page.fact("Lessons", &plain(lessons));
    }
}

/// Returns a stretch of time as people say it, by its two largest units.
pub(super) fn span(seconds: i64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut left = seconds.unsigned_abs();
    let mut parts = Vec::new();
    for (size, unit) in UNITS {
        if left >= size && parts.len() < 2 {
            parts.push(format!("{} {unit}", left / size));
        } else if !parts.is_empty() {
            // "1 d 5 s" would hide that nothing is said about hours and minutes.
            break;
        }
        left %= size;
    }
    let words = if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") };
    if seconds < 0 { format!("-{words}") } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_say_them() {
        for (seconds, words) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_661, "1 h 1 min"),
            (3_605, "1 h"),
            (86_400 * 3 + 7_200, "3 d 2 h"),
            (-61, "-1 min 1 s"),
        ] {
            assert_eq!(span(seconds), words);
        }
        assert!(span(i64::MIN).starts_with('-'));
    }

    #[test]
    fn what_controls_a_terminal_or_the_reading_direction_is_shown_as_a_question_mark() {
        let text = "a\u{1b}[31mb\nc\r\u{9b}d\u{202e}e\u{2028}\u{200b}é";
        assert_eq!(plain(text), "a?[31mb?c??d?e??é");
    }
}
