//! The journal: where events are kept, in order, each carrying the hash of the one before.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use serde_json::Value;

use super::{Break, Error, Event, Head, Incident, SignedHead, Summary, chain};
use crate::secret::Fingerprint;

/// What every id begins with, and nobody has to type.
const MARK: &str = "INC-";

/// How many characters of an id's end name it.
const SHORT: usize = 8;

/// Names an incident: `INC-` and a time-ordered UUID (version 7).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IncidentId(String);

impl IncidentId {
    /// Returns a fresh id.
    pub fn generate() -> Self {
        Self(format!("INC-{}", uuid::Uuid::now_v7()))
    }

    /// Returns a fresh id of that instant, for whoever holds a [`super::Clock`].
    pub fn generate_at(now: Timestamp) -> Self {
        // Before 1970 there is no such id; the order of such ids would be lost, not their uniqueness.
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let nanoseconds = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
        let at = uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanoseconds);
        Self(format!("INC-{}", uuid::Uuid::new_v7(at)))
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for IncidentId {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An event as it was recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Its number in the incident, from 0 without a gap.
    pub seq: u64,
    /// When it was recorded, by the recorder's clock.
    pub at: Timestamp,
    /// Who recorded it: a person, or the program on whose behalf.
    pub actor: String,
    /// What happened.
    pub event: Event,
    /// The hash of the event before; 64 zeros for the first.
    pub prev: String,
    /// The hash of this one.
    pub hash: String,
}

/// Keeps the events of incidents. When `append` returns, the event is on stable storage.
pub trait Journal: Send + Sync {
    /// Appends an event as number `expected_seq`.
    ///
    /// # Errors
    /// [`Error::Conflict`] where another writer was first; every other variant where it was not kept.
    fn append(
        &self,
        incident: &IncidentId,
        expected_seq: u64,
        actor: &str,
        at: Timestamp,
        event: &Event,
    ) -> Result<Recorded, Error>;

    /// Returns all events of an incident in order.
    ///
    /// # Errors
    /// [`Error::NoSuchIncident`] where there are none.
    fn events(&self, incident: &IncidentId) -> Result<Vec<Recorded>, Error>;
}

/// A place where incidents are kept: a journal that also finds, checks, and remembers plans.
pub trait Store: Journal {
    /// Returns where it is, for people. Never with a password.
    fn place(&self) -> String;

    /// Returns the ids of all incidents, the oldest first.
    ///
    /// # Errors
    /// [`Error::Store`] where they could not be read.
    fn list(&self) -> Result<Vec<IncidentId>, Error>;

    /// Reads an incident as far as its record is sound: for showing a damaged one.
    ///
    /// # Errors
    /// [`Error::NoSuchIncident`] where there are no events, [`Error::Store`] where reading failed.
    fn read(&self, incident: &IncidentId) -> Result<Reading, Error>;

    /// Appends the first event of an incident, unless another incident of the same credential is open:
    /// looking and writing are one step, so two responders can't both open one.
    ///
    /// # Errors
    /// Those of [`Journal::append`].
    fn open_incident(
        &self,
        incident: &IncidentId,
        actor: &str,
        at: Timestamp,
        event: &Event,
    ) -> Result<Opening, Error>;

    /// Appends several events, all of them or none, the first as number `expected_seq`.
    ///
    /// # Errors
    /// Those of [`Journal::append`].
    fn append_all(
        &self,
        incident: &IncidentId,
        expected_seq: u64,
        actor: &str,
        at: Timestamp,
        events: &[Event],
    ) -> Result<Vec<Recorded>, Error>;

    /// Appends events as they were recorded elsewhere, all of them or none: they must follow what is here.
    ///
    /// # Errors
    /// Those of [`Journal::append`], and [`Error::Broken`] where one would not be what it was.
    fn import(&self, incident: &IncidentId, events: &[Recorded]) -> Result<(), Error>;

    /// Returns the open incident of a credential, the latest if there are several.
    ///
    /// # Errors
    /// [`Error::Broken`] where the record of a possible one is damaged, [`Error::Store`] where reading
    /// failed.
    fn incident_for(&self, fingerprint: &Fingerprint) -> Result<Option<IncidentId>, Error>;

    /// Remembers a plan that is being shown. Shown again, it counts as shown now.
    ///
    /// # Errors
    /// [`Error::Store`] where it could not be kept, [`Error::Unrecordable`] where it has no exact form.
    fn remember_plan(&self, plan: &PlanRecord) -> Result<(), Error>;

    /// Returns the plan with that hash.
    ///
    /// # Errors
    /// [`Error::Store`] where it could not be read.
    fn plan(&self, plan_hash: &str) -> Result<Option<PlanRecord>, Error>;

    /// Returns the plan for a credential that was shown last.
    ///
    /// # Errors
    /// [`Error::Store`] where it could not be read.
    fn last_plan_for(&self, fingerprint: &Fingerprint) -> Result<Option<PlanRecord>, Error>;

    /// Keeps a signed checkpoint of an incident.
    ///
    /// # Errors
    /// [`Error::Store`] where it could not be kept.
    fn keep_checkpoint(&self, signed: &SignedHead) -> Result<(), Error>;

