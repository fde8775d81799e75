//! The steps a plan is made of: each with its words, its price and the permissions it needs.

use super::plan::{Action, Approval, Facts, Request, Step, Undo};
use crate::incident::Phase;
use crate::provider::{Key, KeyState, Observation, Operation};

pub(super) fn sorted(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut texts: Vec<_> = texts.collect();
    texts.sort();
    texts.dedup();
    texts
}

/// Returns a step with what follows from its operations filled in, and nothing else.
fn step(action: Action, phase: Phase, facts: &Facts, operations: &[Operation]) -> Step {
    let acts = operations.first().map_or(&[][..], |o| facts.calls_of(*o));
    let mut calls: Vec<_> = acts.iter().map(|call| call.name.clone()).collect();
    calls.dedup();
    let looks = facts.calls_of(Operation::Observe).iter();
    let needed = operations.iter().flat_map(|o| facts.calls_of(*o));
    Step {
        id: action.id().to_owned(),
        phase,
        action,
        does: String::new(),
        calls,
        target: String::new(),
        reversible: false,
        undo: None,
        shared: "nobody else".to_owned(),
        permissions: sorted(needed.chain(looks).filter_map(|call| call.permission.clone())),
        approval: Approval::A,
        expected_seconds: 10,
        requires: Vec::new(),
    }
}

pub(super) fn disable(key: &Key, facts: &Facts) -> Step {
    Step {
        does: format!(
            "stop key {} of {}, after asking with it whether the secret is its own",
            key.id, key.owner
        ),
        target: key.id.clone(),
        reversible: true,
        undo: Some(Undo {
            words: format!("start key {} again (revives a leaked key)", key.id),
            operation: Operation::Enable,
        }),
        shared: format!(
            "everything that works with key {}; other keys of {} are not touched",
            key.id, key.owner
        ),
        ..step(Action::Disable, Phase::Containment, facts, &[Operation::Disable])
    }
}

pub(super) fn prove_dead(key: &Key, facts: &Facts, requires: Vec<String>) -> Step {
    let only_asks = Step {
        permissions: sorted(
            facts.calls_of(Operation::Probe).iter().filter_map(|call| call.permission.clone()),
        ),
        ..step(Action::ProveDead, Phase::Containment, facts, &[Operation::Probe])
    };
    Step {
        does: format!(
            "ask {} with key {} itself until it was refused twice",
            facts.provider, key.id
        ),
        target: key.id.clone(),
        reversible: true,
        expected_seconds: 15,
        requires,
        ..only_asks
    }
}

/// Returns the steps that make and deliver a replacement, or why a person must do it.
pub(super) fn replacement(
    observation: &Observation,
    facts: &Facts,
    request: &Request,
    delivery: &str,
) -> Result<Vec<Step>, String> {
    let key = &observation.key;
    let by_hand = |why: String| Err(format!("make and deliver a replacement: {why}"));
    if key.state == KeyState::Absent {
        return by_hand(format!(
            "key {} isn't there, so nothing is changed on its account",
            key.id
        ));
    }
    if !facts.can(Operation::Create) {
        return by_hand(format!("{} has no call for it", facts.provider));
    }
    let present = |key: &&Key| key.state != KeyState::Absent;
    let siblings: Vec<&Key> = observation.siblings.iter().filter(present).collect();
    if siblings.len() + 1 < facts.keys_per_owner {
        return Ok(vec![rotate(key, facts, None), deliver(delivery, key)]);
    }
    let inactive = siblings.iter().filter(|key| key.state == KeyState::Inactive);
    let oldest = inactive.min_by_key(|key| (key.created_at, &key.id));
    match oldest {
        Some(sibling) if request.replace_inactive && facts.can(Operation::Delete) => Ok(vec![
            delete_inactive(sibling, facts),
            rotate(key, facts, Some(sibling)),
            deliver(delivery, key),
        ]),
        Some(sibling) => by_hand(format!(
            "{} has no place for a further key; its other key {} is inactive and may be deleted, \
             if that is asked for",
            key.owner, sibling.id
        )),
        None => by_hand(format!(
            "{} has no place for a further key and its other keys ({}) are active; move its \
             consumers to one of those, or free a place by hand",
            key.owner,
            siblings.iter().map(|key| key.id.as_str()).collect::<Vec<_>>().join(", ")
        )),
    }
}

fn delete_inactive(sibling: &Key, facts: &Facts) -> Step {
    Step {
        does: format!(
            "delete the inactive key {} of {} to make room for a replacement",
            sibling.id, sibling.owner
        ),
        target: sibling.id.clone(),
        shared: format!("whoever meant to start key {} again", sibling.id),
        approval: Approval::C,
        ..step(Action::DeleteInactive, Phase::Recovery, facts, &[Operation::Delete])
    }
}

fn rotate(key: &Key, facts: &Facts, freed: Option<&Key>) -> Step {
    Step {
        does: format!(
            "make a second key for {}; a key made by a call whose answer was lost is deleted and \
             made anew, for nobody has its secret",
            key.owner
        ),
        target: key.owner.clone(),
        reversible: true,
        undo: Some(Undo {
            words: "delete the new key; whoever got it loses it".to_owned(),
            operation: Operation::Delete,
        }),
        shared: format!("{}: the new key has all its permissions", key.owner),
        approval: Approval::B,
        requires: freed.map(|_| Action::DeleteInactive.id().to_owned()).into_iter().collect(),
        ..step(Action::Rotate, Phase::Recovery, facts, &[Operation::Create, Operation::Delete])
    }
}

fn deliver(delivery: &str, key: &Key) -> Step {
    Step {
        id: Action::Deliver.id().to_owned(),
        phase: Phase::Recovery,
        action: Action::Deliver,
        does: format!("hand the new key of {} to {delivery}", key.owner),
        calls: Vec::new(),
        target: delivery.to_owned(),
        reversible: false,
        undo: None,
        shared: "the consumers of the new key, which take it up".to_owned(),
        permissions: Vec::new(),
        // What was handed over can't be taken back, but undoing `rotate` makes it worthless.
        approval: Approval::B,
        expected_seconds: 30,
        requires: vec![Action::Rotate.id().to_owned()],
    }
}
