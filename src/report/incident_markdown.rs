//! The record of an incident as Markdown: the skeleton of its review.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::incident::{DEFINITIONS, Head, Incident, Times};

use super::incident_text::{span, visibility};
use super::markdown::escape;

/// Writes the record: summary, figures, timeline, steps, evidence, lessons.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, incident: &Incident, head: &Head) -> io::Result<()> {
    let mut text = String::new();
    summary(&mut text, incident);
    figures(&mut text, incident);
    times(&mut text, &incident.times);
    steps(&mut text, incident);
    evidence(&mut text, incident);
    timeline(&mut text, incident);
    oddities(&mut text, incident);
    lessons(&mut text, incident);
    row(&mut text, format_args!("\nChain head: `{}:{}`", head.seq, escape(&head.hash)));
    out.write_all(text.as_bytes())
}

/// Writes a line. Writing to a string can't fail.
fn row(text: &mut String, words: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "{words}");
}

fn summary(text: &mut String, incident: &Incident) {
    row(text, format_args!("# {}\n", escape(&incident.title)));
    if incident.drill {
        row(text, format_args!("**This was a drill. It counts in no scorecard.**\n"));
    }
    row(text, format_args!("| | |\n|---|---|"));
    let mut fact = |name: &str, value: &str| row(text, format_args!("| {name} | {value} |"));
    fact("Incident", &escape(incident.id.as_str()));
    fact("State", incident.state.word());
    fact("Phase", incident.phase.words());
    fact("Severity", &severity(incident));
    fact("Verdict", &verdict(incident));
    let credential = &incident.credential;
    let key = (credential.key_id.as_ref()).map_or_else(String::new, |id| format!(", key id {id}"));
    fact(
        "Credential",
        &escape(&format!(
            "{} {} of {}{key}, fingerprint {}",
            credential.pattern, credential.redacted, credential.provider, credential.fingerprint
        )),
    );
    let exposure = &incident.exposure;
    let who = visibility(exposure.visibility);
    fact("Exposure", &escape(&format!("{} ({who})", exposure.root)));
    for place in &exposure.places {
        fact("", &escape(place));
    }
    if let Some(commit) = &exposure.first_commit {
        fact("First commit", &escape(commit));
    }
    for (role, person) in &incident.roles {
        fact(&capitalised(role.words()), &escape(person));
    }
    if let Some(plan) = &incident.plan {
        let approved = format!("{}, approved by {}", plan.hash, plan.by);
        fact("Plan", &escape(&approved));
    }
}

fn severity(incident: &Incident) -> String {
    match &incident.severity {
        Some(severity) => {
            escape(&format!("{} by {}: {}", severity.level, severity.rule, severity.reason))
        }
        None => "not classified".to_owned(),
    }
}

fn verdict(incident: &Incident) -> String {
    match &incident.verdict {
        Some(judgement) => escape(&format!("{}: {}", judgement.verdict.words(), judgement.reason)),
        None => "not judged".to_owned(),
    }
}

fn figures(text: &mut String, incident: &Incident) {
    row(text, format_args!("\n## Figures\n"));
    row(text, format_args!("| figure | value | seconds | meaning |"));
    row(text, format_args!("|---|---:|---:|---|"));
    for ((name, figure), (_, meaning)) in incident.figures.named().into_iter().zip(DEFINITIONS) {
        let (value, seconds) = match figure {
            Some(figure) => (span(figure.seconds), figure.seconds.to_string()),
            None => ("open".to_owned(), String::new()),
        };
        let doubt = figure.and_then(|figure| figure.doubt.as_ref());
        let doubt = doubt.map_or_else(String::new, |doubt| format!(" **{}**", escape(doubt)));
        row(text, format_args!("| {name} | {value} | {seconds} | {meaning}{doubt} |"));
    }
    let Some(sla) = &incident.sla else { return };
    for (name, clock) in [("Response", &sla.response), ("Resolution", &sla.resolution)] {
        let how = match clock.breached {
            Some(true) => "missed",
            Some(false) => "in time",
            None => "running",
        };
        row(text, format_args!("\n{name} was due {:.0}: {how}.", clock.due_at));
    }
}

