//! What an incident touches beside the key: systems that trust it, vendors, workflows, what is left to
//! do, and whether it happened before.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Cause, IncidentId};

/// A system that trusts the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Affected {
    /// The system.
    pub name: String,
    /// Whose it is, where known.
    pub owner: Option<String>,
    /// How it trusts the key, where known.
    pub trusts: Option<String>,
    /// When it was seen to work, safely, without the leaked key.
    pub validated_at: Option<Timestamp>,
}

/// A question to a vendor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checkpoint {
    /// Who was asked.
    pub vendor: String,
    /// What.
    pub question: String,
    /// The vendor's number for it.
    pub case: Option<String>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// Until when an answer is needed.
    pub due: Timestamp,
    /// The answer.
    pub answer: Option<String>,
    /// When it came.
    pub answered_at: Option<Timestamp>,
}

/// A workflow that was stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Workflow {
    /// Which.
    pub name: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub paused_at: Timestamp,
    /// Until when; `None` while it stands.
    pub resumed_at: Option<Timestamp>,
}

/// Something left to do after the incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUp {
    /// What.
    pub title: String,
    /// Who does it.
    pub owner: String,
    /// Until when.
    pub due: Timestamp,
    /// When it was done.
    pub done_at: Option<Timestamp>,
    /// What was done.
    pub result: Option<String>,
}

/// Why it could happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RootCause {
    /// The kind of cause.
    pub category: Cause,
    /// The cause in a line.
    pub description: String,
    /// What was or will be changed.
    pub fix: Option<String>,
    /// When it was found.
    pub found_at: Timestamp,
}

/// An earlier incident of the same kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeat {
    /// The earlier incident.
    pub prior: IncidentId,
    /// In what the two are alike.
    pub reason: String,
}
