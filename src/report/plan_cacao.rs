//! A plan as a CACAO 2.0 playbook, for those who review it in another tool: a description, nothing that
//! can be replayed.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::incident_cacao::{identifier, milliseconds};
use crate::contain::{Plan, Step};

/// Writes the playbook.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, plan: &Plan) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &playbook(plan))?;
    writeln!(out)
}

fn playbook(plan: &Plan) -> Value {
    let hash = plan.hash();
    let id = |kind: &str, name: &str| identifier(kind, &format!("{hash}/{name}"));
    let (start, end) = (id("start", "start"), id("end", "end"));
    let agent = identifier("organization", "responders");
    let key = |at: usize| match plan.steps.get(at) {
        Some(step) => id("action", &format!("{at}/{}", step.id)),
        None => end.clone(),
    };
    let mut workflow = Map::new();
    workflow.insert(start.clone(), json!({"type": "start", "on_completion": key(0)}));
    for (at, step) in plan.steps.iter().enumerate() {
        let action = json!({
            "type": "action",
            "name": step.id,
            "on_completion": key(at + 1),
            "agent": agent,
            "commands": [{"type": "manual", "command": command(step)}],
        });
        workflow.insert(key(at), action);
    }
    workflow.insert(end, json!({"type": "end"}));
    json!({
        "type": "playbook",
        "spec_version": "cacao-2.0",
        "id": id("playbook", "playbook"),
        "name": format!("Contain key {} of {}", plan.key_id, plan.provider),
        "description": format!(
            "{} ({}): {}. Plan hash {hash}.",
            plan.mode.mode.name(), plan.mode.rule, plan.mode.reason
        ),
        "playbook_types": ["remediation"],
        "playbook_activities": ["eliminate-risk"],
        "created_by": identifier("identity", "stanch"),
        "created": milliseconds(plan.observed_at),
        "modified": milliseconds(plan.observed_at),
        "revoked": false,
        "workflow_start": start,
        "workflow": workflow,
        "agent_definitions": {agent: {"type": "organization", "name": "The responders"}},
    })
}

fn command(step: &Step) -> String {
    let undo = match &step.undo {
        Some(undo) => format!("Undo: {}.", undo.words),
        None if step.reversible => "It only looks.".to_owned(),
        None => "It can't be taken back.".to_owned(),
    };
    let calls = match step.calls.is_empty() {
        true => "No call of the provider".to_owned(),
        false => format!("Call {}", step.calls.join(", ")),
    };
    let by_hand = step.by_hand.as_ref().map(|command| format!(" By hand: {command}"));
    let (first, rest) = step.does.split_at(step.does.chars().next().map_or(0, char::len_utf8));
    format!(
        "{}{rest}. {calls} on {}; look before and after. Approval class {:?}. {undo}{}",
        first.to_uppercase(),
        step.target,
        step.approval,
        by_hand.unwrap_or_default()
    )
}
