//! What is found out just before a plan is carried out, in as few round trips as can be.

use super::Error;
use super::action::Action;
use super::delivery::DeliveryError;
use super::engine::Engine;
use super::look::{Trouble, trouble};
use super::plan::Plan;
use crate::provider::{self, KeyState, Liveness, Observation};

/// What a delivery said to being tried without a secret: what was looked at, in words, or why it would
/// not work.
pub(super) type Trial = Result<String, DeliveryError>;

/// What the provider shows just before a plan is carried out.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// The key and what surrounds it.
    pub observation: Observation,
    /// What the provider said to the leaked key itself; `None` where it was not asked or said nothing
    /// definite.
    pub(super) answer: Option<Liveness>,
    /// What came of trying the delivery; `None` where it was not tried.
    pub(super) trial: Option<Trial>,
}

impl Fresh {
    /// Returns a look without a question to the leaked key, nor one to a delivery: both are asked before
    /// the key is stopped.
    pub fn of(observation: Observation) -> Self {
        Self { observation, answer: None, trial: None }
    }

    /// Returns why a replacement would not be taken, where that was tried and found.
    pub fn undeliverable(&self) -> Option<&DeliveryError> {
        self.trial.as_ref()?.as_ref().err()
    }
}

impl Engine<'_> {
    /// Looks at the key, and at the same time asks with it where something is to be changed, and tries the delivery
    /// where it is to be replaced: one round trip.
    ///
    /// # Errors
    /// Where the plan isn't for this credential and provider, or the provider can't be looked at.
    pub async fn look(&self, shown: &Plan) -> Result<Fresh, Error> {
        self.check(shown)?;
        let answer = async {
            match shown.is_mutation() && shown.key_state == KeyState::Active {
                true => self.ask_once().await,
                false => None,
            }
        };
        let trial = async {
            match shown.step(Action::CheckDelivery) {
                Some(_) => Some(self.try_delivery().await),
                None => None,
            }
        };
        let (observation, answer, trial) = tokio::join!(self.observe(), answer, trial);
        Ok(Fresh { observation: observation?, answer, trial })
    }

    /// Looks at a key no plan was shown for. What could be asked of it or of its delivery is asked at the
    /// same time where the key is certain to be the responder's own, and else once that was seen.
    ///
    /// # Errors
    /// Where the provider can't be looked at.
    pub async fn look_first(&self) -> Result<Fresh, Error> {
        let trial = async {
            match self.delivery {
                Some(_) => Some(self.try_delivery().await),
                None => None,
            }
        };
        let look = async {
            if self.provider.is_own(self.credential).await {
                return Ok(tokio::join!(self.observe(), self.ask_once()));
            }
            let observation = self.observe().await?;
            let answer = match observation.key.state {
                KeyState::Active => self.ask_once().await,
                KeyState::Inactive | KeyState::Absent => None,
            };
            Ok::<_, Error>((Ok(observation), answer))
        };
        let (looked, trial) = tokio::join!(look, trial);
        let (observation, answer) = looked?;
        Ok(Fresh { observation: observation?, answer, trial })
    }

    pub(super) async fn observe(&self) -> Result<Observation, provider::Error> {
        let mut nth = 0;
        loop {
            let look = self.provider.observe(self.credential);
            match self.patience.call("observing the key", look).await {
                Err(error)
                    if matches!(trouble(&error), Trouble::NotYet | Trouble::MaybeDone)
                        && nth + 1 < self.patience.attempts =>
                {
                    self.patience.pause(nth).await;
                    nth += 1;
                }
                answer => return answer,
            }
        }
    }

    /// Asks once with the leaked key. Anything but a definite answer doesn't hold up the stopping.
    pub(super) async fn ask_once(&self) -> Option<Liveness> {
        let probe = self.provider.probe(self.credential);
        let answer = self.patience.call("asking with the leaked key", probe).await;
        answer.ok().map(|probe| probe.liveness)
    }

    /// Finds out, without a secret, whether a replacement would be taken where it is to go. A place that
    /// doesn't say so in time would not.
    pub(super) async fn try_delivery(&self) -> Trial {
        let Some(delivery) = self.delivery else {
            return Err(DeliveryError::Target("none was given".to_owned()));
        };
        let patience = self.patience.trial;
        tokio::time::timeout(patience, delivery.check()).await.unwrap_or_else(|_| {
            let seconds = patience.as_secs_f32();
            Err(DeliveryError::Refused {
                place: delivery.describe(),
                why: format!("it didn't say within {seconds} s whether it would take it"),
            })
        })
    }
}
