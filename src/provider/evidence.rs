//! What a key may do and what surrounds it: read before anything is changed, kept in the record.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Whether something is so. What could not be seen is unknown, never a no.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Known {
    /// It is so.
    Yes,
    /// It is not so.
    No,
    /// It could not be seen.
    #[default]
    Unknown,
}

/// One thing a holder of the key may be able to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Power {
    /// In words a founder understands, such as `make itself an administrator`.
    pub what: String,
    /// The provider's names of the actions that were asked about.
    pub actions: Vec<String>,
    /// Whether the key may.
    pub allowed: Known,
    /// Through what it may, such as the name of a policy.
    pub through: Option<String>,
}

/// What was read about a key and its owner before anything was changed. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// What the provider answered, by the name of the call (and what it was asked about): what an undo
    /// would restore, too.
    pub documents: BTreeMap<String, Value>,
    /// What the key can do, as a table.
    pub powers: Vec<Power>,
    /// What the key can do, as one sentence.
    pub sentence: String,
    /// Whether it may do anything, or give itself the right to.
    pub administers: Known,
    /// The provider's own restriction that stands already, such as its quarantine policy.
    pub quarantined_by: Option<String>,
    /// What could not be read, each with its reason.
    pub gaps: Vec<String>,
    /// When, by the provider's clock where it tells the time.
    pub at: Timestamp,
}
