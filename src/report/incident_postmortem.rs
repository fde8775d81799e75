//! The review of an incident, made of a template that can be edited: `{{name}}` stands for a part.

use std::fmt::Write as _;

use super::incident_text::{span, visibility};
use super::markdown::escape;
use crate::incident::{Clocks, DEFINITIONS, Head, Incident, Role, StepState};

/// The template that is used where nobody gives one.
pub const TEMPLATE: &str = include_str!("postmortem.md");

/// The parts a template can name.
pub const PARTS: [&str; 14] = [
    "title",
    "marking",
    "summary",
    "roles",
    "impact",
    "timeline",
    "figures",
    "cause",
    "went_well",
    "gaps",
    "lessons",
    "actions",
    "vendors",
    "record",
];

/// Returns the template with its parts filled in.
///
/// # Errors
/// The name of a part that there isn't.
pub fn fill(template: &str, incident: &Incident, head: &Head) -> Result<String, String> {
    let mut text = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else { break };
        text.push_str(before);
        let part = part(name.trim(), incident, head).ok_or_else(|| name.trim().to_owned())?;
        text.push_str(part.trim_end());
        rest = after;
    }
    text.push_str(rest);
    Ok(text)
}

fn part(name: &str, incident: &Incident, head: &Head) -> Option<String> {
    Some(match name {
        "title" => escape(incident.codename.as_deref().unwrap_or(&incident.title)),
        "marking" => marking(incident),
        "summary" => summary(incident),
        "roles" => roles(incident),
        "impact" => impact(incident),
        "timeline" => timeline(incident),
        "figures" => figures(incident),
        "cause" => cause(incident),
        "went_well" => list(&went_well(incident), "*To be said by those who were there.*"),
        "gaps" => {
            list(&gaps(incident), "*None is in the record; what did those miss who were there?*")
        }
        "lessons" => incident.lessons.as_deref().map_or("*Not said yet.*".to_owned(), escape),
        "actions" => actions(incident),
        "vendors" => vendors(incident),
        "record" => {
            format!("{}, head `{}`.", escape(incident.id.as_str()), escape(&head.to_string()))
        }
        _ => return None,
    })
}

fn list(items: &[String], otherwise: &str) -> String {
    match items.is_empty() {
        true => otherwise.to_owned(),
        false => items.iter().map(|item| format!("* {item}\n")).collect(),
    }
}

fn marking(incident: &Incident) -> String {
    let tlp = incident.tlp.map(|tlp| format!("**{}**", tlp.words()));
    let drill = incident.drill.then(|| "**A drill: it counts in no scorecard.**".to_owned());
    [tlp, drill].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn summary(incident: &Incident) -> String {
    let severity = incident.severity.as_ref();
    let level = severity.map_or("Not classified".to_owned(), |s| s.level.to_string());
    let times = &incident.times;
    let mut text = format!(
        "{level}. A credential of {} became readable {:.0} at the earliest; the first alert came {:.0}.",
        escape(&incident.credential.provider),
        times.leaked_at.lower,
        times.alerted_at,
    );
    let moments = [
        ("The detection was confirmed", times.detected_at),
        ("It was contained", times.contained_at),
        ("The cause was gone", times.eradicated_at),
        ("Consumers worked again", times.recovered_at),
    ];
    for (what, at) in moments {
        match at {
            Some(at) => _ = write!(text, " {what} {at:.0}."),
            None => _ = write!(text, " {what}: not yet."),
        }
    }
    if let Some(usage) = &incident.usage {
        let (words, reason) = (usage.conclusion.words(), escape(&usage.reason));
        let _ = write!(text, "\n\nWhat the key was used for: {words}. {reason}.");
    }
    for link in &incident.links {
        let (other, reason) = (escape(link.other.short()), escape(&link.reason));
        let _ = write!(text, "\n\nThis incident {} {other}: {reason}.", link.relation.words());
    }
    for repeat in &incident.repeats {
        let (prior, reason) = (escape(repeat.prior.short()), escape(&repeat.reason));
        let _ = write!(text, "\n\nIt happened before, in {prior}: {reason}.");
    }
    text
}

fn roles(incident: &Incident) -> String {
    let mut text = "| role | person | stands in |\n|---|---|---|\n".to_owned();
    for role in Role::ALL {
        let of = |people: &std::collections::BTreeMap<Role, String>| {
            people.get(&role).map_or("–".to_owned(), |person| escape(person))
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} |",
            role.words(),
            of(&incident.roles),
            of(&incident.deputies)
        );
    }
    text
}

