//! Writing the record: every event by its number, so that two writers can't both believe they are alone,
//! and none with a secret in it, whatever a provider put into its answers.

use serde_json::Value;

use super::Error;
use super::change::Ending;
use super::engine::Engine;
use super::history::{History, acts_on_the_key};
use crate::incident::{self, Event};
use crate::secret::{Credential, MASK, Part, Secret};

/// Shorter secrets are not searched for in what is written: they would hit ordinary words.
const MIN_SECRET_BYTES: usize = 8;

/// The record of one incident, read to its end and open at it.
pub(super) struct Record<'a> {
    pub(super) engine: &'a Engine<'a>,
    next: u64,
    secrets: Vec<Secret>,
    /// What the events say so far.
    pub(super) history: History,
}

impl<'a> Record<'a> {
    pub(super) fn read(engine: &'a Engine<'a>) -> Result<Self, Error> {
        let events = engine.journal.events(&engine.incident)?;
        let mut record = Self {
            engine,
            next: events.last().map_or(0, |last| last.seq + 1),
            secrets: Vec::new(),
            history: History::default(),
        };
        record.keep_secret(engine.credential);
        for recorded in &events {
            record.history.take(&recorded.event, recorded.at)?;
        }
        Ok(record)
    }

    /// From now on, the secrets of this credential are masked wherever they turn up in an event.
    pub(super) fn keep_secret(&mut self, credential: &Credential) {
        let secrets = credential.parts.values().filter_map(|part| match part {
            Part::Secret(secret) if secret.len() >= MIN_SECRET_BYTES => Some(secret.clone()),
            Part::Secret(_) | Part::Public(_) => None,
        });
        self.secrets.extend(secrets);
    }

    /// Appends an event; when this returns, it is on stable storage. What people write to the incident
    /// meanwhile stands before it; whoever else acts on the key is let pass.
    pub(super) fn append(&mut self, event: &Event) -> Result<(), Error> {
        let event = self.without_secrets(event)?;
        let engine = self.engine;
        loop {
            let now = engine.clock.now();
            match engine.journal.append(&engine.incident, self.next, &engine.actor, now, &event) {
                Ok(_) => {
                    self.next += 1;
                    return self.history.take(&event, now);
                }
                // Each further try has read what was in its way: it ends with who else writes.
                Err(conflict @ incident::Error::Conflict { .. }) => {
                    if !self.take_what_people_wrote()? {
                        return Err(conflict.into());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reads on to the end of the record, and returns whether there was something and none of it is of
    /// somebody who acts on the key.
    fn take_what_people_wrote(&mut self) -> Result<bool, Error> {
        let engine = self.engine;
        let events = engine.journal.events(&engine.incident)?;
        let new: Vec<_> = events.iter().filter(|recorded| recorded.seq >= self.next).collect();
        if new.is_empty() || new.iter().any(|recorded| acts_on_the_key(&recorded.event)) {
            return Ok(false);
        }
        for recorded in new {
            self.history.take(&recorded.event, recorded.at)?;
            self.next = recorded.seq + 1;
        }
        Ok(true)
    }

    pub(super) fn finish(&mut self, step: &str, ending: Ending) -> Result<(), Error> {
        self.append(&Event::StepFinished {
            step: step.to_owned(),
            outcome: ending.outcome,
            detail: ending.detail,
            effective_at: ending.effective_at,
            seen: ending.seen,
        })
    }

    /// Returns a value with the secrets of this incident masked.
    pub(super) fn masked(&self, mut value: Value) -> Value {
        mask(&mut value, &self.secrets);
        value
    }

    fn without_secrets(&self, event: &Event) -> Result<Event, Error> {
        let no_json = |error: serde_json::Error| Error::Damaged(error.to_string());
        let mut value = serde_json::to_value(event).map_err(no_json)?;
        mask(&mut value, &self.secrets);
        serde_json::from_value(value).map_err(no_json)
    }
}

fn mask(value: &mut Value, secrets: &[Secret]) {
    match value {
        Value::String(text) => {
            for secret in secrets.iter().filter_map(Secret::expose_str) {
                if text.contains(secret) {
                    *text = text.replace(secret, MASK);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mask(item, secrets)),
        Value::Object(fields) => fields.values_mut().for_each(|field| mask(field, secrets)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
