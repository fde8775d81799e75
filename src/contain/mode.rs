//! The mode: whether the key is stopped first, or replaced first and stopped by a deadline.
//!
//! A table that is asked from top to bottom; the first row that holds decides, and its name and reason
//! stand in the plan. What is not known counts as the worse.

use serde::{Deserialize, Serialize};

use super::request::{Grounds, Request};
use crate::incident::{Level, Visibility};
use crate::provider::Known;

/// Names the table, in every plan. It changes whenever a row does.
pub const MODE_RULES: &str = "mode-v1";

/// Which comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The key is stopped before anything else; consumers stand still until they have the replacement.
    DisableFirst,
    /// Consumers get the replacement first; then the key is stopped, at the deadline whoever still uses
    /// it.
    RotateFirst,
}

impl Mode {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::DisableFirst => "disable-first",
            Self::RotateFirst => "rotate-first",
        }
    }
}

/// The mode of a plan, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModeChosen {
    /// The mode.
    pub mode: Mode,
    /// Which row decided, such as `mode-v1/public`, or `mode-v1/override`.
    pub rule: String,
    /// Why, in words.
    pub reason: String,
}

/// One row.
struct Rule {
    id: &'static str,
    mode: Mode,
    holds: fn(&Grounds, &Request) -> bool,
    reason: &'static str,
}

const RULES: [Rule; 9] = [
    Rule {
        id: "misused",
        mode: Mode::DisableFirst,
        holds: |grounds, _| grounds.misused == Known::Yes,
        reason: "somebody who should not have used the key did",
    },
    Rule {
        id: "public",
        mode: Mode::DisableFirst,
        holds: |g, _| matches!(g.visibility, Visibility::Public | Visibility::Unknown),
        reason: "anyone may have read it",
    },
    Rule {
        id: "administers",
        mode: Mode::DisableFirst,
        holds: |grounds, _| grounds.administers == Known::Yes,
        reason: "it may do anything in its account",
    },
    Rule {
        id: "sev1",
        mode: Mode::DisableFirst,
        holds: |grounds, _| grounds.level == Level::Sev1,
        reason: "at SEV1 nothing is waited for",
    },
    Rule {
        id: "unknown-rights",
        mode: Mode::DisableFirst,
        holds: |grounds, _| grounds.administers == Known::Unknown,
        reason: "nobody has ruled out that it may do anything",
    },
    Rule {
        id: "unused",
        mode: Mode::DisableFirst,
        holds: |grounds, _| grounds.unused == Known::Yes,
        reason: "it was not used for 30 days: nobody waits for a replacement",
    },
    Rule {
        id: "no-delivery",
        mode: Mode::DisableFirst,
        holds: |_, request| request.delivery.is_none(),
        reason: "no place is named where a replacement goes",
    },
    Rule {
        id: "no-consumer",
        mode: Mode::DisableFirst,
        holds: |_, request| request.consumers.is_empty(),
        reason: "no consumer is named that would be waited for",
    },
    Rule {
        id: "named-consumers",
        mode: Mode::RotateFirst,
        holds: |_, _| true,
        reason: "few can read it, its consumers are named and their replacement has a place to go",
    },
];

/// Returns the table for people: each row's name, mode and reason.
pub fn mode_table() -> impl Iterator<Item = (&'static str, Mode, &'static str)> {
    RULES.iter().map(|rule| (rule.id, rule.mode, rule.reason))
}

/// Returns the mode for a request: a person's, or the rule's.
pub(super) fn choose(request: &Request) -> ModeChosen {
    let last = &RULES[RULES.len() - 1];
    let rule = RULES.iter().find(|rule| (rule.holds)(&request.grounds, request)).unwrap_or(last);
    match &request.mode {
        Some(asked) => ModeChosen {
            mode: asked.mode,
            rule: format!("{MODE_RULES}/override"),
            reason: format!(
                "a person chose it, where the rule {} says {} ({}): {}",
                rule.id,
                rule.mode.name(),
                rule.reason,
                asked.reason
            ),
        },
        None => ModeChosen {
            mode: rule.mode,
            rule: format!("{MODE_RULES}/{}", rule.id),
            reason: rule.reason.to_owned(),
        },
    }
}

/// Tells whether the mode hangs on what the key may do: whether a key that may do little would be replaced
/// before it is stopped. Everywhere else a plan needn't wait for the evidence.
pub fn hangs_on_rights(request: &Request) -> bool {
    let mut mild = request.clone();
    mild.grounds.administers = Known::No;
    mild.grounds.level = Level::Sev4;
    choose(&mild).mode == Mode::RotateFirst
}

/// How long consumers may take to move, in seconds, and how long a key has to stay unused to count as
/// left, by severity. (The clocks of the severity are longer: stopping the key is not the end of it.)
pub(super) fn patience(level: Level) -> (u32, u32) {
    const MINUTE: u32 = 60;
    match level {
        Level::Sev1 => (0, 0),
        Level::Sev2 => (30 * MINUTE, 10 * MINUTE),
        Level::Sev3 | Level::Sev4 => (4 * 60 * MINUTE, 30 * MINUTE),
    }
}
