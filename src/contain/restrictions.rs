//! The steps that restrict the owner of a key, or whoever it took on the identity of.

use super::action::{Action, Approval};
use super::baseline::Baseline;
use super::facts::Facts;
use super::layout::{ends_sessions, may_spare_sessions};
use super::plan::{Step, Undo};
use super::request::Request;
use super::steps::step;
use crate::incident::Phase;
use crate::provider::{Key, KeyState, Measure, Operation, end_sessions_by_hand, restrict_by_hand};

/// Returns the steps that narrow a key's owner and end its sessions.
pub(super) fn of_owner(
    key: &Key,
    facts: &Facts,
    request: &Request,
    left: &mut Vec<String>,
) -> Vec<Step> {
    if !facts.can(Operation::Restrict) {
        if request.narrow.is_some() || request.end_sessions == Some(true) {
            left.push(format!(
                "restrict {}: {} has no call for it; do it in the provider's console",
                key.owner, facts.provider
            ));
        }
        return Vec::new();
    }
    let mut steps = Vec::new();
    if let Some(measure) = &request.narrow {
        steps.push(narrow(key, facts, measure, request.baseline.as_ref()));
        left.push(format!(
            "lift the restriction of {} when it is over: `--undo narrow`{}",
            key.owner,
            match measure {
                Measure::OnlyFrom { .. } => "",
                _ if request.delivery.is_some() =>
                    "; until then the replacement is restricted, too",
                _ => "",
            }
        ));
    }
    if key.state == KeyState::Active && ends_sessions(request) || request.end_sessions == Some(true)
    {
        let step = end_sessions(&key.owner, facts);
        steps.push(match may_spare_sessions(request, facts) {
            true => Step {
                does: format!(
                    "{}, unless the evidence shows that it administers nothing",
                    step.does
                ),
                unless_harmless: true,
                ..step
            },
            false => step,
        });
    }
    steps.extend(of_roles(facts, request));
    steps
}

/// Returns the steps that end the sessions of each identity a person named.
pub(super) fn of_roles(facts: &Facts, request: &Request) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    if !facts.can(Operation::Restrict) {
        return steps;
    }
    for role in &request.roles {
        let name = role.rsplit('/').next().unwrap_or(role);
        let id = format!("{}-of-{name}", Action::EndSessions.id());
        let twins = steps.iter().filter(|step| step.id.starts_with(&id)).count();
        let id = if twins == 0 { id } else { format!("{id}-{}", twins + 1) };
        steps.push(Step {
            id,
            shared: format!("everyone who works as {role} now: they have to sign in anew"),
            ..end_sessions(role, facts)
        });
    }
    steps
}

fn restrict(action: Action, owner: &str, facts: &Facts) -> Step {
    Step {
        target: owner.to_owned(),
        reversible: true,
        undo: Some(Undo {
            words: "lift the restriction and restore what was in its place".to_owned(),
            operation: Operation::Lift,
        }),
        approval: Approval::B,
        ..step(action, Phase::Containment, facts, &[Operation::Restrict, Operation::Lift])
    }
}

fn narrow(key: &Key, facts: &Facts, measure: &Measure, baseline: Option<&Baseline>) -> Step {
    let owner = &key.owner;
    let (does, shared) = match measure {
        Measure::OnlyFrom { networks } => (
            format!(
                "deny {owner} everything from anywhere but {}",
                baseline.map_or_else(|| networks.join(", "), |known| known.words(networks))
            ),
            format!("whoever works as {owner} from elsewhere"),
        ),
        Measure::DenyAll => {
            (format!("deny {owner} everything"), format!("all other keys of {owner}"))
        }
        Measure::Boundary => (
            format!("deny {owner} everything, by a ceiling above its rights"),
            format!("all other keys of {owner}"),
        ),
        Measure::Quarantine => (
            format!("deny {owner} what the provider denies keys it found leaked"),
            format!("all other keys of {owner}, wherever they need what is denied"),
        ),
        Measure::EndSessions { .. } => (
            format!("end the sessions of {owner} that were begun before"),
            format!("whoever works in a session of {owner}"),
        ),
    };
    Step {
        does,
        shared,
        measure: Some(measure.clone()),
        by_hand: restrict_by_hand(&facts.provider, measure, owner),
        ..restrict(Action::Narrow, owner, facts)
    }
}

/// The moment before which sessions must have begun is not in the plan: it is when the step is first
/// intended, after the key was stopped, so that none slips through, and stays so when taken up again.
pub(super) fn end_sessions(owner: &str, facts: &Facts) -> Step {
    Step {
        does: format!("end the sessions of {owner} that were begun until then"),
        shared: format!("whoever works in a session of {owner}: they have to begin anew"),
        by_hand: end_sessions_by_hand(&facts.provider, owner),
        ..restrict(Action::EndSessions, owner, facts)
    }
}
