//! Stopping the leaked key, if what leaked is its own secret, and deleting an inactive one that is in the way
//! of its replacement.

use serde_json::json;

use super::Error;
use super::change::{Change, Ending};
use super::look::Seen;
use super::plan::Step;
use super::run::Run;
use crate::incident::Outcome;
use crate::provider::{Key, KeyKind, KeyState, Liveness};

impl Run<'_> {
    pub(super) async fn disable(&mut self, step: &Step) -> Result<(), Error> {
        let key = self.plans_key();
        let before = json!({"key": key, "answer": self.answer});
        self.intend(&step.id, step.calls.join(", "), &key.id, before)?;
        let ending = self.engine.bring_about(Change::Disable, &key, self.is_resumed).await;
        self.record.finish(&step.id, ending)
    }

    /// A key that is gone is still the plan's key, whoever the provider says it belongs to now.
    pub(super) fn plans_key(&self) -> Key {
        Key { owner: self.plan.owner.clone(), ..self.observed.key.clone() }
    }

    /// Returns why nothing is changed at all, where the provider refuses what leaked though the key is
    /// active: whoever writes a colleague's id beside a secret of his own could have that key stopped, its
    /// owner's sessions ended and a new key made. It is asked once, before the first change of a plan.
    pub(super) async fn is_anothers(&mut self) -> Option<String> {
        if self.is_anothers.is_none() {
            self.is_anothers = Some(self.ask_whose().await);
        }
        self.is_anothers.clone().flatten()
    }

    async fn ask_whose(&mut self) -> Option<String> {
        let key = self.plans_key();
        let mut changes = self.plan.steps.iter().filter(|step| step.action.is_mutation());
        // What was begun was asked about before; the key may be stopped since.
        let was_begun = changes.any(|step| self.was_begun(step));
        if key.state != KeyState::Active || was_begun {
            return None;
        }
        if self.answer.is_none() {
            self.answer = self.engine.ask_once().await;
        }
        let Some(Liveness::Refused { code } | Liveness::WrongSecret { code }) = &self.answer else {
            return None;
        };
        let code = code.clone();
        if matches!(key.kind, KeyKind::Session { .. }) {
            return Some(format!(
                "the provider refuses session {} ({code}): it is over, or what leaked is not its own. \
                 Whatever else was begun as its issuer is ended by `--end-sessions-of`, for a key that works",
                key.id
            ));
        }
        (!self.is_stopped_meanwhile(&key).await).then(|| {
            format!(
                "the provider lists key {} as active and refuses the secret that leaked ({code}): \
                 it is another key's, and an id alone may not stop a key",
                key.id
            )
        })
    }

    /// Tells whether somebody else stopped the key and the listing was only behind.
    async fn is_stopped_meanwhile(&self, key: &Key) -> bool {
        let looks = self.engine.patience.looks;
        let seen = self.engine.look_for(Change::Disable, key, looks).await;
        matches!(seen, Seen::Holds(_))
    }

    /// Deletes the key the plan names, if it is still as inactive as the plan says.
    pub(super) async fn delete_inactive(&mut self, step: &Step) -> Result<(), Error> {
        let id = &step.target;
        let before = json!({"state": KeyState::Inactive});
        self.intend(&step.id, step.calls.join(", "), id, before)?;
        let looks = self.engine.patience.attempts.max(1);
        let seen = self.engine.look_until(&self.plan.owner, looks, |_| true).await;
        let ending = match seen {
            Seen::Nothing(blind) => Ending::no(&blind),
            Seen::Holds(keys) | Seen::Not(keys) => match keys.iter().find(|key| key.id == *id) {
                Some(key) if key.state == KeyState::Inactive => {
                    self.engine.bring_about(Change::Delete, key, self.is_resumed).await
                }
                Some(key) if key.state == KeyState::Active => Ending::new(
                    Outcome::Failed,
                    format!("key {id} was started since the plan was made; it was not deleted"),
                ),
                _ => Ending::new(Outcome::Succeeded, format!("key {id} is absent"))
                    .effective(self.engine.clock.now()),
            },
        };
        self.record.finish(&step.id, ending)
    }
}
