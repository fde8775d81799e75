//! Proving that the old key is dead: the provider itself refused it, often enough, over a while.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Error;
use super::action::Action;
use super::change::Ending;
use super::look::{Patience, Trouble, trouble};
use super::plan::Step;
use super::request::Proof;
use super::run::Run;
use crate::incident::{Event, Outcome};
use crate::provider::{self, KeyKind, Liveness, Probe, Provider};
use crate::secret::Credential;

/// A refusal of the old key, as it is kept for evidence.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Refusal {
    code: String,
    at: Timestamp,
}

/// When asking with a key is over, but for lost patience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// Once it is proved dead: a key that was just stopped may be accepted a little longer.
    Proved,
    /// Once it is proved dead, or accepted at all.
    Said,
}

/// What asking has shown so far.
#[derive(Debug)]
struct Answers {
    /// One refusal could come from a server that is ahead of the others.
    wanted: Proof,
    refusals: Vec<Refusal>,
    /// The last definite answer was a yes.
    is_accepted: bool,
    last: String,
}

impl Answers {
    fn new(wanted: Proof) -> Self {
        Self { wanted, refusals: Vec::new(), is_accepted: false, last: String::new() }
    }

    /// Tells whether it is proved: enough refusals in a row, and long enough between the first and the
    /// last, by the provider's clock.
    fn is_proof(&self) -> bool {
        let (Some(first), Some(last)) = (self.refusals.first(), self.refusals.last()) else {
            return false;
        };
        let seconds = last.at.duration_since(first.at).as_secs();
        self.refusals.len() >= self.wanted.refusals as usize
            && seconds >= i64::from(self.wanted.window_seconds)
    }

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
        let is_proof = self.is_proof();
        let proof = json!({"refusals": self.refusals});
        match (self.refusals.first(), self.refusals.last()) {
            (Some(first), Some(last)) if is_proof => {
                let words = format!(
                    "the provider refused the old key {} times in a row, from {:.0} to {:.0}",
                    self.refusals.len(),
                    first.at,
                    last.at
                );
                Ending::new(Outcome::Succeeded, words).effective(last.at).seeing(proof)
            }
            _ if self.is_accepted => {
                let words = format!("the provider still accepts the old key ({})", self.last);
                Ending::new(Outcome::Failed, words).seeing(json!({"accepted": true}))
            }
            _ => {
                let words = format!(
                    "the provider did not say {} times over {} s that the old key is dead: {}",
                    self.wanted.refusals, self.wanted.window_seconds, self.last
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
        let (engine, proof) = (self.engine, step.proof.unwrap_or_default());
        let patience = &engine.patience;
        let ending = ask(engine.provider, engine.credential, patience, proof, Until::Proved).await;
        if ending.outcome == Outcome::Succeeded {
            let content = json!({
                "provider": self.plan.provider,
                "key_id": self.plan.key_id,
                "fingerprint": self.plan.fingerprint,
                "refusals": ending.seen["refusals"],
            });
            self.record.append_evidence("refusals-of-old-key", content)?;
        }
        self.record.finish(&step.id, ending)
    }

    /// Writes down that the key can do no more harm, once that is proved. The proof also settles
    /// whether the key was stopped, where looking could not.
    pub(super) fn conclude(&mut self) -> Result<(), Error> {
        let history = &self.record.history;
        let step = self.plan.proof_step().map(|step| step.id.as_str()).unwrap_or_default();
        let Some(proof) = history.finish(step).cloned() else {
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
        // What is deleted was contained before.
        if self.record.history.contained || self.plan.step(Action::Delete).is_some() {
            return Ok(());
        }
        // Of a session, what ends it is what stops it.
        let stop = match self.plan.key_kind {
            KeyKind::Session { .. } => Action::EndSessions.id(),
            _ => disable,
        };
        let stopped_at = self.record.history.finish(stop).and_then(|stop| stop.effective_at);
        self.record.append(&Event::Contained {
            // Where the two clocks disagree, the proof still can't be older than what it proves.
            effective_at: stopped_at.unwrap_or(first_at).min(verified_at),
            verified_at,
        })
    }
}

/// Asks with the old key until that is over, or patience is.
pub(super) async fn ask(
    provider: &dyn Provider,
    credential: &Credential,
    patience: &Patience,
    proof: Proof,
    until: Until,
) -> Ending {
    let mut answers = Answers::new(proof);
    let asks = patience.looks.max(proof.refusals);
    for nth in 0..asks {
        let answer = patience.call("asking with the old key", provider.probe(credential)).await;
        if let Err(error) = &answer
            && matches!(trouble(error), Trouble::MayNot | Trouble::No)
        {
            return Ending::no(error);
        }
        answers.take(answer);
        if answers.is_proof() || until == Until::Said && answers.is_accepted {
            break;
        }
        if nth + 1 < asks {
            patience.pause(nth).await;
        }
    }
    answers.ending()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(window_seconds: u32, answers: &[(Liveness, i64)]) -> Outcome {
        let mut taken = Answers::new(Proof { refusals: 2, window_seconds });
        for (liveness, at) in answers {
            let at = Timestamp::from_second(*at).unwrap();
            taken.take(Ok(Probe { liveness: liveness.clone(), at }));
        }
        taken.ending().outcome
    }

    #[test]
    fn only_refusals_with_no_other_word_between_them_are_a_proof() {
        let code = || "code".to_owned();
        let refused = || (Liveness::Refused { code: code() }, 0);
        let wrong = (Liveness::WrongSecret { code: code() }, 0);
        let unknown = (Liveness::Unknown { why: code() }, 0);
        assert_eq!(ending(0, &[refused(), refused()]), Outcome::Succeeded);
        assert_eq!(ending(0, &[refused()]), Outcome::Unknown);
        assert_eq!(ending(0, &[refused(), wrong, refused()]), Outcome::Unknown);
        // No answer is no word.
        assert_eq!(ending(0, &[refused(), unknown, refused()]), Outcome::Succeeded);
    }

    #[test]
    fn refusals_within_the_same_moment_are_no_proof_over_a_window() {
        let refused = |at| (Liveness::Refused { code: "code".to_owned() }, at);
        assert_eq!(ending(5, &[refused(0), refused(1), refused(4)]), Outcome::Unknown);
        assert_eq!(ending(5, &[refused(0), refused(1), refused(5)]), Outcome::Succeeded);
    }
}