    /// Returns the signed checkpoints of an incident in order, as text: a damaged one is no reason not
    /// to show the others.
    ///
    /// # Errors
    /// [`Error::Store`] where they could not be read.
    fn checkpoints(&self, incident: &IncidentId) -> Result<Vec<String>, Error>;

    /// Returns the summaries of all incidents, the oldest first, and what is wrong with damaged ones: those
    /// are summed up as far as they are sound.
    ///
    /// # Errors
    /// [`Error::Store`] where they could not be read.
    fn summaries(&self) -> Result<Summaries, Error> {
        let mut summaries = Summaries::default();
        for id in self.list()? {
            summaries.add(&id, self.read(&id)?);
        }
        Ok(summaries)
    }

    /// Returns the one incident whose id begins or ends with what was typed, in letters of any case and
    /// with or without `INC-`. (Ids of the same minute begin alike; their ends differ.)
    ///
    /// # Errors
    /// [`Error::NoSuchIncident`] for none, [`Error::Ambiguous`] for several.
    fn find(&self, typed: &str) -> Result<IncidentId, Error> {
        let mut matching = self.list()?;
        matching.retain(|id| id.answers_to(typed));
        match matching.len() {
            1 => Ok(matching.remove(0)),
            0 => Err(Error::NoSuchIncident(echo(typed))),
            _ => Err(Error::Ambiguous {
                typed: echo(typed),
                candidates: matching.iter().map(ToString::to_string).collect(),
            }),
        }
    }

    /// Checks the whole record of an incident, and that it reaches an earlier known head.
    ///
    /// # Errors
    /// [`Error::Broken`] where it isn't what was written, and those of [`Store::read`].
    fn verify(&self, incident: &IncidentId, known: Option<&Head>) -> Result<Head, Error> {
        let events = self.events(incident)?;
        let head = match known {
            Some(known) => chain::verify_against(incident, &events, known),
            None => chain::verify(incident, &events),
        };
        head.map_err(|broken| broken.of(incident))
    }
}

/// What could be read of an incident.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The events up to the first that is wrong: all of them, in a sound record.
    pub intact: Vec<Recorded>,
    /// Where the record stops being what was written.
    pub broken: Option<Break>,
}

/// All incidents in few words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summaries {
    /// The summaries, the oldest incident first.
    pub all: Vec<Summary>,
    /// What is wrong with damaged records.
    pub broken: Vec<String>,
}

/// Refuses an event that isn't, put back, what it was.
pub(super) fn same(incident: &IncidentId, one: &Recorded, other: &Recorded) -> Result<(), Error> {
    let why = || "put back, it would not be what it was".to_owned();
    match one == other {
        true => Ok(()),
        false => Err(Error::Broken { incident: incident.clone(), seq: other.seq, why: why() }),
    }
}

impl Summaries {
    /// Adds what could be read of an incident.
    pub(super) fn add(&mut self, id: &IncidentId, reading: Reading) {
        match Incident::of(id, &reading.intact) {
            Ok(incident) => self.all.push(Summary::of(&incident)),
            Err(error) => self.broken.push(error.to_string()),
        }
        self.broken.extend(reading.broken.map(|at| format!("{id}: {at}")));
    }
}

/// What came of asking for a new incident.
#[derive(Clone, Debug, PartialEq)]
pub enum Opening {
    /// It was opened.
    Opened(Box<Recorded>),
    /// There is an open incident of the same credential already.
    AlreadyOpen(IncidentId),
}

/// A plan as it was shown.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanRecord {
    /// Its hash, by which it is approved.
    pub plan_hash: String,
    /// The credential it is for.
    pub fingerprint: Fingerprint,
    /// The plan itself.
    pub plan: Value,
    /// When it was last shown.
    pub shown_at: Timestamp,
}

impl IncidentId {
    fn answers_to(&self, typed: &str) -> bool {
        let (id, typed) = (self.as_str().to_lowercase(), typed.to_lowercase());
        let mark = MARK.to_lowercase();
        let bare = id.strip_prefix(&mark).unwrap_or(&id);
        let typed = typed.strip_prefix(&mark).unwrap_or(&typed);
        !typed.is_empty() && (bare.starts_with(typed) || bare.ends_with(typed))
    }

    /// Returns the end of the id, which is how people name an incident: ids of the same minute begin
    /// alike.
    pub fn short(&self) -> &str {
        let at = self.0.len().saturating_sub(SHORT);
        self.0.get(at..).unwrap_or(&self.0)
    }
}

/// Returns what was typed where it looks like an id. Anything else may be a secret pasted by mistake.
fn echo(typed: &str) -> String {
    let bare = typed.strip_prefix(MARK).unwrap_or(typed);
    let like_an_id = |c: char| c.is_ascii_hexdigit() || c == '-';
    if !bare.is_empty() && typed.len() <= 40 && bare.chars().all(like_an_id) {
        typed.to_owned()
    } else {
        format!("named by {} characters like these", typed.chars().count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_never_repeat() {
        let at = |second| IncidentId::generate_at(Timestamp::from_second(second).unwrap());
        assert!(at(1_000) < at(2_000));
        assert_ne!(at(1_000), at(1_000));
        assert_ne!(at(-1), at(-1));
    }
}
