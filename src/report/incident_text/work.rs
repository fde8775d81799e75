//! The work: what is next, what was done, which systems, vendors and follow-ups there are.

use jiff::Timestamp;

use super::wrap::Page;
use super::{BOLD, DIM, GREEN, RED, YELLOW, section, until};
use crate::finding::plain;
use crate::incident::{Incident, Step, StepState};
use crate::report::incident_next::{command, need};

/// More steps than this are counted, not shown.
const MOST: usize = 5;

/// What is next, in order, each with its command.
pub(super) fn next(page: &mut Page, incident: &Incident, now: Timestamp) {
    let needs = incident.needs();
    section(page, "Next");
    if needs.is_empty() {
        page.line(format!("  {GREEN}nothing: it is over{GREEN:#}"));
    }
    for (number, step) in (1..).zip(needs.iter().take(MOST)) {
        page.hanging(&format!("  {number}. "), &need(step, now));
        if !step.command.is_empty() {
            page.hanging("     ", &format!("{DIM}{}{DIM:#}", command(step, incident)));
        }
    }
    if needs.len() > MOST {
        page.line(format!("  {DIM}and {} more after these{DIM:#}", needs.len() - MOST));
    }
}

pub(super) fn actions(page: &mut Page, incident: &Incident) {
    for name in ["Done", "Not done", "Left to do"] {
        let mut steps = incident.steps.iter().filter(|s| kind(s) == name).peekable();
        if steps.peek().is_some() {
            section(page, name);
        }
        steps.for_each(|step| action(page, step));
    }
    if incident.unsettled().next().is_some() {
        let words = "An unsettled step may have been done: look before anything is tried again.";
        page.line(format!("{RED}{words}{RED:#}"));
    }
}

fn kind(step: &Step) -> &'static str {
    match step.state {
        StepState::Succeeded => "Done",
        _ if step.is_unsettled() || step.state == StepState::Planned => "Left to do",
        _ => "Not done",
    }
}

fn action(page: &mut Page, step: &Step) {
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
    let mut words = format!("{}{standing}", plain(&step.id));
    for part in [&step.call, &step.target, &step.detail] {
        if !part.is_empty() {
            words.push_str("; ");
            words.push_str(&plain(part));
        }
    }
    page.hanging(&format!("  {style}{:9}{style:#} ", step.state.word()), &words);
}

pub(super) fn surroundings(page: &mut Page, incident: &Incident, now: Timestamp) {
    affected(page, incident);
    checkpoints(page, incident, now);
    if !incident.workflows.is_empty() {
        section(page, "Stopped workflows");
    }
    for workflow in &incident.workflows {
        let (name, reason) = (plain(&workflow.name), plain(&workflow.reason));
        let how = match workflow.resumed_at {
            Some(at) => format!("{GREEN}runs again{GREEN:#} since {at:.0}"),
            None => format!("{YELLOW}stands{YELLOW:#} since {:.0}", workflow.paused_at),
        };
        page.hanging("  ", &format!("{BOLD}{name}{BOLD:#} {how}: {reason}"));
    }
    if let Some(cause) = &incident.cause {
        section(page, "Root cause");
        page.hanging("  ", &format!("{}: {}", cause.category.words(), plain(&cause.description)));
        if let Some(fix) = &cause.fix {
            page.hanging("  ", &format!("fix: {}", plain(fix)));
        }
    }
    followups(page, incident, now);
}

fn affected(page: &mut Page, incident: &Incident) {
    if !incident.affected.is_empty() {
        section(page, "Systems that trust the key");
    }
    for system in &incident.affected {
        let owner = system.owner.as_deref().map_or("owner not known".to_owned(), plain);
        let trusts = system.trusts.as_deref().map(plain);
        let trusts = trusts.map_or_else(String::new, |how| format!(", {how}"));
        let works = match system.validated_at {
            Some(at) => format!("{GREEN}works without the leaked key{GREEN:#} since {at:.0}"),
            None => format!("{YELLOW}not validated{YELLOW:#}"),
        };
        let name = plain(&system.name);
        page.hanging("  ", &format!("{BOLD}{name}{BOLD:#} ({owner}{trusts}): {works}"));
    }
}

fn checkpoints(page: &mut Page, incident: &Incident, now: Timestamp) {
    if !incident.checkpoints.is_empty() {
        section(page, "Questions to vendors");
    }
    for (number, asked) in (1..).zip(&incident.checkpoints) {
        let (vendor, question) = (plain(&asked.vendor), plain(&asked.question));
        let case = asked.case.as_deref().map(plain);
        let case = case.map_or_else(String::new, |case| format!(" (case {case})"));
        let answer = match &asked.answer {
            Some(answer) => format!("{GREEN}{}{GREEN:#}", plain(answer)),
            None => format!("{YELLOW}no answer{YELLOW:#}, needed {}", until(asked.due, now)),
        };
        page.hanging(&format!("  {number}. "), &format!("{vendor}{case}: {question} {answer}"));
    }
}

fn followups(page: &mut Page, incident: &Incident, now: Timestamp) {
    if !incident.followups.is_empty() {
        section(page, "Follow-ups");
    }
    for (number, followup) in (1..).zip(&incident.followups) {
        let (title, owner) = (plain(&followup.title), plain(&followup.owner));
        let how = match &followup.result {
            Some(result) => format!("{GREEN}done{GREEN:#}: {}", plain(result)),
            None => format!("due {}", until(followup.due, now)),
        };
        page.hanging(&format!("  {number}. "), &format!("{title} ({owner}), {how}"));
    }
}
