//! The words of the record, as arguments: one spelling here and in the events.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::incident::{Inputs, Visibility};

pub(super) const ROLES: &[&str] =
    &["commander", "technical-lead", "communications", "scribe", "approver", "follow-up-owner"];

pub(super) const PHASES: &[&str] =
    &["identification", "containment", "eradication", "recovery", "lessons-learned"];

pub(super) const VERDICTS: &[&str] = &[
    "true-positive",
    "false-positive",
    "test-key",
    "duplicate",
    "near-miss",
    "canary",
    "insufficient-data",
];

pub(super) const LEVELS: &[&str] = &["SEV1", "SEV2", "SEV3", "SEV4"];

pub(super) const CAUSES: &[&str] = &[
    "env-file-committed",
    "hardcoded",
    "ci-log",
    "image-layer",
    "notebook",
    "copy-paste",
    "vendored-code",
    "debug-output",
    "history",
    "third-party",
    "other",
    "unknown",
];

pub(super) const TLP: &[&str] = &["red", "amber-strict", "amber", "green", "clear"];

pub(super) const MOMENTS: &[&str] =
    &["leaked", "alerted", "detected", "acknowledged", "contained", "eradicated", "recovered"];

const READERS: &[&str] = &["public", "internal", "private", "unknown"];

/// Where a statement about the time of the leak is from, the best first.
pub(super) const SOURCES: &[&str] = &[
    "push",
    "audit-log",
    "host-alert",
    "first-commit",
    "committer-date",
    "author-date",
    "statement",
];

/// Returns a parser for one of these words, which are spelled as in the record.
pub(super) fn word<T>(words: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: DeserializeOwned + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words).try_map(|word| serde_json::from_value(Value::String(word)))
}

/// Whether something is so, as far as is known.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Known {
    /// It is so
    Yes,
    /// It is not
    No,
    /// Nobody knows: counts as the worse
    Unknown,
}

impl Known {
    fn value(self) -> Option<bool> {
        match self {
            Self::Yes => Some(true),
            Self::No => Some(false),
            Self::Unknown => None,
        }
    }
}

/// What the severity rule is given.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "What is known (what is not said counts as the worse)")]
pub(in crate::cli) struct InputArgs {
    /// The provider says the key works
    #[arg(long, value_enum)]
    live: Option<Known>,
    /// It administers: root, organisation owner, can make other keys
    #[arg(long, value_enum)]
    administers: Option<Known>,
    /// It can write, spend or read data
    #[arg(long, value_enum)]
    powerful: Option<Known>,
    /// Somebody who should not have used it did
    #[arg(long, value_enum)]
    misused: Option<Known>,
    /// Who can read the place of the leak
    #[arg(long, value_name = "READERS", value_parser = word::<Visibility>(READERS))]
    pub(super) visibility: Option<Visibility>,
    /// It serves production
    #[arg(long, value_enum)]
    production: Option<Known>,
    /// It was exposed for more than 24 hours
    #[arg(long, value_enum)]
    over_a_day: Option<Known>,
    /// It stands only in history, not in any present file
    #[arg(long, value_enum)]
    history_only: Option<Known>,
    /// It is a test key or a planted bait
    #[arg(long, value_enum)]
    harmless: Option<Known>,
}

impl InputArgs {
    /// Tells whether anything was said.
    pub(super) fn says_something(&self) -> bool {
        let of = |input: &Option<Known>| input.is_some();
        self.visibility.is_some()
            || of(&self.live)
            || of(&self.administers)
            || of(&self.powerful)
            || of(&self.misused)
            || of(&self.production)
            || of(&self.over_a_day)
            || of(&self.history_only)
            || of(&self.harmless)
    }

    /// Returns what is known now, given what was known.
    pub(super) fn onto(&self, before: Inputs) -> Inputs {
        let now = |said: Option<Known>, before| said.map_or(before, Known::value);
        // Not knowing whether it is harmless, or only in history, is no reason to hope so.
        let surely = |said: Option<Known>, before| said.map_or(before, |k| k.value() == Some(true));
        Inputs {
            live: now(self.live, before.live),
            administers: now(self.administers, before.administers),
            powerful: now(self.powerful, before.powerful),
            misused: now(self.misused, before.misused),
            visibility: self.visibility.unwrap_or(before.visibility),
            production: now(self.production, before.production),
            history_only: surely(self.history_only, before.history_only),
            harmless: surely(self.harmless, before.harmless),
            over_a_day: now(self.over_a_day, before.over_a_day),
        }
    }
}

/// Returns the inputs of which nothing is known.
pub(super) fn nothing_known(visibility: Visibility) -> Inputs {
    Inputs {
        live: None,
        administers: None,
        powerful: None,
        misused: None,
        visibility,
        production: None,
        history_only: false,
        harmless: false,
        over_a_day: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::{Cause, Level, Phase, Role, Tlp, Verdict};

    fn all_are<T: DeserializeOwned>(words: &[&str]) -> usize {
        let read = |word: &&str| serde_json::from_value::<T>(Value::from(*word));
        words.iter().filter(|word| read(word).is_ok()).count()
    }

    #[test]
    fn every_word_is_one_of_the_record() {
        assert_eq!(all_are::<Role>(ROLES), Role::ALL.len());
        assert_eq!(all_are::<Phase>(PHASES), Phase::ALL.len() - 1);
        assert_eq!(all_are::<Verdict>(VERDICTS), VERDICTS.len());
        assert_eq!(all_are::<Level>(LEVELS), LEVELS.len());
        assert_eq!(all_are::<Cause>(CAUSES), CAUSES.len());
        assert_eq!(all_are::<Tlp>(TLP), TLP.len());
        assert_eq!(all_are::<Visibility>(READERS), READERS.len());
    }
}
