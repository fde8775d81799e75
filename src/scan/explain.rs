//! Why a line has a finding, or why it has none: what became of each place an anchor was seen at.
//!
//! Slower than a scan, and about one file: nothing here is on a scan's way.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::candidate::{self, Candidate};
use super::precedence::{self, Kept};
use super::prefilter::Room;
use super::traces::Traces;
use super::{Rejection, Scanner, overlap, sieve};
use crate::pattern::{Confidence, Pattern, Severity};

/// What became of one pattern at one place. It holds no secret.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The pattern.
    pub pattern: Arc<Pattern>,
    /// The line of its anchor, from one.
    pub line: usize,
    /// Where it ended.
    pub outcome: Outcome,
}

/// At which stage a pattern was dropped, or what it found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// An anchor stands there and the regex matches nothing round it.
    NoMatch,
    /// The regex matches, and this required part is not near.
    PartMissing(String),
    /// It matched and the sieve dropped it, for these reasons in words.
    Rejected(String),
    /// It is a credential, and this pattern has it.
    Yielded(String),
    /// It is a finding.
    Found {
        /// What was proved.
        proofs: Vec<String>,
        /// How sure it is.
        confidence: Confidence,
        /// What its holder could do.
        severity: Severity,
    },
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMatch => f.write_str("no match: an anchor only"),
            Self::PartMissing(part) => write!(f, "dropped: no part `{part}` near"),
            Self::Rejected(why) => write!(f, "dropped: {why}"),
            Self::Yielded(to) => write!(f, "yields: {to} has it"),
            Self::Found { proofs, confidence, severity } => {
                write!(f, "found: severity {severity}, confidence {confidence}")?;
                proofs.iter().try_for_each(|proof| write!(f, "; proved: {proof}"))
            }
        }
    }
}

impl From<Rejection> for Outcome {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection.to_string())
    }
}

impl Scanner {
    /// Returns what became of each pattern on a line of some bytes (an anchor or a part of it stands
    /// there), or on any line for `None`, in the order of the text.
    pub fn explain(&self, bytes: &[u8], line: Option<usize>) -> Vec<Trace> {
        let index = LineIndex::new(bytes);
        let wanted = line.map(|line| index.range(line));
        let is_wanted =
            |span: &Range<usize>| wanted.as_ref().is_none_or(|line| overlap(line, span));
        let fates = self.fates(bytes);
        let mut told: BTreeMap<(usize, &str), BTreeSet<Outcome>> = BTreeMap::new();
        for (candidate, fate) in &fates {
            if candidate.parts.values().any(is_wanted) {
                let at = (index.line(candidate.span.start), candidate.pattern.id.as_str());
                told.entry(at).or_default().insert(fate.clone());
            }
        }
        let of_pattern = by_pattern(&fates);
        self.prefilter.each_hit(bytes, 0..bytes.len(), &mut Room::default(), |hit| {
            let anchor = hit.range();
            let owners = self.prefilter.owners(hit.anchor);
            for &owner in owners.iter().filter(|_| is_wanted(&anchor)) {
                let pattern = &self.patterns.patterns()[owner];
                let fates = of_pattern.get(pattern.id.as_str()).map_or(&[][..], Vec::as_slice);
                if let Some(outcome) = dropped_early(pattern, bytes, &anchor, fates) {
                    let at = (index.line(anchor.start), pattern.id.as_str());
                    told.entry(at).or_default().insert(outcome);
                }
            }
        });
        told.into_iter()
            .flat_map(|((line, id), outcomes)| self.traces(line, id, outcomes))
            .collect()
    }

    /// Returns the traces of a pattern on a line. That some anchors matched nothing is worth a word only
    /// where none did.
    fn traces(&self, line: usize, id: &str, mut outcomes: BTreeSet<Outcome>) -> Vec<Trace> {
        if outcomes.len() > 1 {
            outcomes.remove(&Outcome::NoMatch);
        }
        let Some(pattern) = self.patterns.get(id) else {
            return Vec::new();
        };
        let trace = |outcome| Trace { pattern: Arc::clone(pattern), line, outcome };
        outcomes.into_iter().map(trace).collect()
    }

    /// Returns every candidate with what became of it.
    fn fates(&self, bytes: &[u8]) -> Vec<Fate> {
        let mut fates = Vec::new();
        let mut kept = Vec::new();
        let searched = Traces::of_whole(&self.patterns, &self.prefilter, bytes);
        for candidate in candidate::complete(&self.patterns, bytes, searched.matches()) {
            match sieve::sift(&candidate, bytes) {
                Ok(evidence) => kept.push(Kept { candidate, evidence }),
                Err(rejection) => fates.push((candidate, rejection.into())),
            }
        }
        let winners = precedence::winners(&kept);
        let ids: Vec<String> = kept.iter().map(|kept| kept.candidate.pattern.id.clone()).collect();
        for (Kept { candidate, evidence }, winner) in kept.into_iter().zip(winners) {
            let outcome = match winner {
                Some(winner) => Outcome::Yielded(ids[winner].clone()),
                None => Outcome::Found {
                    confidence: evidence.confidence(&candidate.pattern),
                    severity: evidence.severity(&candidate.pattern),
                    proofs: evidence.proof.into_iter().collect(),
                },
            };
            fates.push((candidate, outcome));
        }
        fates
    }
}

