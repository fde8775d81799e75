//! Severity: a rule that is data, applied to stored inputs; what is unknown counts as the worse.
//!
//! The rules of [`RULES`] are asked in order and the first that holds decides; then a production
//! credential, or an exposure of more than a day, raises the level by one. Evidence that settles what was not
//! known may lower it, and a person by name.

use serde::{Deserialize, Serialize};

use super::{Event, Visibility};

/// Names the set of rules, in every classification. It changes whenever a rule does.
pub const RULE_SET: &str = "severity-v1";
/// Stands behind the rules' name where a person decided.
const OVERRIDE: &str = "/override";

/// How bad an incident is. The worst is the least: `Sev1 < Sev4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// 15 minutes to respond, 1 hour to resolve.
    Sev1,
    /// 30 minutes to respond, 4 hours to resolve.
    Sev2,
    /// 4 hours to respond, the next business day to resolve.
    Sev3,
    /// No clock.
    Sev4,
}

impl Level {
    /// Returns the next worse level.
    fn raised(self) -> Self {
        match self {
            Self::Sev1 | Self::Sev2 => Self::Sev1,
            Self::Sev3 => Self::Sev2,
            Self::Sev4 => Self::Sev3,
        }
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sev1 => "SEV1",
            Self::Sev2 => "SEV2",
            Self::Sev3 => "SEV3",
            Self::Sev4 => "SEV4",
        })
    }
}

/// What the severity rule is given. `None` means not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// The provider says the key works.
    pub live: Option<bool>,
    /// It administers: root, organisation owner, can make other keys.
    pub administers: Option<bool>,
    /// It can write, spend or read data.
    pub powerful: Option<bool>,
    /// Somebody who should not have used it did. Only `Some(true)` is *confirmed* misuse; `None` is
    /// worse than `Some(false)` but confirms nothing.
    pub misused: Option<bool>,
    /// Who can read the place of the leak.
    pub visibility: Visibility,
    /// It serves production.
    pub production: Option<bool>,
    /// It stands only in history, not in any present file.
    pub history_only: bool,
    /// It is a test key or a planted bait.
    pub harmless: bool,
    /// Exposed for more than 24 hours.
    pub over_a_day: Option<bool>,
}

/// One row of the table.
struct Rule {
    /// Its name within the set.
    id: &'static str,
    /// The level it gives.
    level: Level,
    /// Whether production and age raise it: a key without power has none in production either.
    raisable: bool,
    /// Whether it holds.
    holds: fn(&Inputs) -> bool,
    /// Why this level, in words.
    reason: &'static str,
}

/// The table. The first row that holds decides; the last always holds.
const RULES: [Rule; 9] = [
    Rule {
        id: "harmless",
        level: Level::Sev4,
        raisable: false,
        holds: |i| i.harmless,
        reason: "a test key or a planted bait has no power to lose",
    },
    Rule {
        id: "misused",
        level: Level::Sev1,
        raisable: true,
        holds: |i| i.misused == Some(true),
        reason: "somebody who should not have used it did",
    },
    Rule {
        id: "dead",
        level: Level::Sev4,
        raisable: false,
        holds: |i| i.live == Some(false),
        reason: "the provider says the key no longer works",
    },
    Rule {
        id: "administers",
        level: Level::Sev1,
        raisable: true,
        holds: |i| may_be(i.administers),
        reason: "it administers, or that can't be ruled out",
    },
    Rule {
        id: "public",
        level: Level::Sev2,
        raisable: true,
        holds: |i| matches!(i.visibility, Visibility::Public | Visibility::Unknown),
        reason: "it may work, and anyone may have read it",
    },
    Rule {
        id: "private-history",
        level: Level::Sev4,
        raisable: true,
        holds: |i| i.history_only && i.visibility == Visibility::Private,
        reason: "it stands only in the history of a repository that few can read",
    },
    Rule {
        id: "powerful",
        level: Level::Sev2,
        raisable: true,
        holds: |i| may_be(i.powerful),
        reason: "it can write, spend or read data, or that can't be ruled out, and it was shared",
    },
    Rule {
        id: "misuse-not-ruled-out",
        level: Level::Sev2,
        raisable: true,
        holds: |i| i.misused.is_none(),
        reason: "its powers are narrow, but nobody has ruled out that it was misused",
    },
    Rule {
        id: "narrow",
        level: Level::Sev3,
        raisable: true,
        holds: |_| true,
        reason: "its powers are narrow, it was shared inside only, and it was not misused",
    },
];

