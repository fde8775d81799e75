//! Stopping the leaked key, and deleting an inactive one that is in the way of its replacement.

use serde_json::json;

use super::Error;
use super::change::{Change, Ending};
use super::look::Seen;
use super::plan::Step;
use super::run::Run;
use crate::incident::Outcome;
use crate::provider::{Key, KeyState, Liveness};

impl Run<'_> {
    /// Stops the key, unless the provider says beforehand that the secret isn't this key's.
    pub(super) async fn disable(&mut self, step: &Step) -> Result<(), Error> {
        let key = self.observed.key.clone();
        // A key that is gone is still the plan's key, whoever the provider says it belongs to now.
        let key = Key { owner: self.plan.owner.clone(), ..key };
        let mut answer = None;
        if key.state == KeyState::Active && !self.record.history.is_pending(&step.id) {
            // Asked already, beside the look, where this process began with one.
            answer = self.answer.take();
            if answer.is_none() {
                answer = self.engine.ask_once().await;
            }
            if let Some(Liveness::Refused { code } | Liveness::WrongSecret { code }) = &answer
                && !self.is_stopped_meanwhile(&key).await
            {
                let words = format!(
                    "the provider lists key {} as active and refuses the secret that leaked ({code}): \
                     it is another key's, and an id alone may not stop a key",
                    key.id
                );
                return self.record.finish(&step.id, Ending::new(Outcome::Refused, words));
            }
        }
        let before = json!({"key": key, "answer": answer});
        self.intend(&step.id, step.calls.join(", "), &key.id, before)?;
        let ending = self.engine.bring_about(Change::Disable, &key, self.is_resumed).await;
        self.record.finish(&step.id, ending)
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
