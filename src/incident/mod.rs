//! Incidents: the durable record. Events go in and are never changed; the incident is their sum.
//!
//! Takes [`Event`]s; gives a [`Journal`] that keeps them in a hash chain, and the folded incident with
//! its severity, clocks and timeline. It decides nothing and calls nobody.
//!
//! [`chain`] makes and checks the hashes, [`SqliteStore`] is the only part that knows a database, and
//! [`Incident::of`] is a pure function: delete everything but the events and nothing is lost.

pub mod backup;
pub mod bundle;
pub mod chain;
mod clocks;
mod event;
mod fold;
mod guide;
mod journal;
mod limits;
mod outsider;
mod repeats;
mod scorecard;
mod settings;
mod severity;
mod signature;
mod signing;
mod step;
mod store;
mod summary;
mod surroundings;
#[cfg(feature = "postgres")]
mod team_store;
mod timeline;
mod times;
mod usage;
mod words;

pub use backup::BackupError;
pub use chain::{Break, Head};
pub use clocks::{Clocks, Deadline, Hands, Pause, Standing};
pub use event::Event;
pub use fold::{Evidence, Incident, Judgement, Note, Oddity, PlanInForce, Severity, State};
pub use guide::Need;
pub use journal::{IncidentId, Journal, Opening, PlanRecord, Reading, Recorded, Store, Summaries};
pub use limits::{BusinessHours, ClockRules, Day, Limit, Limits};
pub use outsider::for_outsiders;
pub use repeats::repeats;
pub use scorecard::{
    Breaches, Definition, FollowUps, Group, LeftOut, Measure, Period, Quarter, Scorecard,
};
pub use settings::{Holder, Settings, Targets, is_one_too_many};
pub use severity::{Classification, Inputs, Level, RULE_SET, rule_table};
pub use signature::{SignedHead, Signer, Verifier};
pub use signing::{Signing, Testimony, Witness, check_testimony};
pub use step::{Step, StepState};
pub use store::SqliteStore;
pub use summary::Summary;
pub use surroundings::{Affected, Checkpoint, FollowUp, Repeat, RootCause, Workflow};
#[cfg(feature = "postgres")]
pub use team_store::TeamStore;
pub use timeline::{Line, describe};
pub use times::{DEFINITIONS, Figure, Figures, Times};
pub use usage::{Conclusion, Coverage, Link, Relation, Searched, UsageReview};
pub use words::{
    Cause, CredentialRef, Exposure, Interval, Moment, Outcome, Phase, Role, Tlp, Verdict,
    Visibility,
};

use jiff::Timestamp;

/// Tells the time. The program uses the system's, tests hold their own.
pub trait Clock: Send + Sync {
    /// Returns the present instant.
    fn now(&self) -> Timestamp;
}

/// Why the record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another writer appended first; read again and decide anew.
    #[error("{incident} was changed by someone else: event {seq} is already there")]
    Conflict {
        /// Which incident.
        incident: IncidentId,
        /// Which number was taken.
        seq: u64,
    },
    /// There is no such incident.
    #[error("there is no incident {0}")]
    NoSuchIncident(String),
    /// Several incidents answer to what was typed.
    #[error("{typed} may be any of {}; type more of it, or its end", .candidates.join(", "))]
    Ambiguous {
        /// What was typed.
        typed: String,
        /// The ids it may mean.
        candidates: Vec<String>,
    },
    /// What is kept isn't what was recorded. Nothing may be built on it.
    #[error("the record of {incident} is broken at event {seq}: {why}")]
    Broken {
        /// Which incident.
        incident: IncidentId,
        /// The first event that is wrong.
        seq: u64,
        /// What is wrong with it.
        why: String,
    },
    /// Events without the one that opens an incident.
    #[error("the record of {0} holds no event that opens it")]
    NotOpened(IncidentId),
    /// The event can't be written so that it reads back the same.
    #[error("the event can't be recorded: {0}")]
    Unrecordable(String),
    /// The store failed.
    #[error("cannot {doing} the incident store {store}: {why}")]
    Store {
        /// What was tried: `open`, `read`, `write`.
        doing: &'static str,
        /// Where the store is.
        store: String,
        /// Why it failed.
        why: String,
    },
}
