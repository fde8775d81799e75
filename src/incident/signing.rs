//! A store that signs the head of a record where it matters: when it is opened, contained, closed, and
//! every 64 events.

use std::fmt;

use jiff::Timestamp;

use super::bundle::check_note;
use super::{
    Error, Event, IncidentId, Journal, Opening, PlanRecord, Reading, Recorded, SignedHead, Signer,
    Store, Summaries, Verifier,
};
use crate::secret::Fingerprint;

/// A checkpoint is made at least so often.
const EVERY: u64 = 64;

/// Whoever is given each signed head, to keep it where nobody who has the store can change it.
pub trait Witness: Send + Sync {
    /// Takes a head. Whether it could be kept is the witness's to say: the record is none the worse.
    fn give(&self, head: &SignedHead);
}

/// A store whose records are signed.
pub struct Signing {
    store: Box<dyn Store>,
    signer: Signer,
    witness: Option<Box<dyn Witness>>,
}

impl Signing {
    /// Returns a store that keeps everything in that one, and signs.
    pub fn new(store: Box<dyn Store>, signer: Signer) -> Self {
        Self { store, signer, witness: None }
    }

    /// Gives each head that is signed from now on to a witness.
    pub fn before(self, witness: Box<dyn Witness>) -> Self {
        Self { witness: Some(witness), ..self }
    }

    /// Signs the head after events of which one matters.
    fn sign_after(&self, incident: &IncidentId, new: &[Recorded]) -> Result<(), Error> {
        let Some(last) = new.last().filter(|_| new.iter().any(matters)) else { return Ok(()) };
        let signed = self.signer.sign_head(incident, &last.head());
        self.store.keep_checkpoint(&signed)?;
        if let Some(witness) = &self.witness {
            witness.give(&signed);
        }
        Ok(())
    }
}

fn matters(recorded: &Recorded) -> bool {
    let is_turn = matches!(
        recorded.event,
        Event::Opened { .. } | Event::Contained { .. } | Event::Closed { .. }
    );
    is_turn || (recorded.seq + 1).is_multiple_of(EVERY)
}

impl fmt::Debug for Signing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signing({}, {:?})", self.store.place(), self.signer)
    }
}

impl Journal for Signing {
    fn append(
        &self,
        incident: &IncidentId,
        expected_seq: u64,
        actor: &str,
        at: Timestamp,
        event: &Event,
    ) -> Result<Recorded, Error> {
        let recorded = self.store.append(incident, expected_seq, actor, at, event)?;
        self.sign_after(incident, std::slice::from_ref(&recorded))?;
        Ok(recorded)
    }

    fn events(&self, incident: &IncidentId) -> Result<Vec<Recorded>, Error> {
        self.store.events(incident)
    }
}

impl Store for Signing {
    fn place(&self) -> String {
        self.store.place()
    }

    fn list(&self) -> Result<Vec<IncidentId>, Error> {
        self.store.list()
    }

    fn read(&self, incident: &IncidentId) -> Result<Reading, Error> {
        self.store.read(incident)
    }

    fn open_incident(
        &self,
        incident: &IncidentId,
        actor: &str,
        at: Timestamp,
        event: &Event,
    ) -> Result<Opening, Error> {
        let opening = self.store.open_incident(incident, actor, at, event)?;
        if let Opening::Opened(first) = &opening {
            self.sign_after(incident, std::slice::from_ref(first))?;
        }
        Ok(opening)
    }

    fn append_all(
        &self,
        incident: &IncidentId,
        expected_seq: u64,
        actor: &str,
        at: Timestamp,
        events: &[Event],
    ) -> Result<Vec<Recorded>, Error> {
        let recorded = self.store.append_all(incident, expected_seq, actor, at, events)?;
        self.sign_after(incident, &recorded)?;
        Ok(recorded)
    }

    fn import(&self, incident: &IncidentId, events: &[Recorded]) -> Result<(), Error> {
        self.store.import(incident, events)
    }

    fn incident_for(&self, fingerprint: &Fingerprint) -> Result<Option<IncidentId>, Error> {
        self.store.incident_for(fingerprint)
    }

    fn remember_plan(&self, plan: &PlanRecord) -> Result<(), Error> {
        self.store.remember_plan(plan)
    }

    fn plan(&self, plan_hash: &str) -> Result<Option<PlanRecord>, Error> {
        self.store.plan(plan_hash)
    }

    fn last_plan_for(&self, fingerprint: &Fingerprint) -> Result<Option<PlanRecord>, Error> {
        self.store.last_plan_for(fingerprint)
    }

    fn summaries(&self) -> Result<Summaries, Error> {
        self.store.summaries()
    }

    fn keep_checkpoint(&self, signed: &SignedHead) -> Result<(), Error> {
        self.store.keep_checkpoint(signed)
    }

    fn checkpoints(&self, incident: &IncidentId) -> Result<Vec<String>, Error> {
        self.store.checkpoints(incident)
    }
}

/// What the checkpoints of a record say of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Testimony {
    /// How many verify with the key that was given.
    pub verified: usize,
    /// How many events the last of those covers.
    pub covered: u64,
    /// The names of other keys that signed some; whether those are right can't be told here.
    pub others: Vec<String>,
}

/// Checks the checkpoints of a record: each must be of it, signed by the key where it names that key,
/// and reached by the events.
///
/// # Errors
/// What is wrong with the first that isn't right, in words.
pub fn check_testimony(
    incident: &IncidentId,
    events: &[Recorded],
    notes: &[String],
    key: Option<&Verifier>,
) -> Result<Testimony, String> {
    let mut testimony = Testimony::default();
    for note in notes {
        let note: SignedHead = note.parse()?;
        match key.filter(|key| key.name() == note.key) {
            Some(key) => {
                check_note(&note, incident, events, key)?;
                testimony.verified += 1;
                testimony.covered = testimony.covered.max(note.head.seq.saturating_add(1));
            }
            None if testimony.others.contains(&note.key) => {}
            None => testimony.others.push(note.key),
        }
    }
    Ok(testimony)
}
