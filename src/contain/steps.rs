//! The steps a plan is made of: each with its words, its price and the permissions it needs.

use super::action::{Action, Approval};
use super::facts::Facts;
use super::layout::sorted;
use super::mode;
use super::plan::{Step, Undo, Waiting};
use super::request::{Proof, Request};
use crate::incident::Phase;
use crate::provider::{Call, Key, KeyState, Known, Observation, Operation, by_hand};

/// The evidence is waited for so long at most.
pub(super) const MOST_SECONDS: u32 = 60;

/// Returns a step with what follows from its operations filled in, and nothing else.
pub(super) fn step(action: Action, phase: Phase, facts: &Facts, operations: &[Operation]) -> Step {
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
        unless_harmless: false,
        measure: None,
        proof: None,
        waiting: None,
        by_hand: None,
    }
}

fn names(calls: &[Call]) -> Vec<String> {
    calls.iter().map(|call| call.name.clone()).collect()
}

fn permissions(calls: &[Call]) -> Vec<String> {
    sorted(calls.iter().filter_map(|call| call.permission.clone()))
}

pub(super) fn evidence(key: &Key, facts: &Facts) -> Step {
    Step {
        does: format!(
            "read what {} may do, while the key is being stopped; before anything else is changed it \
             is waited for, at most {MOST_SECONDS} s",
            key.owner
        ),
        target: key.owner.clone(),
        reversible: true,
        expected_seconds: 15,
        ..step(Action::Evidence, Phase::Identification, facts, &[Operation::Evidence])
    }
}

pub(super) fn check_delivery(request: &Request) -> Step {
    let place = request.delivery.clone().unwrap_or_default();
    Step {
        id: Action::CheckDelivery.id().to_owned(),
        phase: Phase::Identification,
        action: Action::CheckDelivery,
        does: format!("find out, without a secret, whether {place} would take a replacement"),
        calls: names(&request.delivery_calls.check),
        target: place,
        reversible: true,
        undo: None,
        shared: "nobody else".to_owned(),
        permissions: permissions(&request.delivery_calls.check),
        approval: Approval::A,
        expected_seconds: 5,
        requires: Vec::new(),
        unless_harmless: false,
        measure: None,
        proof: None,
        waiting: None,
        by_hand: None,
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
        by_hand: by_hand(&facts.provider, Operation::Disable, key),
        ..step(Action::Disable, Phase::Containment, facts, &[Operation::Disable])
    }
}

/// Returns the step that looks until nothing moves any more. `after` is what has to be done before.
pub(super) fn recheck(key: &Key, facts: &Facts, request: &Request, after: &Option<Step>) -> Step {
    let apart = match request.grounds.administers {
        Known::No => 0,
        Known::Yes | Known::Unknown => 2 * request.proof.window_seconds,
    };
    let over = match apart {
        0 => String::new(),
        seconds => format!(", {seconds} s apart"),
    };
    let again = if facts.can(Operation::Restrict) {
        &[Operation::Disable, Operation::Restrict][..]
    } else {
        &[Operation::Disable]
    };
    Step {
        does: format!(
            "list the keys of {} until two looks are equal{over}, and do again what somebody undid",
            key.owner
        ),
        calls: names(facts.calls_of(Operation::Observe)),
        target: key.owner.clone(),
        reversible: true,
        expected_seconds: 5 + apart,
        requires: after.iter().map(|step| step.id.clone()).collect(),
        by_hand: by_hand(&facts.provider, Operation::Observe, key),
        ..step(Action::Recheck, Phase::Containment, facts, again)
    }
}

