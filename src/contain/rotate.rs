//! Making a replacement: the one change that can't simply be made twice.
//!
//! The intent keeps which keys there were. A key that is there afterwards, is not among them and was
//! created since is ours; if the answer that brought its secret was lost (a timeout, a crash) it is an
//! orphan, deleted under events of its own and made anew. Where more than one key could be ours, none
//! is touched.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Error;
use super::action::Action;
use super::change::{Change, Ending};
use super::engine::as_value;
use super::history::DISCARD;
use super::look::{Seen, Trouble, trouble};
use super::plan::Step;
use super::run::Run;
use crate::incident::Outcome;
use crate::provider::{self, Created, Key, KeyState, Liveness, Operation};
use crate::secret::Credential;

/// A new key whose secret is still at hand.
pub(super) struct Replacement {
    pub(super) key: Key,
    pub(super) credential: Credential,
}

/// What the intent of a rotation keeps, to tell the new key from the others.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Before {
    known: BTreeSet<String>,
    since: Timestamp,
}

/// Which key was made under an intent.
pub(super) enum Made {
    None,
    One(Box<Key>),
    /// More than one could be ours, or nobody says when it was made.
    Several(Vec<String>),
    Unseen(provider::Error),
}

impl Run<'_> {
    pub(super) async fn rotate(&mut self, step: &Step) -> Result<(), Error> {
        if let Some(ending) = self.discard_former().await? {
            return self.record.finish(&step.id, ending);
        }
        let before = match self.before_rotation(step).await? {
            Ok(before) => before,
            Err(ending) => return self.record.finish(&step.id, ending),
        };
        let ending = self.create(&before).await?;
        self.record.finish(&step.id, ending)
    }

    /// Deletes what an earlier try left behind; returns an ending where that stands in the way.
    async fn discard_former(&mut self) -> Result<Option<Ending>, Error> {
        let history = &self.record.history;
        if history.is_pending(DISCARD)
            && let Some(key) = history.trace(DISCARD).and_then(|trace| key_in(&trace.before))
            && let Some(ending) = self.discard(&key).await?
        {
            return Ok(Some(ending));
        }
        match self.former().await {
            Made::None => Ok(None),
            Made::One(key) => self.discard(&key).await,
            Made::Several(ids) => Ok(Some(ambiguous(&ids))),
            Made::Unseen(blind) => Ok(Some(Ending::new(
                Outcome::Unknown,
                format!("whether an earlier call made a key can't be seen: {blind}"),
            ))),
        }
    }

    /// Returns the key that earlier tries made and did not see delivered.
    pub(super) async fn former(&self) -> Made {
        let Some(trace) = self.record.history.trace(Action::Rotate.id()) else {
            return Made::None;
        };
        if let Some(key) = self.made_key() {
            return Made::One(Box::new(key));
        }
        let is_open = trace.finish.as_ref().is_none_or(|f| f.outcome == Outcome::Unknown);
        let before = trace.before.clone().and_then(|before| serde_json::from_value(before).ok());
        match before {
            Some(before) if is_open => self.made_since(&before).await,
            _ => Made::None,
        }
    }

    /// Returns the key that the record says was made, unless it is deleted again.
    pub(super) fn made_key(&self) -> Option<Key> {
        let history = &self.record.history;
        let seen = &history.finish(Action::Rotate.id())?.seen;
        let key: Key = serde_json::from_value(seen["key"].clone()).ok()?;
        (!history.discarded.contains(&key.id)).then_some(key)
    }

    /// Intends the rotation, and returns what tells the new key from the others.
    async fn before_rotation(&mut self, step: &Step) -> Result<Result<Before, Ending>, Error> {
        let history = &self.record.history;
        // A call of a try whose end is not known may still land: it is told from the others by what
        // was known before that try, not by what is known now.
        let is_open = matches!(history.outcome(&step.id), None | Some(Outcome::Unknown));
        let former = history.trace(&step.id).filter(|_| is_open);
        if let Some(before) = former.and_then(|trace| trace.before.clone()) {
            self.intend(&step.id, step.calls.join(", "), &step.target, before.clone())?;
            let damaged = |error| Error::Damaged(format!("the intent of {}: {error}", step.id));
            return serde_json::from_value(before).map(Ok).map_err(damaged);
        }
        let engine = self.engine;
        let looks = engine.patience.attempts.max(1);
        let keys = match engine.look_until(&self.plan.owner, looks, |_| true).await {
            Seen::Holds(keys) | Seen::Not(keys) => keys,
            Seen::Nothing(blind) => {
                let words = format!("not begun: which keys there are can't be seen: {blind}");
                let may_not = trouble(&blind) == Trouble::MayNot;
                let outcome = if may_not { Outcome::Refused } else { Outcome::Skipped };
                return Ok(Err(Ending::new(outcome, words)));
            }
        };
        let before =
            Before { known: keys.into_iter().map(|key| key.id).collect(), since: self.observed.at };
        self.intend(&step.id, step.calls.join(", "), &step.target, as_value(&before)?)?;
        Ok(Ok(before))
    }

    /// Makes the key. Every call after the first is made only after a look that found no new key.
    async fn create(&mut self, before: &Before) -> Result<Ending, Error> {
        let engine = self.engine;
        let mut is_uncertain = self.is_resumed;
        let mut last = String::new();
        for nth in 0..engine.patience.attempts.max(1) {
            let call = engine.provider.create(&self.plan.owner);
            let error = match engine.patience.call("creating a key", call).await {
                Ok(created) => return Ok(self.confirm(created, before).await),
                Err(error) => error,
            };
            last = error.to_string();
            match &error {
                provider::Error::Unanswered { .. } => is_uncertain = true,
                // A place taken by a call of ours that landed late is ours to free.
                provider::Error::Quota { .. } if is_uncertain => {}
                other if trouble(other) == Trouble::NotYet => {
                    engine.patience.pause(nth).await;
                    continue;
                }
                other => return Ok(Ending::no(other)),
            }
            match self.made_since(before).await {
                Made::One(key) => {
                    if let Some(ending) = self.discard(&key).await? {
                        return Ok(ending);
                    }
                }
                Made::None if matches!(error, provider::Error::Quota { .. }) => {
                    return Ok(Ending::no(&error));
                }
                Made::None => {}
                Made::Several(ids) => return Ok(ambiguous(&ids)),
                Made::Unseen(blind) => {
                    let words = format!("{error}; and looking can't tell: {blind}");
                    return Ok(Ending::new(Outcome::Unknown, words));
                }
            }
        }
        Ok(Ending::new(Outcome::Failed, format!("not done after every attempt: {last}")))
    }

    /// Takes a new key for made only once the provider lists it as the owner's, active and new.
    async fn confirm(&mut self, created: Created, before: &Before) -> Ending {
        let Created { key, credential, receipt } = created;
        self.record.keep_secret(&credential);
        let wrong = |words: &str| Ending::new(Outcome::Failed, format!("key {}: {words}", key.id));
        if before.known.contains(&key.id) || key.id == self.plan.key_id {
            return wrong("the provider gave a key that was there before");
        }
        if key.owner != self.plan.owner {
            return wrong("the provider made a key for someone else; look at it by hand");
        }
        let engine = self.engine;
        let is_listed = |keys: &[Key]| {
            keys.iter().any(|listed| listed.id == key.id && listed.state == KeyState::Active)
        };
        let ending = match engine.look_until(&key.owner, engine.patience.looks, is_listed).await {
            Seen::Holds(_) => match self.try_new(&credential).await {
                Ok(words) => {
                    let words = format!("key {} was made, is active and {words}", key.id);
                    Ending::new(Outcome::Succeeded, words).effective(receipt.at)
                }
                Err(code) => {
                    wrong(&format!("made and listed, but the provider refuses it ({code})"))
                }
            },
            Seen::Not(_) => wrong("made, says the provider, but not listed as active"),
            Seen::Nothing(blind) => Ending::new(
                Outcome::Unknown,
                format!("key {}: made, says the provider, but can't be seen: {blind}", key.id),
            ),
        };
        let ending = ending.seeing(json!({"key": key, "receipt": receipt}));
        if ending.outcome == Outcome::Succeeded {
            self.replacement = Some(Replacement { key, credential });
        }
        ending
    }

    /// Asks with a new key until the provider accepts it, so that nobody's old key is stopped for one that
    /// doesn't work yet; returns what was said, or the code of the refusal that patience didn't outlast.
    async fn try_new(&self, credential: &Credential) -> Result<String, String> {
        let engine = self.engine;
        let mut last = Ok(String::new());
        for nth in 0..engine.patience.looks.max(1) {
            let probe = engine.provider.probe(credential);
            let answer = engine.patience.call("asking with the new key", probe).await;
            last = match answer.map(|probe| probe.liveness) {
                Ok(Liveness::Accepted { .. }) => return Ok("was accepted".to_owned()),
                Ok(Liveness::Refused { code } | Liveness::WrongSecret { code }) => Err(code),
                Ok(Liveness::Unknown { why }) => Ok(format!("couldn't be tried: {why}")),
                Err(error) => Ok(format!("couldn't be tried: {error}")),
            };
            engine.patience.pause(nth).await;
        }
        last
    }

    /// Looks for the key that was made under an intent. Patiently: a listing may be behind.
    async fn made_since(&self, before: &Before) -> Made {
        let engine = self.engine;
        let has_new = |keys: &[Key]| keys.iter().any(|key| self.may_be_ours(key, before));
        let looks = engine.patience.looks;
        match engine.look_until(&self.plan.owner, looks, has_new).await {
            Seen::Nothing(blind) => Made::Unseen(blind),
            Seen::Not(_) => Made::None,
            Seen::Holds(keys) => {
                let mut ours: Vec<_> =
                    keys.into_iter().filter(|key| self.may_be_ours(key, before)).collect();
                match (ours.pop(), ours.is_empty()) {
                    (Some(key), true) if key.created_at.is_some() => Made::One(Box::new(key)),
                    (last, _) => {
                        Made::Several(ours.into_iter().chain(last).map(|k| k.id).collect())
                    }
                }
            }
        }
    }

    fn may_be_ours(&self, key: &Key, before: &Before) -> bool {
        // Providers tell creation times in whole seconds.
        let since = before.since.as_second();
        key.id != self.plan.key_id
            && key.state != KeyState::Absent
            && !before.known.contains(&key.id)
            && !self.record.history.discarded.contains(&key.id)
            && key.created_at.is_none_or(|at| at.as_second() >= since)
    }

    /// Deletes a key whose secret nobody has; returns an ending for the rotation where that failed.
    async fn discard(&mut self, key: &Key) -> Result<Option<Ending>, Error> {
        let calls = self.engine.provider.calls(Operation::Delete);
        let call = calls.iter().map(|call| call.name.as_str()).collect::<Vec<_>>().join(", ");
        let look_first = self.record.history.is_pending(DISCARD);
        self.engine.guard.spend();
        self.intend(DISCARD, call, &key.id, json!({"key": key}))?;
        let ending = self.engine.bring_about(Change::Delete, key, look_first).await;
        let is_gone = ending.outcome == Outcome::Succeeded;
        let blocked = Ending::new(
            ending.outcome,
            format!("key {} was made before and is not deleted: {}", key.id, ending.detail),
        )
        .seeing(json!({"key": key}));
        self.record.finish(DISCARD, ending)?;
        Ok((!is_gone).then_some(blocked))
    }

    /// Returns what to say of a new key that was made and not delivered.
    pub(super) fn undelivered(&self) -> Option<String> {
        let key = self.made_key()?;
        let has_delivery = self.plan.step(Action::Deliver).is_some();
        let is_delivered = self.record.history.has_succeeded(Action::Deliver.id());
        (has_delivery && !is_delivered).then(|| {
            format!(
                "key {} was made and its delivery is not confirmed: resume replaces it, undo deletes it",
                key.id
            )
        })
    }
}

/// Returns the key that an intent keeps.
pub(super) fn key_in(before: &Option<Value>) -> Option<Key> {
    serde_json::from_value(before.as_ref()?["key"].clone()).ok()
}

fn ambiguous(ids: &[String]) -> Ending {
    Ending::new(
        Outcome::Unknown,
        format!(
            "{} may have been made by a call that was not answered, or by someone else; look by hand",
            ids.join(", ")
        ),
    )
}
