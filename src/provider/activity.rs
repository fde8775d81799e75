//! What a key has done: the provider's own log, read page by page within its limits.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// By what the log is searched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", content = "value", rename_all = "kebab-case")]
pub enum SearchBy {
    /// The id of a key.
    Key(String),
    /// The owner of keys.
    Owner(String),
}

/// A search of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// By what.
    pub by: SearchBy,
    /// From when on.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

/// What one entry of the log means for whoever cleans up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Meaning {
    /// It made or changed something by which an intruder stays.
    Persistence {
        /// What was made or changed, such as `access key AKIA… of eve`.
        what: String,
        /// How it is removed, in words with the exact command.
        remove: String,
    },
    /// It read a secret, which is leaked now, too.
    SecretRead {
        /// Which.
        what: String,
    },
    /// It took on another identity, whose sessions outlive the key.
    Session {
        /// Which identity.
        of: String,
    },
    /// It hid traces: logs stopped, trails deleted.
    Hiding {
        /// What was done.
        what: String,
    },
    /// Anything else.
    Other,
}

/// One use of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Use {
    /// The provider's id of the entry.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// The call, such as `iam:CreateUser`.
    pub call: String,
    /// Where it was made, such as a region.
    pub place: String,
    /// From which address, as the log says.
    pub from: Option<String>,
    /// With which program, as the log says.
    pub agent: Option<String>,
    /// The error it got; `None` where it was done.
    pub error: Option<String>,
    /// What it means.
    pub meaning: Meaning,
}

/// A piece of the log, and where to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// The uses, in the log's order.
    pub uses: Vec<Use>,
    /// Where the next piece begins, to be kept and given back; `None` at the end.
    pub next: Option<String>,
    /// What this piece can't show, each with its reason: unknown, never "not accessed".
    pub gaps: Vec<String>,
}
