//! The order of the steps: disable first or rotate first, a session, an account's own key, or a key that
//! is to be deleted.

use super::action::Action;
use super::facts::Facts;
use super::mode::{Mode, ModeChosen};
use super::plan::Step;
use super::request::{Deletion, Request};
use super::{restrictions, steps};
use crate::provider::{Key, KeyKind, KeyState, Known, Measure, Observation, Operation, console};

pub(super) fn sorted(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut texts: Vec<_> = texts.collect();
    texts.sort();
    texts.dedup();
    texts
}

/// Returns the steps and what is left for a person. A mode that can't be kept is changed, with the
/// reason.
pub(super) fn lay_out(
    seen: &Observation,
    facts: &Facts,
    request: &Request,
    mode: &mut ModeChosen,
) -> (Vec<Step>, Vec<String>) {
    let key = &seen.key;
    if let Some(deletion) = &request.deletion {
        return of_deletion(key, facts, request, deletion);
    }
    match &key.kind {
        KeyKind::Root => (Vec::new(), vec![by_root(key, facts)]),
        KeyKind::Session { issuer, .. } => of_session(key, issuer.as_deref(), facts, request),
        KeyKind::Lasting | KeyKind::Service { .. } => of_key(seen, facts, request, mode),
    }
}

/// A key of the account itself is never stopped by a program: what hangs on it nobody can list.
fn by_root(key: &Key, facts: &Facts) -> String {
    let place = console(&facts.provider, key).or_else(|| facts.console.clone());
    let place = place.as_deref().unwrap_or("the provider's console");
    format!(
        "wake a person: key {} is the account's own. Sign in as the account's root user at {place}, delete the key there, and look at what it was used for",
        key.id
    )
}

fn of_key(
    seen: &Observation,
    facts: &Facts,
    request: &Request,
    mode: &mut ModeChosen,
) -> (Vec<Step>, Vec<String>) {
    let (key, mut left) = (&seen.key, Vec::new());
    let is_there = key.state != KeyState::Absent;
    let stop = match key.state {
        KeyState::Active if facts.can(Operation::Disable) => Some(steps::disable(key, facts)),
        KeyState::Active => {
            left.push(format!(
                "stop key {}: {} has no call for it; do it in the provider's console",
                key.id, facts.provider
            ));
            None
        }
        KeyState::Inactive | KeyState::Absent => None,
    };
    let replace = match &request.delivery {
        Some(delivery) => match steps::replacement(seen, facts, request, delivery) {
            Ok(replace) => replace,
            Err(reason) => {
                left.push(reason);
                Vec::new()
            }
        },
        None => Vec::new(),
    };
    keep_to_what_is_possible(mode, stop.is_some(), !replace.is_empty());
    let restrict = match is_there {
        true => restrictions::of_owner(key, facts, &keeping_out(request, mode), &mut left),
        false => Vec::new(),
    };
    let is_changed = stop.is_some() || !restrict.is_empty();
    let proof_needs = stop.iter().map(|step| step.id.clone()).collect();
    let check = (!replace.is_empty()).then(|| steps::check_delivery(request));
    let evidence =
        (is_there && facts.can(Operation::Evidence)).then(|| steps::evidence(key, facts));
    let recheck = is_changed.then(|| steps::recheck(key, facts, request, &stop));
    let prove = steps::prove_dead(key, facts, request.proof, proof_needs);
    let mut all: Vec<Step> = check.into_iter().chain(evidence).collect();
    match mode.mode {
        Mode::DisableFirst => {
            all.extend(stop);
            all.extend(restrict);
            all.extend(recheck);
            all.push(prove);
            all.extend(replace);
        }
        Mode::RotateFirst => {
            // What keeps an outsider out and lets consumers work comes before the waiting.
            let (first, last): (Vec<_>, Vec<_>) =
                restrict.into_iter().partition(|step| step.action == Action::Narrow);
            all.extend(first);
            all.extend(replace);
            all.push(steps::wait(key, facts, request));
            all.extend(stop);
            all.extend(last);
            all.extend(recheck);
            all.push(prove);
        }
    }
    (all, left)
}