/// Returns the table for people: each rule's name, level, whether production and age raise it, and why.
pub fn rule_table() -> impl Iterator<Item = (&'static str, Level, bool, &'static str)> {
    RULES.iter().map(|rule| (rule.id, rule.level, rule.raisable, rule.reason))
}

/// What is not known counts as the worse.
fn may_be(known: Option<bool>) -> bool {
    known != Some(false)
}

/// A level with where it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classification {
    /// The level.
    pub level: Level,
    /// The rule set and the rule, such as `severity-v1/public+production`.
    pub rule: String,
    /// What the rule was given.
    pub inputs: Inputs,
    /// Why this level, in words.
    pub reason: String,
}

impl Classification {
    /// Applies the rules.
    pub fn of(inputs: Inputs) -> Self {
        let last = &RULES[RULES.len() - 1];
        let rule = (RULES.iter().find(|rule| (rule.holds)(&inputs))).unwrap_or(last);
        let mut this = Self {
            level: rule.level,
            rule: format!("{RULE_SET}/{}", rule.id),
            reason: rule.reason.to_owned(),
            inputs,
        };
        if rule.raisable {
            this.raise();
        }
        this
    }

    /// Raises the level by one where a modifier holds; several raise it once.
    fn raise(&mut self) {
        let modifiers = [
            (self.inputs.production, "production", "it serves production"),
            (self.inputs.over_a_day, "over-a-day", "it was exposed for more than a day"),
        ];
        let mut holding = modifiers.iter().filter(|(known, ..)| may_be(*known));
        let Some((known, id, words)) = holding.next() else {
            return;
        };
        if self.level == self.level.raised() {
            return;
        }
        let doubt = if known.is_none() { " or that can't be ruled out" } else { "" };
        self.level = self.level.raised();
        self.rule = format!("{}+{id}", self.rule);
        self.reason = format!("{}; raised: {words}{doubt}", self.reason);
    }

    /// Tells whether a person decided on the level.
    pub fn is_override(&self) -> bool {
        self.rule.ends_with(OVERRIDE)
    }

    /// Replaces the level by a person's decision.
    pub fn overridden(self, level: Level, by: &str, why: &str) -> Self {
        Self {
            level,
            rule: format!("{RULE_SET}{OVERRIDE}"),
            reason: format!("{by} set it to {level} instead of {}: {why}", self.level),
            inputs: self.inputs,
        }
    }
}

