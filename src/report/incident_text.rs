//! Incidents for people at a terminal: who leads, how bad, how long, what is left; then what happened.
//!
//! Styles are written as ANSI sequences; whoever prints strips them where they don't belong. Everything
//! that people, repositories or providers wrote goes through [`plain`].

use std::fmt::Write as _;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;

use crate::finding::plain;
use crate::incident::{
    DEFINITIONS, Deadline, Head, Incident, Level, Role, Standing, State, Step, StepState,
    Visibility,
};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const GREEN: Style = AnsiColor::Green.on_default();

/// Writes one incident: the state of things on the first screen, then the timeline.
///
/// # Errors
/// Those of `out`.
pub fn write(
    out: &mut dyn Write,
    incident: &Incident,
    head: &Head,
    now: Timestamp,
) -> io::Result<()> {
    let mut text = String::new();
    heading(&mut text, incident);
    facts(&mut text, incident, now);
    steps(&mut text, incident);
    figures(&mut text, incident);
    oddities(&mut text, incident);
    timeline(&mut text, incident);
    line(&mut text, format_args!("\nChain head  {head}"));
    out.write_all(text.as_bytes())
}

/// Writes a line. Writing to a string can't fail.
fn line(text: &mut String, words: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "{words}");
}

fn heading(text: &mut String, incident: &Incident) {
    let (level, style) = level(incident);
    let drill = if incident.drill { "  DRILL" } else { "" };
    line(
        text,
        format_args!(
            "{style}{level}{style:#}  {BOLD}{}{BOLD:#}{YELLOW}{drill}{YELLOW:#}",
            incident.state.word()
        ),
    );
    line(text, format_args!("{}", plain(incident.id.as_str())));
    line(text, format_args!("{BOLD}{}{BOLD:#}\n", plain(&incident.title)));
}

pub(super) fn level(incident: &Incident) -> (String, Style) {
    let Some(severity) = &incident.severity else {
        return ("SEV?".to_owned(), RED);
    };
    let style = match severity.level {
        Level::Sev1 => RED,
        Level::Sev2 | Level::Sev3 => YELLOW,
        Level::Sev4 => DIM,
    };
    (severity.level.to_string(), style)
}

fn facts(text: &mut String, incident: &Incident, now: Timestamp) {
    let mut fact = |name: &str, value: String| line(text, format_args!("{name:11} {value}"));
    fact("Lead", lead(incident));
    let others = (incident.roles.iter()).filter(|(role, _)| **role != Role::Commander);
    for (role, person) in others {
        fact("", format!("{} is {}", plain(person), role.words()));
    }
    fact("State", state(incident));
    fact("Severity", severity(incident));
    if let Some(sla) = &incident.sla {
        fact("Response", deadline(&sla.response, now));
        fact("Resolution", deadline(&sla.resolution, now));
    }
    fact("Credential", credential(incident));
    fact("Exposure", exposure(incident));
    if let Some(plan) = &incident.plan {
        let (hash, by) = (plain(&plan.hash), plain(&plan.by));
        fact("Plan", format!("{hash}, approved by {by}"));
    }
}

fn lead(incident: &Incident) -> String {
    match (incident.lead(), &incident.acknowledged_by) {
        (Some(person), _) => format!("{} (commander)", plain(person)),
        (None, Some(by)) => format!("{YELLOW}no commander{YELLOW:#}; {} took it", plain(by)),
        (None, None) => format!("{RED}nobody has taken it{RED:#}"),
    }
}

fn state(incident: &Incident) -> String {
    let (state, phase) = (incident.state.word(), incident.phase.words());
    let verdict = match &incident.verdict {
        Some(judgement) => {
            let (verdict, reason) = (judgement.verdict.words(), plain(&judgement.reason));
            format!("{verdict} ({reason})")
        }
        None => "not judged yet".to_owned(),
    };
    format!("{state}, in {phase}; {verdict}")
}

