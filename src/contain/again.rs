//! Asking again, days later: a key that was stopped may have been started since.

use serde_json::{Value, json};

use super::Error;
use super::engine::Engine;
use super::facts::Subject;
use super::look::Patience;
use super::prove::{Until, ask};
use super::record::Record;
use super::request::Proof;
use crate::incident::{Event, Outcome, Phase};
use crate::provider::Provider;
use crate::secret::Credential;

/// What asking again has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// The provider refused it, often enough.
    Dead,
    /// The provider accepts it.
    Alive,
    /// The provider didn't say.
    Unknown,
}

/// The answer to asking again.
#[derive(Clone, Debug)]
pub struct Again {
    /// Whether it lives.
    pub life: Life,
    /// What was answered, in words.
    pub detail: String,
    seen: Value,
}

/// Asks a provider with a leaked key whether it lives. Changes nothing and needs no record.
///
/// # Errors
/// [`Error::NoSecret`] where only the key's id is known.
pub async fn ask_again(
    provider: &dyn Provider,
    credential: &Credential,
    patience: &Patience,
    proof: Proof,
) -> Result<Again, Error> {
    Subject::of(credential)?;
    let ending = ask(provider, credential, patience, proof, Until::Said).await;
    let life = match ending.outcome {
        Outcome::Succeeded => Life::Dead,
        Outcome::Failed if ending.seen["accepted"] == true => Life::Alive,
        _ => Life::Unknown,
    };
    Ok(Again { life, detail: ending.detail, seen: ending.seen })
}

impl Engine<'_> {
    /// Writes down what asking again has shown. A key that lives is contained no longer.
    ///
    /// # Errors
    /// Where the record can't be read or written.
    pub fn keep(&self, again: &Again) -> Result<(), Error> {
        let mut record = Record::read(self)?;
        let life = match again.life {
            Life::Dead => "dead",
            Life::Alive => "alive",
            Life::Unknown => "unknown",
        };
        let content = json!({
            "fingerprint": self.credential.fingerprint(),
            "provider": self.provider.id(),
            "answer": life,
            "detail": again.detail,
            "refusals": again.seen["refusals"],
        });
        record.append_evidence("recheck-of-old-key", content)?;
        if again.life == Life::Alive && record.history.contained {
            record.append(&Event::PhaseEntered {
                phase: Phase::Containment,
                reason: "the leaked key lives again".to_owned(),
            })?;
        }
        Ok(())
    }
}
