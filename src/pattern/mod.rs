//! Patterns: what each provider's keys look like, read from one TOML file a provider.
//!
//! Takes provider files (embedded ones, or a folder of them); gives a [`PatternSet`]. The format is
//! described in `patterns/README.md`. This room only knows formats and offline checks: it neither
//! searches text (that is `scan`) nor talks to providers.

mod check;
mod digest;
mod file;
pub mod import;
mod load;
mod opening;
mod regex;
mod required;
mod sample;
mod set;
mod signs;

pub use check::{Check, Verdict, aws_account_of};
pub use opening::Opening;
pub use regex::LazyRegex;
pub use sample::{Example, Gap, SampleError};
pub use set::{Error, Part, Pattern, PatternSet, Provider};
pub use signs::Signs;

use serde::{Deserialize, Serialize};

/// What the holder of a key could do, before anything is known about this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Little by itself: a key id, a token of a test environment.
    Low,
    /// Limited reads or writes.
    Medium,
    /// Reads, writes or spends with its owner's rights.
    High,
    /// Administers: can make or change other credentials.
    Critical,
}

/// How sure it is that a match is a credential at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// It looks like one.
    Low,
    /// Its form or its context says so.
    Medium,
    /// Its form is unmistakable, or a check proved it.
    High,
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        })
    }
}

impl std::fmt::Display for Confidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        })
    }
}