pub(super) fn prove_dead(key: &Key, facts: &Facts, proof: Proof, requires: Vec<String>) -> Step {
    let only_asks = Step {
        permissions: permissions(facts.calls_of(Operation::Probe)),
        ..step(Action::ProveDead, Phase::Containment, facts, &[Operation::Probe])
    };
    let Proof { refusals, window_seconds } = proof;
    let over = match window_seconds {
        0 => String::new(),
        seconds => format!(", over at least {seconds} s"),
    };
    Step {
        does: format!(
            "ask {} with key {} itself until it was refused {refusals} times in a row{over}",
            facts.provider, key.id
        ),
        target: key.id.clone(),
        reversible: true,
        expected_seconds: 5 + window_seconds,
        requires,
        proof: Some(proof),
        ..only_asks
    }
}

/// Returns the step that waits for the consumers of a key whose replacement they have.
pub(super) fn wait(key: &Key, facts: &Facts, request: &Request) -> Step {
    let (limit_seconds, quiet_seconds) = mode::patience(request.grounds.level);
    let consumers = match request.consumers.is_empty() {
        true => "whoever uses it".to_owned(),
        false => request.consumers.join(", "),
    };
    Step {
        does: format!(
            "wait until key {} was not used for {} min, at most {} min after the approval; then it is \
             stopped, whoever still uses it. Without a delivered replacement nothing is waited for",
            key.id,
            quiet_seconds / 60,
            limit_seconds / 60
        ),
        target: key.id.clone(),
        reversible: true,
        shared: format!("waited for: {consumers}"),
        expected_seconds: limit_seconds,
        requires: vec![Action::Deliver.id().to_owned()],
        waiting: Some(Waiting { limit_seconds, quiet_seconds }),
        ..step(Action::Wait, Phase::Recovery, facts, &[Operation::Observe])
    }
}

/// Returns the step that deletes the leaked key for good.
pub(super) fn delete(key: &Key, facts: &Facts) -> Step {
    Step {
        does: format!(
            "delete the stopped key {} of {} for good, if it is still stopped then",
            key.id, key.owner
        ),
        target: key.id.clone(),
        shared: format!("whoever meant to start key {} again", key.id),
        approval: Approval::C,
        by_hand: by_hand(&facts.provider, Operation::Delete, key),
        ..step(Action::Delete, Phase::Recovery, facts, &[Operation::Delete])
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
        return Ok(vec![rotate(key, facts, None), deliver(delivery, key, request)]);
    }
    let inactive = siblings.iter().filter(|key| key.state == KeyState::Inactive);
    let oldest = inactive.min_by_key(|key| (key.created_at, &key.id));
    match oldest {
        Some(sibling) if request.replace_inactive && facts.can(Operation::Delete) => Ok(vec![
            delete_inactive(sibling, facts),
            rotate(key, facts, Some(sibling)),
            deliver(delivery, key, request),
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
        by_hand: by_hand(&facts.provider, Operation::Delete, sibling),
        // Nothing is deleted for a replacement that has nowhere to go.
        requires: vec![Action::CheckDelivery.id().to_owned()],
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
        requires: std::iter::once(Action::CheckDelivery)
            .chain(freed.map(|_| Action::DeleteInactive))
            .map(|action| action.id().to_owned())
            .collect(),
        by_hand: by_hand(&facts.provider, Operation::Create, key),
        ..step(Action::Rotate, Phase::Recovery, facts, &[Operation::Create, Operation::Delete])
    }
}

fn deliver(delivery: &str, key: &Key, request: &Request) -> Step {
    Step {
        id: Action::Deliver.id().to_owned(),
        phase: Phase::Recovery,
        action: Action::Deliver,
        does: format!("hand the new key of {} to {delivery}", key.owner),
        calls: names(&request.delivery_calls.deliver),
        target: delivery.to_owned(),
        reversible: false,
        undo: None,
        shared: "the consumers of the new key, which take it up".to_owned(),
        permissions: permissions(&request.delivery_calls.deliver),
        // What was handed over can't be taken back, but undoing `rotate` makes it worthless.
        approval: Approval::B,
        expected_seconds: 30,
        requires: vec![Action::Rotate.id().to_owned()],
        unless_harmless: false,
        measure: None,
        proof: None,
        waiting: None,
        by_hand: None,
    }
}