/// While consumers move, whoever calls from elsewhere is kept out, where their networks are known.
fn keeping_out(request: &Request, mode: &ModeChosen) -> Request {
    let mut request = request.clone();
    let networks = request.networks.clone();
    if mode.mode == Mode::RotateFirst && request.narrow.is_none() && !networks.is_empty() {
        request.narrow = Some(Measure::OnlyFrom { networks });
    }
    request
}

/// Nothing is waited for where there is nothing to stop, and no consumer moves to a replacement that
/// can't be made.
fn keep_to_what_is_possible(mode: &mut ModeChosen, stops: bool, replaces: bool) {
    if mode.mode == Mode::RotateFirst && !(stops && replaces) {
        let why = match stops {
            true => "a replacement can't be made or has no place to go",
            false => "the key isn't active",
        };
        mode.reason = format!("{why} (otherwise: {})", mode.reason);
        mode.rule = "mode-v1/impossible".to_owned();
        mode.mode = Mode::DisableFirst;
    }
}

/// A session has no key that could be stopped: whoever issued it is restricted.
fn of_session(
    key: &Key,
    issuer: Option<&str>,
    facts: &Facts,
    request: &Request,
) -> (Vec<Step>, Vec<String>) {
    let Some(issuer) = issuer else {
        let left = format!(
            "find out in the provider's log who issued session {} and end its sessions (`--end-sessions-of`)",
            key.id
        );
        let steps = restrictions::of_roles(facts, request);
        return (steps, vec![left]);
    };
    if !facts.can(Operation::Restrict) {
        let left = format!(
            "end the sessions of {issuer}: {} has no call for it; do it in the provider's console",
            facts.provider
        );
        return (Vec::new(), vec![left]);
    }
    let mut all = Vec::new();
    if facts.can(Operation::Evidence) {
        all.push(steps::evidence(key, facts));
    }
    all.push(restrictions::end_sessions(issuer, facts));
    all.extend(restrictions::of_roles(facts, request));
    let needs = Some(all[all.len() - 1].clone());
    all.push(steps::recheck(key, facts, request, &needs));
    (all, Vec::new())
}

/// Deletes a key that was stopped long enough ago, and does nothing else.
fn of_deletion(
    key: &Key,
    facts: &Facts,
    request: &Request,
    deletion: &Deletion,
) -> (Vec<Step>, Vec<String>) {
    let no = |why: String| (Vec::new(), vec![format!("delete key {}: {why}", key.id)]);
    match key.state {
        _ if !facts.can(Operation::Delete) => {
            no(format!("{} has no call for it; do it in the provider's console", facts.provider))
        }
        KeyState::Active => no("it isn't stopped; contain it first".to_owned()),
        KeyState::Absent => no("it isn't there".to_owned()),
        KeyState::Inactive => match deletion.too_early() {
            Some(why) => no(why),
            None => {
                let delete = steps::delete(key, facts);
                let needs = vec![delete.id.clone()];
                let prove = steps::prove_dead(key, facts, request.proof, needs);
                (vec![delete, prove], Vec::new())
            }
        },
    }
}

/// Tells whether the sessions of the owner are to be ended where nobody said: a key that may do nothing
/// much is stopped by itself, with the least disruption.
pub(super) fn ends_sessions(request: &Request) -> bool {
    request.end_sessions.unwrap_or(request.grounds.administers != Known::No)
}

/// Tells whether that is still to be seen from the evidence, which a plan made in haste doesn't wait for.
pub(super) fn may_spare_sessions(request: &Request, facts: &Facts) -> bool {
    request.end_sessions.is_none()
        && request.grounds.administers == Known::Unknown
        && facts.can(Operation::Evidence)
}
