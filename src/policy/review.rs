//! What came of judging the findings.

use serde::Serialize;

use crate::finding::Finding;
use crate::source::Coverage;

/// Findings that count, findings that are suppressed, and what was read to find them.
#[derive(Clone, Debug, Default)]
pub struct Review {
    /// The findings that count, most severe first.
    pub findings: Vec<Finding>,
    /// The findings that are known and accepted.
    pub suppressed: Vec<Suppressed>,
    /// What in the allowlists, marks and baseline wants a look.
    pub notices: Vec<Notice>,
    /// What was read, and what could not be.
    pub coverage: Coverage,
}

impl Review {
    /// Returns the review of a scan that nothing suppresses.
    pub fn plain(findings: Vec<Finding>, coverage: Coverage) -> Self {
        Self { findings, coverage, ..Self::default() }
    }

    /// Returns how many findings each kind of word suppresses; kinds with none are left out.
    pub fn suppressed_by_kind(&self) -> Vec<(SuppressionKind, usize)> {
        let of_kind = |kind| {
            let is_kind = |suppressed: &&Suppressed| suppressed.suppression.kind == kind;
            (kind, self.suppressed.iter().filter(is_kind).count())
        };
        SuppressionKind::ALL.map(of_kind).into_iter().filter(|(_, count)| *count > 0).collect()
    }
}

/// A finding that is known and accepted.
#[derive(Clone, Debug)]
pub struct Suppressed {
    /// The finding.
    pub finding: Finding,
    /// By whose word.
    pub suppression: Suppression,
}

/// Why a finding doesn't count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suppression {
    /// Where that is said.
    pub kind: SuppressionKind,
    /// What says it: a line of an allowlist, a mark, a baseline.
    pub by: String,
    /// The reason given there.
    pub reason: String,
    /// Who answers for it.
    pub owner: Option<String>,
}

/// Where it is said that a finding doesn't count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuppressionKind {
    /// By a mark on its own line.
    Inline,
    /// In an allowlist.
    Allowlist,
    /// In a baseline.
    Baseline,
}

impl SuppressionKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Inline, Self::Allowlist, Self::Baseline];

    /// Returns what a person reads: "by the allowlist".
    pub fn words(self) -> &'static str {
        match self {
            Self::Inline => "by a mark on its line",
            Self::Allowlist => "by the allowlist",
            Self::Baseline => "by the baseline",
        }
    }
}

/// Something in an allowlist, a mark or a baseline that wants a look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// What kind of thing.
    pub kind: NoticeKind,
    /// Which.
    pub what: String,
    /// What is the matter, and what to do.
    pub why: String,
}

/// What wants a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// An entry whose day is over. It suppresses nothing.
    Expired,
    /// An entry that matched nothing.
    Unused,
    /// A line of a baseline whose finding is gone.
    StaleBaseline,
    /// Our own mark with no reason behind it. It suppresses nothing.
    MarkWithoutReason,
}