impl From<Classification> for Event {
    fn from(classification: Classification) -> Self {
        let Classification { level, rule, inputs, reason } = classification;
        Self::Classified { level, rule, inputs, reason }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The mildest inputs of a key that works.
    const MILD: Inputs = Inputs {
        live: Some(true),
        administers: Some(false),
        powerful: Some(false),
        misused: Some(false),
        visibility: Visibility::Private,
        production: Some(false),
        history_only: false,
        harmless: false,
        over_a_day: Some(false),
    };

    fn level(change: impl FnOnce(&mut Inputs)) -> Level {
        let mut inputs = MILD;
        change(&mut inputs);
        Classification::of(inputs).level
    }

    #[test]
    fn each_rule_gives_its_level() {
        assert_eq!(level(|_| ()), Level::Sev3);
        assert_eq!(level(|i| i.administers = Some(true)), Level::Sev1);
        assert_eq!(level(|i| i.misused = Some(true)), Level::Sev1);
        assert_eq!(level(|i| i.visibility = Visibility::Public), Level::Sev2);
        assert_eq!(level(|i| i.powerful = Some(true)), Level::Sev2);
        assert_eq!(level(|i| i.live = Some(false)), Level::Sev4);
        assert_eq!(level(|i| i.harmless = true), Level::Sev4);
        assert_eq!(level(|i| i.history_only = true), Level::Sev4);
    }

    #[test]
    fn misuse_of_a_key_that_is_dead_by_now_still_counts() {
        let misused_and_dead = |i: &mut Inputs| (i.live, i.misused) = (Some(false), Some(true));
        assert_eq!(level(misused_and_dead), Level::Sev1);
    }

    #[test]
    fn unknown_counts_as_the_worse() {
        assert_eq!(level(|i| i.administers = None), Level::Sev1);
        assert_eq!(level(|i| i.powerful = None), Level::Sev2);
        assert_eq!(level(|i| i.misused = None), Level::Sev2);
        assert_eq!(level(|i| i.visibility = Visibility::Unknown), Level::Sev2);
        assert_eq!(level(|i| i.production = None), Level::Sev2);
        assert_eq!(level(|i| i.over_a_day = None), Level::Sev2);
    }

    #[test]
    fn the_rule_and_its_modifier_are_named() {
        let mut inputs = MILD;
        (inputs.visibility, inputs.production) = (Visibility::Public, Some(true));
        let found = Classification::of(inputs);
        assert_eq!(found.level, Level::Sev1);
        assert_eq!(found.rule, "severity-v1/public+production");
        assert!(
            found.reason.contains("anyone") && found.reason.contains("production"),
            "{}",
            found.reason
        );
        let lowered = found.overridden(Level::Sev3, "Ada", "the account is empty");
        assert_eq!(lowered.rule, "severity-v1/override");
        assert!(lowered.reason.contains("Ada") && lowered.reason.contains("instead of SEV1"));
    }

    #[test]
    fn rules_have_names_of_their_own() {
        let names: std::collections::HashSet<_> = RULES.iter().map(|rule| rule.id).collect();
        assert_eq!(names.len(), RULES.len());
    }

    /// The values of an input from mild to bad, as ranks; the last two of a plain input are equals.
    const RANKED: [Option<bool>; 3] = [Some(false), None, Some(true)];
    const SEEN_BY: [Visibility; 4] =
        [Visibility::Private, Visibility::Internal, Visibility::Public, Visibility::Unknown];

    fn inputs(ranks: &[usize; 9]) -> Inputs {
        Inputs {
            live: RANKED[ranks[0] % 3],
            administers: RANKED[ranks[1] % 3],
            powerful: RANKED[ranks[2] % 3],
            misused: RANKED[ranks[3] % 3],
            visibility: SEEN_BY[ranks[4] % 4],
            production: RANKED[ranks[5] % 3],
            history_only: ranks[6].is_multiple_of(2),
            harmless: ranks[7].is_multiple_of(2),
            over_a_day: RANKED[ranks[8] % 3],
        }
    }

    /// The one input where *unknown* is milder than the worst: misuse must be confirmed.
    const MISUSED: usize = 3;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        #[test]
        fn worse_or_unknown_never_lowers_the_level(
            ranks in proptest::array::uniform9(0_usize..12), which in 0_usize..9, to in 0_usize..12,
        ) {
            let sizes = [3, 3, 3, 3, 4, 3, 2, 2, 3];
            let (size, rank) = (sizes[which], to % sizes[which]);
            let unknown = match size {
                3 => which != MISUSED && rank == 1,
                4 => rank == 3,
                _ => false,
            };
            let (mut milder, mut worse) = (ranks, ranks);
            worse[which] = to;
            if rank < milder[which] % size && !unknown {
                std::mem::swap(&mut milder, &mut worse);
            }
            let (before, after) = (
                Classification::of(inputs(&milder)).level,
                Classification::of(inputs(&worse)).level,
            );
            prop_assert!(after <= before, "{:?} {before}; {:?} {after}", inputs(&milder), inputs(&worse));
        }
    }
}
