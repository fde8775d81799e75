//! Handing the new key over. Its secret is dropped right after: a delivery that was not confirmed can't
//! be repeated, only begun again with a new key.

use serde_json::{Value, json};

use super::Error;
use super::change::Ending;
use super::delivery::DeliveryError;
use super::plan::Step;
use super::run::Run;
use crate::incident::{Event, Outcome};

impl Run<'_> {
    /// Finds out whether a replacement would be taken, unless that was found out beside the first look.
    pub(super) async fn check_delivery(&mut self, step: &Step) -> Result<(), Error> {
        self.intend(&step.id, step.calls.join(", "), &step.target, Value::Null)?;
        let trial = match self.trial.take() {
            Some(trial) => trial,
            None => self.engine.try_delivery().await,
        };
        let ending = match trial {
            Ok(words) => Ending::new(Outcome::Succeeded, words).effective(self.engine.clock.now()),
            Err(error) => {
                let words = format!("a replacement could not be delivered: {error}");
                Ending::new(Outcome::Failed, words)
            }
        };
        self.record.finish(&step.id, ending)
    }

    pub(super) async fn deliver(&mut self, step: &Step) -> Result<(), Error> {
        let (Some(delivery), Some(new)) = (self.engine.delivery, self.replacement.take()) else {
            let why = "there is no new key at hand to deliver";
            return self.record.finish(&step.id, Ending::new(Outcome::Skipped, why));
        };
        // Always a new intent: one that is pending was for another key.
        self.record.append(&Event::StepIntended {
            step: step.id.clone(),
            plan_hash: self.plan_hash.clone(),
            call: "deliver".to_owned(),
            target: step.target.clone(),
            before: json!({"key": new.key}),
        })?;
        let ending = match delivery.deliver(&new.credential).await {
            Ok(place) => Ending::new(
                Outcome::Succeeded,
                format!("key {} was delivered to {place}", new.key.id),
            )
            .effective(self.engine.clock.now()),
            Err(error @ DeliveryError::Unknown { .. }) => {
                Ending::new(Outcome::Unknown, error.to_string())
            }
            Err(error) => Ending::new(Outcome::Failed, error.to_string()),
        };
        self.record.finish(&step.id, ending.seeing(json!({"key_id": new.key.id})))
    }
}
