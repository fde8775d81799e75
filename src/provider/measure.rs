//! Measures: reversible restrictions on whoever holds a leaked key, short of stopping the key itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is denied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Measure {
    /// Everything, from anywhere but these networks (CIDR): consumers keep working, an outsider doesn't.
    OnlyFrom {
        /// The networks the key's consumers call from.
        networks: Vec<String>,
    },
    /// Everything.
    DenyAll,
    /// Everything, by a ceiling above all the owner's other rights.
    Boundary,
    /// What the provider itself denies keys it found leaked.
    Quarantine,
    /// Whatever was begun with the key before a moment: sessions outlive the key that made them.
    EndSessions {
        /// Sessions that were issued before it end; fixed when the step is first intended,
        /// never "now" when it is taken up again.
        issued_before: Timestamp,
    },
}

/// A measure on one owner, for one incident. The same restriction always has the same name at the
/// provider, so that setting it twice is setting it once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restriction {
    /// What is denied.
    pub measure: Measure,
    /// To whom: the owner of the key, or the full name (ARN) of a role it has taken.
    pub owner: String,
    /// The incident it is for; part of its name.
    pub incident: String,
}

/// Whether a restriction stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// It stands exactly as it should.
    pub holds: bool,
    /// What is in its place; what lifting it later needs to restore.
    pub before: Value,
}
