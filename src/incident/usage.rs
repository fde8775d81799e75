//! What a leaked key was used for, as far as its provider's logs tell; and the incidents that came of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::IncidentId;

/// What was read of what a key did, and what follows. What could not be seen is unknown, never "not
/// used".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageReview {
    /// From when on the logs were read.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// From when on a use counts as one after the leak.
    pub leaked_at: Timestamp,
    /// What was searched, and what could not be.
    pub sources: Vec<Searched>,
    /// The first use after the leak.
    pub first_use: Option<Timestamp>,
    /// The last one.
    pub last_use: Option<Timestamp>,
    /// How many uses there were after the leak.
    pub uses_after_leak: u64,
    /// How many of them came from addresses that were not seen before the leak.
    pub after_leak_unknown_source: u64,
    /// What follows.
    pub conclusion: Conclusion,
    /// Why, in words.
    pub reason: String,
}

impl UsageReview {
    /// The name under which all that a hunt found is kept.
    pub const FOUND: &str = "hunt";
    /// The name under which the questions for logs that are searched elsewhere are kept.
    pub const QUERIES: &str = "log-queries";
    /// Both.
    pub const EVIDENCE: [&str; 2] = [Self::FOUND, Self::QUERIES];
}

/// One search of one log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Searched {
    /// What was searched.
    pub name: String,
    /// How much of it was read.
    pub coverage: Coverage,
    /// What was asked; empty where nothing could be.
    pub query: String,
    /// How many uses it showed.
    pub count: u64,
    /// What could not be read, each with its reason.
    pub gaps: Vec<String>,
}

/// How much of a log was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Coverage {
    /// All that was asked for.
    Full,
    /// A part.
    Partial,
    /// Nothing: it could not be read.
    None,
    /// Nobody knows whether there was anything to read.
    Unknown,
}

impl Coverage {
    /// Returns it in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Full => "read whole",
            Self::Partial => "read in part",
            Self::None => "not read",
            Self::Unknown => "unknown",
        }
    }
}

/// What follows from a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conclusion {
    /// It was not used after the leak.
    NoUse,
    /// It was used from addresses alone that were seen before the leak.
    LegitOnly,
    /// It was used from addresses that were not.
    Misuse,
    /// Nobody can tell.
    Unknown,
}

impl Conclusion {
    /// Returns it in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::NoUse => "not used after the leak",
            Self::LegitOnly => "used from known addresses only",
            Self::Misuse => "misused",
            Self::Unknown => "unknown",
        }
    }
}

/// How another incident hangs together with this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// The other one is the cause of this one.
    Parent,
    /// The other one came of this one.
    Child,
}

impl Relation {
    /// Returns it in words, for a line that goes on with the other incident.
    pub fn words(self) -> &'static str {
        match self {
            Self::Parent => "came of",
            Self::Child => "led to",
        }
    }
}

/// Another incident that hangs together with this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// The other one.
    pub other: IncidentId,
    /// How.
    pub relation: Relation,
    /// Why, in words.
    pub reason: String,
}
