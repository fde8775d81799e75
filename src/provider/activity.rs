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

/// A log that can be searched, and what is never in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Its id, as a [`Search`] names it: `event-history`.
    pub id: String,
    /// What it is called, for people.
    pub name: String,
    /// What a key can do that is never in it; `None` where all is.
    pub lacks: Option<String>,
    /// After how many minutes an event is in it.
    pub minutes_behind: u32,
}

/// A question written out in a log's own language, for whoever may ask it there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Where it is asked.
    pub place: String,
    /// The question.
    pub text: String,
}

/// A search of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// In which log, by its id.
    pub log: String,
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
        /// Whether the removal can be taken back.
        reversible: bool,
        /// Whom the removal may hit beside the intruder.
        hits: String,
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
        /// How it is put right, in words with the exact command where there is one.
        restore: String,
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
    /// With which key; `None` where the log doesn't say.
    pub key: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Whether it was this program itself, asking with the key who it is.
    pub is_ours: bool,
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
    /// The key it was given to work on as somebody else: what was done with that is in the log under that
    /// key's own id.
    #[serde(default)]
    pub gave: Option<String>,
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
    /// What should be in this piece and could not be read, each with its reason: unknown, never "not
    /// accessed". What is never in a log is [`Log::lacks`].
    pub gaps: Vec<String>,
}