fn times(text: &mut String, times: &Times) {
    row(text, format_args!("\n## Times\n\n| moment | time |\n|---|---|"));
    let leaked = &times.leaked_at;
    row(
        text,
        format_args!(
            "| leaked | {:.0} to {:.0} ({}) |",
            leaked.lower,
            leaked.upper,
            escape(&leaked.source)
        ),
    );
    let moments = [
        ("alerted", Some(times.alerted_at)),
        ("detected (confirmed)", times.detected_at),
        ("acknowledged", times.acknowledged_at),
        ("contained", times.contained_at),
        ("containment proved", times.contained_verified_at),
        ("eradicated", times.eradicated_at),
        ("recovered", times.recovered_at),
        ("closed", times.closed_at),
        ("cancelled", times.cancelled_at),
    ];
    for (name, at) in moments {
        if let Some(at) = at {
            row(text, format_args!("| {name} | {at:.0} |"));
        }
    }
}

fn steps(text: &mut String, incident: &Incident) {
    row(text, format_args!("\n## Steps\n"));
    if incident.steps.is_empty() {
        return row(text, format_args!("None were taken."));
    }
    row(text, format_args!("| step | state | call | target | seen |"));
    row(text, format_args!("|---|---|---|---|---|"));
    for step in &incident.steps {
        let [id, call, target, detail] =
            [&step.id, &step.call, &step.target, &step.detail].map(|part| escape(part));
        let state = step.state.word();
        row(text, format_args!("| {id} | {state} | {call} | {target} | {detail} |"));
    }
}

fn evidence(text: &mut String, incident: &Incident) {
    row(text, format_args!("\n## Evidence\n"));
    if incident.evidence.is_empty() {
        return row(text, format_args!("None was kept."));
    }
    row(text, format_args!("| event | kept at | what | SHA-256 |"));
    row(text, format_args!("|---:|---|---|---|"));
    for evidence in &incident.evidence {
        row(
            text,
            format_args!(
                "| {} | {:.0} | {} | {} |",
                evidence.seq,
                evidence.at,
                escape(&evidence.name),
                escape(&evidence.sha256)
            ),
        );
    }
}

fn timeline(text: &mut String, incident: &Incident) {
    row(text, format_args!("\n## Timeline\n"));
    row(text, format_args!("| event | time | who | what |\n|---:|---|---|---|"));
    for line in &incident.timeline {
        row(
            text,
            format_args!(
                "| {} | {:.0} | {} | {} |",
                line.seq,
                line.at,
                escape(&line.actor),
                escape(&line.text)
            ),
        );
    }
}

fn oddities(text: &mut String, incident: &Incident) {
    if incident.oddities.is_empty() {
        return;
    }
    row(text, format_args!("\n## What doesn't fit together\n"));
    for oddity in &incident.oddities {
        let what = escape(&oddity.what);
        row(text, format_args!("* event {}: {what}", oddity.seq));
    }
}

fn lessons(text: &mut String, incident: &Incident) {
    let or_open = |words: &Option<String>, open: &str| match words {
        Some(words) => escape(words),
        None => open.to_owned(),
    };
    let root_cause = or_open(&incident.root_cause, "*Not known yet.*");
    let lessons = or_open(&incident.lessons, "*What went well, what didn't, what follows.*");
    row(text, format_args!("\n## Root cause\n\n{root_cause}"));
    row(text, format_args!("\n## Lessons\n\n{lessons}"));
    if !incident.notes.is_empty() {
        row(text, format_args!("\n## Notes\n"));
    }
    for note in &incident.notes {
        let (by, words) = (escape(&note.by), escape(&note.text));
        row(text, format_args!("* {:.0}, {by}: {words}", note.at));
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
