//! What only looks: the evidence, beside the stopping of the key, and the trial of a delivery before it.
//!
//! Nothing but the leaked key's own state is changed before the evidence is there, and that state is kept in
//! the intent of stopping it.

use std::time::Duration;

use serde_json::{Value, json};

use super::Error;
use super::change::Ending;
use super::engine::{Engine, as_value};
use super::plan::{Step, sha256_of};
use super::run::Run;
use super::steps::MOST_SECONDS;
use crate::incident::{Event, Outcome};
use crate::provider::{self, Evidence, Known, Observation};

/// What was found out about one step.
struct Found {
    step: Step,
    ending: Ending,
    /// What is kept of it as evidence.
    evidence: Option<Evidence>,
}

impl Run<'_> {
    /// Does the steps of `free` in order, while those of `asides` go on.
    pub(super) async fn beside(&mut self, asides: &[Step], free: &[Step]) -> Result<(), Error> {
        let due: Vec<Step> = asides.iter().filter(|step| self.is_due(step)).cloned().collect();
        for step in &due {
            self.record.renew()?;
            let calls = step.calls.join(", ");
            self.intend(&step.id, calls, &step.target, Value::Null)?;
        }
        let (engine, observed) = (self.engine, self.observed.clone());
        let looking = async {
            let mut found = Vec::new();
            for step in due {
                found.push(look(engine, &observed, step).await);
            }
            found
        };
        let acting = async {
            for step in free {
                self.advance(step).await?;
            }
            Ok::<(), Error>(())
        };
        let (found, acted) = tokio::join!(looking, acting);
        acted?;
        for found in found {
            self.keep(found)?;
        }
        Ok(())
    }

    /// Does such a step where it doesn't stand first.
    pub(super) async fn beside_nothing(&mut self, step: &Step) -> Result<(), Error> {
        self.intend(&step.id, step.calls.join(", "), &step.target, Value::Null)?;
        let found = look(self.engine, &self.observed, step.clone()).await;
        self.keep(found)
    }

    fn keep(&mut self, found: Found) -> Result<(), Error> {
        if let Some(evidence) = &found.evidence {
            let content = as_value(evidence)?;
            self.record.append_evidence("rights-of-old-key", content)?;
            if let Some(classified) = self.record.history.severity_with(evidence.administers) {
                self.record.append(&classified.into())?;
            }
        }
        self.record.finish(&found.step.id, found.ending)
    }
}

impl super::record::Record<'_> {
    /// Keeps something as evidence, with the digest of what is kept: secrets are masked before.
    pub(super) fn append_evidence(&mut self, name: &str, content: Value) -> Result<(), Error> {
        let content = self.masked(content);
        self.append(&Event::EvidenceCollected {
            name: name.to_owned(),
            sha256: sha256_of(&content),
            content,
        })
    }
}

async fn look(engine: &Engine<'_>, observed: &Observation, step: Step) -> Found {
    let budget = Duration::from_secs(MOST_SECONDS.into()).min(engine.patience.call * 2);
    match tokio::time::timeout(budget, engine.provider.evidence(observed)).await {
        Ok(Ok(evidence)) => {
            Found { ending: told(engine, &evidence), step, evidence: Some(evidence) }
        }
        Ok(Err(error)) => Found { ending: not_told(&error), step, evidence: None },
        Err(_) => {
            let words = format!("not told within {} s; nothing waits for it", budget.as_secs_f32());
            Found { ending: Ending::new(Outcome::Failed, words), step, evidence: None }
        }
    }
}

/// Returns the first of what could not be seen, and how many more there are: all stand in the evidence.
fn few_of(gaps: &[String]) -> String {
    match gaps {
        [first, _, _, ..] => {
            format!("{first}, and {} further (in the evidence)", gaps.len() - 1)
        }
        few => few.join("; "),
    }
}

fn told(engine: &Engine<'_>, evidence: &Evidence) -> Ending {
    let mut words = evidence.sentence.clone();
    if let Some(by) = &evidence.quarantined_by {
        words = format!("{words}; the provider itself has restricted it already: {by}");
    }
    if !evidence.gaps.is_empty() {
        words = format!("{words}; could not be seen: {}", few_of(&evidence.gaps));
    }
    let may = match evidence.administers {
        Known::Yes => "yes",
        Known::No => "no",
        Known::Unknown => "unknown",
    };
    Ending::new(Outcome::Succeeded, words)
        .effective(engine.clock.now())
        .seeing(json!({"administers": may, "gaps": evidence.gaps.len()}))
}

fn not_told(error: &provider::Error) -> Ending {
    match error {
        provider::Error::Unsupported { .. } => Ending::new(Outcome::Skipped, error.to_string()),
        other => Ending::no(other),
    }
}
