//! The journal: where events are kept, in order, each carrying the hash of the one before.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Error, Event};

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