type Fate = (Candidate, Outcome);

fn by_pattern(fates: &[Fate]) -> BTreeMap<&str, Vec<&Candidate>> {
    let mut of_pattern: BTreeMap<&str, Vec<&Candidate>> = BTreeMap::new();
    for (candidate, _) in fates {
        of_pattern.entry(&candidate.pattern.id).or_default().push(candidate);
    }
    of_pattern
}

/// Returns why a pattern has no candidate round one of its anchors, or `None` where it has one.
fn dropped_early(
    pattern: &Pattern,
    bytes: &[u8],
    anchor: &Range<usize>,
    candidates: &[&Candidate],
) -> Option<Outcome> {
    let mut outcome = Outcome::NoMatch;
    for found in candidate::matches_round(pattern, bytes, anchor) {
        let is_of_match = |candidate: &&Candidate| {
            candidate.parts.values().any(|span| overlap(span, &found.whole))
        };
        if candidates.iter().any(is_of_match) {
            return None;
        }
        if let Some(part) = candidate::missing_part(pattern, bytes, &found) {
            outcome = Outcome::PartMissing(part.to_owned());
        }
    }
    Some(outcome)
}

/// Where the lines of some bytes begin.
struct LineIndex {
    starts: Vec<usize>,
    length: usize,
}

impl LineIndex {
    fn new(bytes: &[u8]) -> Self {
        let newlines = bytes.iter().enumerate().filter(|&(_, &byte)| byte == b'\n');
        let starts = std::iter::once(0).chain(newlines.map(|(at, _)| at + 1)).collect();
        Self { starts, length: bytes.len() }
    }

    /// Returns the line of an offset, from one.
    fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|&start| start <= offset)
    }

    /// Returns the bytes of a line; none where there is no such line.
    fn range(&self, line: usize) -> Range<usize> {
        let start = line.checked_sub(1).and_then(|before| self.starts.get(before));
        let start = start.copied().unwrap_or(self.length);
        start..self.starts.get(line).copied().unwrap_or(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::PatternSet;

    fn told(text: &str, line: Option<usize>) -> Vec<String> {
        let scanner = Scanner::new(PatternSet::embedded().unwrap());
        let traces = scanner.explain(text.as_bytes(), line);
        traces.iter().map(|t| format!("{} {} {}", t.line, t.pattern.id, t.outcome)).collect()
    }

    #[test]
    fn each_stage_says_why() {
        let id = ["AKIAYQ7WB2KD", "M5TNRHXC"].concat();
        let lines = [
            "TOKEN=ghp_short".to_owned(),
            format!("NPM_TOKEN=npm_{}", "q8Zt1vK0mPx7Wc3R".repeat(3).split_at(36).0),
            format!("OPENAI=sk-proj-{0}T3BlbkFJ{0}", "organization-settings-page"),
            format!("AWS_ACCESS_KEY_ID={id}"),
        ];
        let text = lines.join("\n");
        assert_eq!(told(&text, Some(1)), ["1 github-personal-token no match: an anchor only"]);
        assert_eq!(
            told(&text, Some(2)),
            ["2 npm-access-token dropped: the offline check disproves it"]
        );
        assert_eq!(
            told(&text, Some(4)),
            [
                "4 aws-access-key dropped: no part `secret` near",
                "4 aws-access-key-id found: severity low, confidence high; \
                 proved: AWS account 586242183814",
            ]
        );
        assert_eq!(told(&text, Some(5)), [""; 0]);
    }

    #[test]
    fn a_secret_on_another_line_than_its_anchor_is_told_on_both() {
        let id = ["AKIAYQ7WB2KD", "M5TNRHXC"].concat();
        let secret = ["wq3pVrTz81xKc0YbNh5L", "m7DfGs2JaQe9RuW4oXiB"].concat();
        let text = format!("AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY={secret}\n");
        let found =
            |told: &[String]| told.iter().any(|one| one.starts_with("2 aws-access-key found"));
        assert!(found(&told(&text, Some(1))) && found(&told(&text, Some(2))));
        let yields = "1 aws-access-key-id yields: aws-access-key has it".to_owned();
        assert!(told(&text, None).contains(&yields));
    }
}