fn impact(incident: &Incident) -> String {
    let exposure = &incident.exposure;
    let mut text =
        format!("Exposed in {} ({}).", escape(&exposure.root), visibility(exposure.visibility));
    let misused = incident.severity.as_ref().map(|severity| severity.inputs.misused);
    text.push_str(match misused {
        Some(Some(true)) => " Somebody who should not have used it did.",
        Some(Some(false)) => " It was not misused.",
        _ => " Whether it was misused is not known.",
    });
    if !incident.affected.is_empty() {
        text.push_str("\n\n| system | owner | how it trusts the key | works without it since |\n|---|---|---|---|\n");
    }
    for system in &incident.affected {
        let or_dash = |words: &Option<String>| words.as_deref().map_or("–".to_owned(), escape);
        let since = system.validated_at.map_or("–".to_owned(), |at| format!("{at:.0}"));
        let (owner, trusts) = (or_dash(&system.owner), or_dash(&system.trusts));
        let _ = writeln!(text, "| {} | {owner} | {trusts} | {since} |", escape(&system.name));
    }
    text
}

fn timeline(incident: &Incident) -> String {
    let mut text = "| time | who | what |\n|---|---|---|\n".to_owned();
    for line in &incident.timeline {
        let _ =
            writeln!(text, "| {:.0} | {} | {} |", line.at, escape(&line.actor), escape(&line.text));
    }
    text
}

fn figures(incident: &Incident) -> String {
    let mut text = "| figure | value | meaning |\n|---|---:|---|\n".to_owned();
    for ((name, figure), (_, meaning)) in incident.figures.named().into_iter().zip(DEFINITIONS) {
        let value = figure.map_or("open".to_owned(), |figure| span(figure.seconds));
        let doubt = figure.and_then(|figure| figure.doubt.as_ref());
        let doubt = doubt.map_or(String::new(), |doubt| format!(" **{}**", escape(doubt)));
        let _ = writeln!(text, "| {name} | {value} | {meaning}{doubt} |");
    }
    text
}

fn cause(incident: &Incident) -> String {
    let Some(cause) = &incident.cause else { return "*Not known yet.*".to_owned() };
    let fix = cause.fix.as_deref().map(|fix| format!("\n\nThe fix: {}", escape(fix)));
    let words = format!("{}: {}", cause.category.words(), escape(&cause.description));
    words + &fix.unwrap_or_default()
}

/// Returns the clocks with how each ended.
fn clocks(sla: &Clocks) -> [(&'static str, Option<bool>); 2] {
    [("response", sla.response.breached), ("resolution", sla.resolution.breached)]
}

fn went_well(incident: &Incident) -> Vec<String> {
    let mut items = Vec::new();
    let kept = incident.sla.iter().flat_map(clocks).filter(|(_, late)| *late == Some(false));
    items.extend(kept.map(|(name, _)| format!("The {name} was in time.")));
    let done = incident.steps.iter().filter(|step| step.state == StepState::Succeeded);
    items.extend(done.map(|step| format!("`{}` did what it should.", step.id.replace('`', "'"))));
    if incident.times.contained_verified_at.is_some() {
        items.push("The containment was proved, not assumed.".to_owned());
    }
    items
}

fn gaps(incident: &Incident) -> Vec<String> {
    let mut items = Vec::new();
    let late = incident.sla.iter().flat_map(clocks).filter(|(_, late)| *late == Some(true));
    items.extend(late.map(|(name, _)| format!("The {name} was late.")));
    let failed =
        |state| matches!(state, StepState::Failed | StepState::Refused | StepState::Unknown);
    let steps = incident.steps.iter().filter(|step| failed(step.state));
    items.extend(steps.map(|step| {
        format!("`{}`: {}: {}", step.id.replace('`', "'"), step.state.word(), escape(&step.detail))
    }));
    let open = incident.checkpoints.iter().filter(|asked| asked.answer.is_none());
    items.extend(open.map(|asked| format!("{} never answered.", escape(&asked.vendor))));
    items.extend(
        incident
            .repeats
            .iter()
            .map(|repeat| format!("It happened before: {}.", escape(&repeat.reason))),
    );
    items.extend(
        incident
            .oddities
            .iter()
            .map(|oddity| format!("Event {}: {}.", oddity.seq, escape(&oddity.what))),
    );
    items
}

fn actions(incident: &Incident) -> String {
    if incident.followups.is_empty() {
        return "*None yet: what is done so that it can't happen again?*".to_owned();
    }
    let mut text = "| action | owner | due | done |\n|---|---|---|---|\n".to_owned();
    for followup in &incident.followups {
        let done = followup.result.as_deref().map_or("–".to_owned(), escape);
        let (title, owner) = (escape(&followup.title), escape(&followup.owner));
        let _ = writeln!(text, "| {title} | {owner} | {:.0} | {done} |", followup.due);
    }
    text
}

fn vendors(incident: &Incident) -> String {
    let items = incident.checkpoints.iter().map(|asked| {
        let answer = asked.answer.as_deref().map_or("no answer".to_owned(), escape);
        format!("{}: {} — {answer}", escape(&asked.vendor), escape(&asked.question))
    });
    list(&items.collect::<Vec<_>>(), "None was asked anything.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_names_every_part_and_no_other() {
        let named: Vec<&str> = TEMPLATE
            .split("{{")
            .skip(1)
            .filter_map(|rest| Some(rest.split_once("}}")?.0))
            .collect();
        assert_eq!(named, PARTS);
    }
}
