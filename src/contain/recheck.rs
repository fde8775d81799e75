//! Looking until nothing moves: whoever holds the key may undo what was done, in the seconds before it
//! takes effect everywhere. So the owner's keys and restrictions are read until two looks in a row are
//! equal, and what somebody undid is done again.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::Error;
use super::action::Action;
use super::change::{Change, Ending};
use super::look::Seen;
use super::plan::Step;
use super::restrict::Turn;
use super::run::Run;
use crate::incident::Outcome;
use crate::provider::{self, Key, KeyState, Known, Restriction};

/// What one look showed: the states of the owner's keys, and which restrictions stand.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Snapshot {
    keys: Vec<(String, KeyState)>,
    standing: Vec<bool>,
}

impl Run<'_> {
    pub(super) async fn recheck(&mut self, step: &Step) -> Result<(), Error> {
        let before = json!({"key_id": self.plan.key_id});
        self.intend(&step.id, step.calls.join(", "), &step.target, before)?;
        let ending = self.settle_down().await;
        self.record.finish(&step.id, ending)
    }

    async fn settle_down(&self) -> Ending {
        let engine = self.engine;
        let restrictions = self.own_restrictions();
        let (mut former, mut again) = (None, 0_u32);
        for nth in 0..engine.patience.looks.max(2) {
            let snapshot = match self.snapshot(&restrictions).await {
                Ok(snapshot) => snapshot,
                Err(blind) => return Ending::no(&blind),
            };
            if let Some(ending) = self.do_again(&snapshot, &restrictions, &mut again).await {
                return ending;
            }
            if former.as_ref() == Some(&snapshot) && self.is_as_wanted(&snapshot) {
                return self.at_rest(&snapshot, again);
            }
            former = Some(snapshot);
            engine.patience.pause(nth).await;
            tokio::time::sleep(self.apart()).await;
        }
        Ending::new(
            Outcome::Failed,
            format!("something still moves: done again {again} times, and no two looks were equal"),
        )
    }

    /// Returns how far apart two looks have to be besides: what was changed doesn't hold everywhere for a few
    /// seconds, in which whoever may administer can undo it unseen. Twice as long as a proof takes.
    fn apart(&self) -> Duration {
        let history = &self.record.history;
        let evidence = history.finish(Action::Evidence.id());
        let is_harmless = self.plan.request.grounds.administers == Known::No
            || evidence.is_some_and(|evidence| evidence.seen["administers"] == "no");
        match is_harmless {
            true => Duration::ZERO,
            false => 2 * Duration::from_secs(self.plan.request.proof.window_seconds.into()),
        }
    }

    /// Returns the restrictions that this plan set.
    fn own_restrictions(&self) -> Vec<Restriction> {
        let own = self.plan.steps.iter().filter(|step| {
            matches!(step.action, Action::Narrow | Action::EndSessions)
                && self.record.history.has_succeeded(&step.id)
        });
        own.filter_map(|step| self.restriction_of(step)).collect()
    }

    async fn snapshot(&self, restrictions: &[Restriction]) -> Result<Snapshot, provider::Error> {
        let engine = self.engine;
        let attempts = engine.patience.attempts.max(1);
        let keys = match engine.look_until(&self.plan.owner, attempts, |_| true).await {
            Seen::Holds(keys) | Seen::Not(keys) => keys,
            Seen::Nothing(blind) => return Err(blind),
        };
        let mut keys: Vec<_> = keys.into_iter().map(|key: Key| (key.id, key.state)).collect();
        keys.sort_by(|a, b| a.0.cmp(&b.0));
        let mut standing = Vec::new();
        for restriction in restrictions {
            standing.push(engine.standing(restriction).await?.holds);
        }
        Ok(Snapshot { keys, standing })
    }

    fn leaked(&self, snapshot: &Snapshot) -> KeyState {
        let listed = snapshot.keys.iter().find(|(id, _)| *id == self.plan.key_id);
        listed.map_or(KeyState::Absent, |(_, state)| *state)
    }

    /// Whether the key is to be stopped at all; a session's never is.
    fn is_stopping(&self) -> bool {
        self.plan.step(Action::Disable).is_some()
    }

    fn is_as_wanted(&self, snapshot: &Snapshot) -> bool {
        let is_stopped = !self.is_stopping() || self.leaked(snapshot) != KeyState::Active;
        is_stopped && snapshot.standing.iter().all(|stands| *stands)
    }

    /// Does again what somebody undid; returns an ending where that is impossible.
    async fn do_again(
        &self,
        snapshot: &Snapshot,
        restrictions: &[Restriction],
        again: &mut u32,
    ) -> Option<Ending> {
        if self.is_as_wanted(snapshot) {
            return None;
        }
        let engine = self.engine;
        if let Some(halted) = engine.guard.halted() {
            return Some(Ending::new(Outcome::Refused, halted));
        }
        let mut endings = Vec::new();
        if self.is_stopping() && self.leaked(snapshot) == KeyState::Active {
            let key = self.plans_key();
            endings.push(engine.bring_about(Change::Disable, &key, false).await);
        }
        for (restriction, _) in
            restrictions.iter().zip(&snapshot.standing).filter(|(_, stands)| !**stands)
        {
            endings.push(engine.turn(restriction, Turn::Set, false).await);
        }
        endings.iter().for_each(|_| engine.guard.spend());
        *again += u32::try_from(endings.len()).unwrap_or(u32::MAX);
        endings.into_iter().find(|ending| ending.outcome != Outcome::Succeeded)
    }

    fn at_rest(&self, snapshot: &Snapshot, again: u32) -> Ending {
        let mut known: BTreeSet<&str> =
            self.plan.siblings.iter().map(|key| key.id.as_str()).collect();
        known.insert(&self.plan.key_id);
        let made = self.made_key();
        known.extend(made.as_ref().map(|key| key.id.as_str()));
        let strangers: Vec<_> = snapshot
            .keys
            .iter()
            .map(|(id, _)| id.as_str())
            .filter(|id| !known.contains(id))
            .collect();
        let redone = match again {
            0 => String::new(),
            n => format!("; somebody undid it, and it was done again {n} times"),
        };
        let seen = json!({"keys": snapshot.keys, "done_again": again, "strangers": strangers});
        let ending = if strangers.is_empty() {
            let words = format!(
                "two looks in a row were equal: key {} is {}, keys listed {}{redone}",
                self.plan.key_id,
                self.leaked(snapshot),
                snapshot.keys.len()
            );
            Ending::new(Outcome::Succeeded, words).effective(self.engine.clock.now())
        } else {
            let words = format!(
                "{} has keys that were not there when the plan was made: {}; whoever held the leaked key may have made them{redone}",
                self.plan.owner,
                strangers.join(", ")
            );
            Ending::new(Outcome::Failed, words)
        };
        ending.seeing(seen)
    }
}
