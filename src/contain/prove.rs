//! Proving that the old key is dead: the provider itself refused it, twice in a row.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Error;
use super::change::Ending;
use super::engine::{Run, as_value};
use super::look::{Trouble, trouble};
use super::plan::{Action, Step, sha256_of};
use crate::incident::{Event, Outcome};
use crate::provider::{self, Liveness, Probe};

/// One refusal could come from a server that is ahead of the others.
const REFUSALS: usize = 2;

/// A refusal of the old key, as it is kept for evidence.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Refusal {
    code: String,
    at: Timestamp,
}

/// What asking has shown so far.
#[derive(Debug, Default)]
struct Answers {
    refusals: Vec<Refusal>,
    /// The last definite answer was a yes.
    is_accepted: bool,
    last: String,
}

impl Answers {
    fn take(&mut self, answer: Result<Probe, provider::Error>) {
        match answer.map(|probe| (probe.liveness, probe.at)) {
            Ok((Liveness::Refused { code }, at)) => {
                self.is_accepted = false;
                self.last = format!("refused: {code}");
                self.refusals.push(Refusal { code, at });
            }
            Ok((Liveness::Accepted { .. }, at)) => {
                self.is_accepted = true;
                self.last = format!("accepted at {at}");
                self.refusals.clear();
            }
            Ok((Liveness::WrongSecret { code }, _)) => {
                // It knows the key, which whoever refused it before may not have.
                self.refusals.clear();
                self.last = format!("it refuses the secret and not the key ({code})");
            }
            Ok((Liveness::Unknown { why }, _)) => self.last = why,
            Err(error) => self.last = error.to_string(),
        }
    }

    fn ending(self) -> Ending {
        let proof = json!({"refusals": self.refusals});
        match self.refusals.last() {
            Some(last) if self.refusals.len() >= REFUSALS => {
                let words = format!("the provider refused the old key {REFUSALS} times in a row");
                Ending::new(Outcome::Succeeded, words).effective(last.at).seeing(proof)
            }
            _ if self.is_accepted => {
                let words = format!("the provider still accepts the old key ({})", self.last);
                Ending::new(Outcome::Failed, words)
            }
            _ => {
                let words = format!(
                    "the provider did not say {REFUSALS} times that the old key is dead: {}",
                    self.last
                );
                Ending::new(Outcome::Unknown, words).seeing(proof)
            }
        }
    }
}

impl Run<'_> {
    pub(super) async fn prove_dead(&mut self, step: &Step) -> Result<(), Error> {
        let before = json!({"key_id": self.plan.key_id});
        self.intend(&step.id, step.calls.join(", "), &step.target, before)?;
        let ending = self.ask().await;
        if ending.outcome == Outcome::Succeeded {
            self.keep_evidence(&ending)?;
        }
        self.record.finish(&step.id, ending)
    }

    async fn ask(&self) -> Ending {
        let engine = self.engine;
        let mut answers = Answers::default();
        let asks = engine.patience.looks.max(2);
        for nth in 0..asks {
            let probe = engine.provider.probe(engine.credential);
            let answer = engine.patience.call("asking with the old key", probe).await;
            if let Err(error) = &answer
                && matches!(trouble(error), Trouble::MayNot | Trouble::No)
            {
                return Ending::no(error);
            }
            answers.take(answer);
            if answers.refusals.len() >= REFUSALS {
                break;
            }
            if nth + 1 < asks {
                engine.patience.pause(nth).await;
            }
        }
        answers.ending()
    }

    fn keep_evidence(&mut self, ending: &Ending) -> Result<(), Error> {
        let content = json!({
            "provider": self.plan.provider,
            "key_id": self.plan.key_id,
            "fingerprint": self.plan.fingerprint,
            "refusals": ending.seen["refusals"],
        });
        self.record.append(&Event::EvidenceCollected {
            name: "refusals-of-old-key".to_owned(),
            sha256: sha256_of(&content),
            content: as_value(&content)?,
        })
    }

    /// Writes down that the key can do no more harm, once that is proved. The proof also settles
    /// whether the key was stopped, where looking could not.
    pub(super) fn conclude(&mut self) -> Result<(), Error> {
        let history = &self.record.history;
        let Some(proof) = history.finish(Action::ProveDead.id()).cloned() else {
            return Ok(());
        };
        if proof.outcome != Outcome::Succeeded {
            return Ok(());
        }
        let verified_at = proof.effective_at.unwrap_or_else(|| self.engine.clock.now());
        let first: Option<Refusal> = serde_json::from_value(proof.seen["refusals"][0].clone()).ok();
        let first_at = first.map_or(verified_at, |refusal| refusal.at);
        let disable = Action::Disable.id();
        if history.outcome(disable) == Some(Outcome::Unknown) {
            let words = "settled by the provider's refusals of the old key";
            self.record
                .finish(disable, Ending::new(Outcome::Succeeded, words).effective(first_at))?;
        }
        if self.record.history.contained {
            return Ok(());
        }
        let stopped_at = self.record.history.finish(disable).and_then(|stop| stop.effective_at);
        self.record.append(&Event::Contained {
            // Where the two clocks disagree, the proof still can't be older than what it proves.
            effective_at: stopped_at.unwrap_or(first_at).min(verified_at),
            verified_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(answers: &[Liveness]) -> Outcome {
        let mut taken = Answers::default();
        for liveness in answers {
            taken.take(Ok(Probe { liveness: liveness.clone(), at: Timestamp::UNIX_EPOCH }));
        }
        taken.ending().outcome
    }

    #[test]
    fn only_refusals_with_no_other_word_between_them_are_a_proof() {
        let code = || "code".to_owned();
        let refused = Liveness::Refused { code: code() };
        let wrong = Liveness::WrongSecret { code: code() };
        let unknown = Liveness::Unknown { why: code() };
        assert_eq!(ending(&[refused.clone(), refused.clone()]), Outcome::Succeeded);
        assert_eq!(ending(&[refused.clone(), wrong, refused.clone()]), Outcome::Unknown);
        // No answer is no word.
        assert_eq!(ending(&[refused.clone(), unknown, refused]), Outcome::Succeeded);
    }
}
