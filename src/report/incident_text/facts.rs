//! The first screen: how bad, how long, who leads, approves and owns what is left, how far it is.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::wrap::Page;
use super::{BOLD, DIM, GREEN, RED, YELLOW, deadline, level, visibility};
use crate::finding::plain;
use crate::incident::{Incident, Phase, Role};

pub(super) fn heading(page: &mut Page, incident: &Incident) {
    let (level, style) = level(incident);
    let drill = if incident.drill { "  DRILL" } else { "" };
    let tlp = incident.tlp.map(|tlp| format!("  {DIM}{}{DIM:#}", tlp.words()));
    page.line(format!(
        "{style}{level}{style:#}  {BOLD}{}{BOLD:#}{YELLOW}{drill}{YELLOW:#}{}",
        incident.state.word(),
        tlp.unwrap_or_default(),
    ));
    let codename = incident.codename.as_deref().map(plain);
    let codename = codename.map_or_else(String::new, |name| format!("  \"{name}\""));
    page.line(format!("{}{codename}", plain(incident.id.as_str())));
    page.hanging("", &format!("{BOLD}{}{BOLD:#}", plain(&incident.title)));
    page.line("");
}

pub(super) fn facts(page: &mut Page, incident: &Incident, now: Timestamp) {
    if let Some(sla) = &incident.sla {
        page.fact("Response", &deadline(&sla.response, now));
        page.fact("Resolution", &deadline(&sla.resolution, now));
    }
    if incident.is_clock_paused() {
        let reason = incident.clock_pauses.last().map(|pause| plain(&pause.reason));
        page.fact("", &reason.unwrap_or_default());
    }
    people(page, incident);
    page.fact("Phase", &phases(incident));
    page.fact("State", &state(incident));
    page.fact("Severity", &severity(incident));
    page.fact("Credential", &credential(incident));
    page.fact("Exposure", &exposure(incident));
    for repeat in &incident.repeats {
        let (prior, reason) = (plain(repeat.prior.short()), plain(&repeat.reason));
        page.fact("Before", &format!("{YELLOW}{prior}{YELLOW:#}: {reason}"));
    }
    if let Some(usage) = &incident.usage {
        let (words, reason) = (usage.conclusion.words(), plain(&usage.reason));
        page.fact("Used", &format!("{words}: {reason}"));
    }
    for link in &incident.links {
        let (other, reason) = (plain(link.other.short()), plain(&link.reason));
        page.fact("Linked", &format!("{} {other}: {reason}", link.relation.words()));
    }
    if let Some(plan) = &incident.plan {
        let (hash, by) = (plain(&plan.hash), plain(&plan.by));
        page.fact("Plan", &format!("{hash}, approved by {by}"));
    }
}

/// Who leads, who approves, who owns what is left: the three questions first, then the others.
fn people(page: &mut Page, incident: &Incident) {
    page.fact("Lead", &lead(incident));
    for (label, role) in [("Approves", Role::Approver), ("Follow-ups", Role::FollowUpOwner)] {
        let open = format!("{YELLOW}nobody yet{YELLOW:#}");
        page.fact(label, &held(incident, role).unwrap_or(open));
    }
    for role in [Role::TechnicalLead, Role::Communications, Role::Scribe] {
        if let Some(words) = held(incident, role) {
            page.fact("", &format!("{words} is {}", role.words()));
        }
    }
}

/// Returns who has a role, and who stands in.
fn held(incident: &Incident, role: Role) -> Option<String> {
    let deputy = incident.deputies.get(&role).map(|person| plain(person));
    match (incident.roles.get(&role).map(|person| plain(person)), deputy) {
        (Some(person), Some(deputy)) => Some(format!("{person} (deputy {deputy})")),
        (Some(person), None) => Some(person),
        (None, Some(deputy)) => Some(format!("{deputy}, standing in")),
        (None, None) => None,
    }
}

fn lead(incident: &Incident) -> String {
    let deputy = incident.deputies.get(&Role::Commander).map(|person| plain(person));
    let deputy = deputy.map_or_else(String::new, |person| format!(", deputy {person}"));
    match (incident.lead(), &incident.acknowledged_by) {
        (Some(person), _) => format!("{} (commander){deputy}", plain(person)),
        (None, Some(by)) => {
            format!("{YELLOW}no commander{YELLOW:#}; {} took it{deputy}", plain(by))
        }
        (None, None) => format!("{RED}nobody has taken it{RED:#}{deputy}"),
    }
}

/// Returns the phases with a mark each: done, at work, to come.
fn phases(incident: &Incident) -> String {
    let done = incident.done();
    let mut words = Vec::new();
    for phase in &Phase::ALL[1..] {
        // One word each, so that a mark never stands at the end of a line without its phase.
        let name = phase.words().split(' ').next().unwrap_or_default();
        words.push(match (done.contains(phase), *phase == incident.phase) {
            (true, _) => format!("{GREEN}[x]{GREEN:#}{name}"),
            (false, true) => format!("{YELLOW}[>]{YELLOW:#}{BOLD}{name}{BOLD:#}"),
            (false, false) => format!("{DIM}[.]{name}{DIM:#}"),
        });
    }
    let mut words = words.join(" ");
    if incident.reopened > 0 {
        let _ = write!(words, "  (went back {} times)", incident.reopened);
    }
    words
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
    let leaked = &incident.times.leaked_at;
    let _ = write!(words, "; leaked {:.0}", leaked.lower);
    if leaked.upper != leaked.lower {
        let _ = write!(words, " to {:.0}", leaked.upper);
    }
    let _ = write!(words, " ({})", plain(&leaked.source));
    words
}