fn severity(incident: &Incident) -> String {
    let Some(severity) = &incident.severity else {
        return "not classified yet, so no clock is known".to_owned();
    };
    let (rule, reason) = (plain(&severity.rule), plain(&severity.reason));
    format!("{} by {rule}: {reason}", severity.level)
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

fn credential(incident: &Incident) -> String {
    let credential = &incident.credential;
    let mut words = format!(
        "{} {} of {} ({})",
        plain(&credential.pattern),
        plain(&credential.redacted),
        plain(&credential.provider),
        credential.fingerprint.short(),
    );
    if let Some(id) = &credential.key_id {
        let _ = write!(words, ", key id {}", plain(id));
    }
    words
}

fn exposure(incident: &Incident) -> String {
    let exposure = &incident.exposure;
    let who = visibility(exposure.visibility);
    let mut words = format!("{} ({who})", plain(&exposure.root));
    if let Some(commit) = &exposure.first_commit {
        let _ = write!(words, ", first in commit {}", plain(commit));
    }
    if let [first, others @ ..] = &exposure.places[..] {
        let _ = write!(words, ", at {}", plain(first));
        if !others.is_empty() {
            let _ = write!(words, " and {} more", others.len());
        }
    }
    words
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

fn steps(text: &mut String, incident: &Incident) {
    for name in ["Done", "Not done", "Left to do"] {
        let mut steps = incident.steps.iter().filter(|s| section(s) == name);
        let Some(first) = steps.next() else { continue };
        line(text, format_args!("\n{BOLD}{name}{BOLD:#}"));
        for step in std::iter::once(first).chain(steps) {
            line(text, format_args!("  {}", one_step(step)));
        }
    }
    if incident.unsettled().next().is_some() {
        let words = "An unsettled step may have been done: look before anything is tried again.";
        line(text, format_args!("{RED}{words}{RED:#}"));
    }
}

fn section(step: &Step) -> &'static str {
    match step.state {
        StepState::Succeeded => "Done",
        _ if step.is_unsettled() || step.state == StepState::Planned => "Left to do",
        _ => "Not done",
    }
}

fn one_step(step: &Step) -> String {
    let style = match step.state {
        StepState::Succeeded => GREEN,
        StepState::Planned | StepState::Skipped => DIM,
        StepState::Intended | StepState::Unknown | StepState::Failed | StepState::Refused => RED,
    };
    let standing = match step {
        _ if step.is_unsettled() => " (unsettled)",
        _ if step.superseded => " (of an earlier plan)",
        _ => "",
    };
    let mut words =
        format!("{style}{:9}{style:#} {}{standing}", step.state.word(), plain(&step.id));
    for part in [&step.call, &step.target, &step.detail] {
        if !part.is_empty() {
            let _ = write!(words, "  {}", plain(part));
        }
    }
    words
}

fn figures(text: &mut String, incident: &Incident) {
    line(text, format_args!("\n{BOLD}Figures{BOLD:#}"));
    for ((name, figure), (_, meaning)) in incident.figures.named().into_iter().zip(DEFINITIONS) {
        let value = figure.map_or_else(|| "-".to_owned(), |figure| span(figure.seconds));
        line(text, format_args!("  {name} {value:>12}  {DIM}{meaning}{DIM:#}"));
        if let Some(doubt) = figure.and_then(|figure| figure.doubt.as_ref()) {
            line(text, format_args!("       {RED}{doubt}{RED:#}"));
        }
    }
    if incident.drill {
        line(text, format_args!("  A drill: it counts in no scorecard."));
    }
}

fn oddities(text: &mut String, incident: &Incident) {
    if incident.oddities.is_empty() {
        return;
    }
    let title = "What doesn't fit together";
    line(text, format_args!("\n{BOLD}{title}{BOLD:#}"));
    for oddity in &incident.oddities {
        let what = plain(&oddity.what);
        line(text, format_args!("  event {}: {what}", oddity.seq));
    }
}

fn timeline(text: &mut String, incident: &Incident) {
    line(text, format_args!("\n{BOLD}Timeline{BOLD:#}"));
    for entry in &incident.timeline {
        let (actor, what) = (plain(&entry.actor), plain(&entry.text));
        line(text, format_args!("  {:.0}  {DIM}{actor}{DIM:#}  {what}", entry.at));
    }
    if incident.state == State::Closed {
        let lessons = incident.lessons.as_deref().unwrap_or_default();
        line(text, format_args!("\nLessons     {}", plain(lessons)));
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
