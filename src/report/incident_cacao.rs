//! The runbook of an incident as a CACAO 2.0 playbook: the steps of its plan, and what people do.
//!
//! It is a description for other tools and people: nothing in it is a call that can be replayed, for a
//! step without a look before and after is no containment.

use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::incident::{Incident, Phase};

/// Writes the playbook.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, incident: &Incident) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &playbook(incident))?;
    writeln!(out)
}

/// One step: its name, what is done, whether a person does it.
struct Step {
    name: String,
    what: String,
}

fn steps(incident: &Incident) -> Vec<Step> {
    let by_hand = |name: &str, what: &str| Step { name: name.to_owned(), what: what.to_owned() };
    let mut steps = vec![
        by_hand(
            "identify",
            "Judge whether the credential is real, whose it is, and what it can do.",
        ),
        by_hand(
            "classify",
            "Apply the severity rule to what is known; what is not known counts as the worse.",
        ),
    ];
    let planned = incident.steps.iter().filter(|step| !step.superseded);
    steps.extend(planned.map(|step| Step {
        name: step.id.clone(),
        what: format!(
            "Call {} on {}; look at the provider before and after.",
            step.call, step.target
        ),
    }));
    if incident.steps.is_empty() {
        steps.push(by_hand(
            "contain",
            "Stop the credential at its provider and prove that it is refused.",
        ));
    }
    steps.push(by_hand("eradicate", "Find out why it could leak, and remove the cause."));
    for system in &incident.affected {
        let what = format!("See that {} works without the leaked credential.", system.name);
        steps.push(Step { name: format!("validate {}", system.name), what });
    }
    steps.push(by_hand(
        "recover",
        "Let every consumer work on the replacement, and remove what was narrowed.",
    ));
    steps.push(by_hand("review", "Agree on follow-ups, each with an owner and a date, and close."));
    steps
}

fn playbook(incident: &Incident) -> Value {
    let id = |kind: &str, name: &str| identifier(kind, &format!("{}/{name}", incident.id));
    let (start, end) = (id("start", "start"), id("end", "end"));
    let agent = identifier("organization", "responders");
    let steps = steps(incident);
    let key = |at: usize| match steps.get(at) {
        Some(step) => id("action", &format!("{at}/{}", step.name)),
        None => end.clone(),
    };
    let mut workflow = Map::new();
    workflow.insert(start.clone(), json!({"type": "start", "on_completion": key(0)}));
    for (at, step) in steps.iter().enumerate() {
        let action = json!({
            "type": "action",
            "name": step.name,
            "on_completion": key(at + 1),
            "agent": agent,
            "commands": [{"type": "manual", "command": step.what}],
        });
        workflow.insert(key(at), action);
    }
    workflow.insert(end, json!({"type": "end"}));
    let created = milliseconds(incident.times.opened_at);
    let modified = incident.timeline.last().map_or(incident.times.opened_at, |line| line.at);
    json!({
        "type": "playbook",
        "spec_version": "cacao-2.0",
        "id": id("playbook", "playbook"),
        "name": format!("Contain a leaked credential of {}", incident.credential.provider),
        "description": format!("The runbook of {}, from {} to {}.",
            incident.id, Phase::Identification.words(), Phase::LessonsLearned.words()),
        "playbook_types": ["remediation"],
        "playbook_activities": ["eliminate-risk"],
        "created_by": identifier("identity", "stanch"),
        "created": created,
        "modified": milliseconds(modified.max(incident.times.opened_at)),
        "revoked": false,
        "workflow_start": start,
        "workflow": workflow,
        "agent_definitions": {agent: {"type": "organization", "name": "The responders"}},
    })
}

pub(super) fn milliseconds(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// Returns an identifier that is the same for the same name: a playbook exported twice is one.
pub(super) fn identifier(kind: &str, name: &str) -> String {
    let digest = Sha256::digest(format!("stanch cacao {kind} {name}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    // Marked as version 5: made of a name.
    let id = uuid::Builder::from_bytes(bytes)
        .with_variant(uuid::Variant::RFC4122)
        .with_version(uuid::Version::Sha1)
        .into_uuid();
    format!("{kind}--{id}")
}
