//! A baseline: the findings that were there when a team began, so that only new ones count.
//!
//! One sorted line a finding: its pattern and a keyed digest of the secret. No path, no line number and
//! no time, so moving code changes nothing and two branches merge by keeping the lines of both. What a
//! reader of the file can do with it stands in `digest`.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::digest::{Salt, digest, hex};
use super::review::{Notice, NoticeKind};
use crate::finding::{Finding, plain};

const TITLE: &str = "# stanch baseline 1: known findings, as pattern and keyed digest";
const EXPLANATION: &str =
    "# To merge, keep the lines of both sides. `stanch baseline update` sorts them.";

/// A baseline file.
#[derive(Clone, Debug)]
pub struct Baseline {
    name: String,
    salt: Salt,
    /// Pattern and digest.
    entries: BTreeSet<(String, String)>,
}

/// Why a baseline can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {why}")]
pub struct BaselineError {
    /// Which file.
    pub file: String,
    /// What is wrong with it.
    pub why: String,
}

/// Which entry each finding has.
#[derive(Debug)]
pub(super) struct Known(BTreeMap<usize, (String, String)>);

/// What an update changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// How many findings are new in it.
    pub added: usize,
    /// How many lines were dropped because their findings are gone.
    pub removed: usize,
}

impl Known {
    pub(super) fn entry_of(&self, finding: usize) -> Option<&(String, String)> {
        self.0.get(&finding)
    }
}

impl Baseline {
    /// Returns an empty baseline with a salt, which must be random.
    pub fn new(name: &str, salt: [u8; 32]) -> Self {
        Self { name: name.to_owned(), salt: Salt(salt), entries: BTreeSet::new() }
    }

    /// Reads the text of a baseline; the order of its lines, and doubles, mean nothing.
    ///
    /// # Errors
    /// Where a line is none of a baseline's.
    pub fn parse(name: &str, text: &str) -> Result<Self, BaselineError> {
        let wrong = |why: String| BaselineError { file: name.to_owned(), why };
        let mut lines = text.lines().map(str::trim_end);
        if lines.next() != Some(TITLE) {
            return Err(wrong("it isn't a baseline that this version can read".to_owned()));
        }
        let (mut salt, mut entries) = (None, BTreeSet::new());
        for (number, line) in (2..).zip(lines) {
            let unreadable = || wrong(format!("line {number} is no line of a baseline"));
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match line.split_once(' ').ok_or_else(unreadable)? {
                ("salt", digits) => {
                    let read = salt_of(digits).ok_or_else(unreadable)?;
                    if salt.is_some_and(|salt| salt != read) {
                        let why = "it has two salts, from two files: keep one side of the merge, then run `stanch baseline update`";
                        return Err(wrong(why.to_owned()));
                    }
                    salt = Some(read);
                }
                (pattern, digest) if is_entry(pattern, digest) => {
                    entries.insert((pattern.to_owned(), digest.to_owned()));
                }
                _ => return Err(unreadable()),
            }
        }
        let salt = salt.ok_or_else(|| wrong("it has no salt".to_owned()))?;
        Ok(Self { name: name.to_owned(), salt: Salt(salt), entries })
    }

    /// Returns the name of the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns how many findings it knows.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Tells whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the file's text.
    pub fn text(&self) -> String {
        let mut text = format!("{TITLE}\n{EXPLANATION}\nsalt {}\n", hex(&self.salt.0));
        for (pattern, digest) in &self.entries {
            text.push_str(&format!("{pattern} {digest}\n"));
        }
        text
    }

    /// Makes it know exactly these findings; with `keeps_others`, those it knew before as well.
    pub fn update(&mut self, findings: &[Finding], keeps_others: bool) -> Change {
        let found: BTreeSet<_> = findings.par_iter().map(|finding| self.entry(finding)).collect();
        let added = found.difference(&self.entries).count();
        let before = std::mem::replace(&mut self.entries, found);
        let gone: Vec<_> = before.difference(&self.entries).cloned().collect();
        match keeps_others {
            true => {
                self.entries.extend(gone);
                Change { added, removed: 0 }
            }
            false => Change { added, removed: gone.len() },
        }
    }

    /// Finds the entry of each finding.
    pub(super) fn look_up(&self, findings: &[Finding]) -> Known {
        let patterns: BTreeSet<&str> =
            self.entries.iter().map(|(pattern, _)| pattern.as_str()).collect();
        // A digest may be slow, so only what can be in the list is digested.
        let candidates = findings.par_iter().enumerate();
        let candidates =
            candidates.filter(|(_, finding)| patterns.contains(finding.pattern.id.as_str()));
        let known = candidates.filter_map(|(index, finding)| {
            let entry = self.entry(finding);
            self.entries.contains(&entry).then_some((index, entry))
        });
        Known(known.collect())
    }

    /// Returns a notice for every entry whose finding is gone.
    pub(super) fn stale(&self, known: &Known) -> Vec<Notice> {
        let seen: BTreeSet<&(String, String)> = known.0.values().collect();
        let stale = self.entries.iter().filter(|entry| !seen.contains(entry));
        let notice = |(pattern, digest): &(String, String)| Notice {
            kind: NoticeKind::StaleBaseline,
            what: format!("{}: {pattern} {digest}", plain(&self.name)),
            why: "it was not found: `stanch baseline update` drops it".to_owned(),
        };
        stale.map(notice).collect()
    }

    fn entry(&self, finding: &Finding) -> (String, String) {
        (finding.pattern.id.clone(), digest(&self.salt, finding))
    }
}

fn salt_of(digits: &str) -> Option<[u8; 32]> {
    let mut salt = [0; 32];
    if digits.len() != 64 || !is_hex(digits) {
        return None;
    }
    for (byte, pair) in salt.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(salt)
}

fn is_entry(pattern: &str, digest: &str) -> bool {
    let is_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !pattern.is_empty() && pattern.chars().all(is_id) && digest.len() == 32 && is_hex(digest)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_in_any_order() {
        let mut baseline = Baseline::new("b", [7; 32]);
        let digest = |digit: &str| digit.repeat(32);
        baseline.entries.extend([("b-key".into(), digest("1")), ("a-key".into(), digest("2"))]);
        let text = baseline.text();
        assert!(text.find("a-key").unwrap() < text.find("b-key").unwrap());
        let shuffled = format!("{text}a-key {}\n", digest("2"));
        assert_eq!(Baseline::parse("b", &shuffled).unwrap().text(), text);
    }

    #[test]
    fn refuses_what_is_no_baseline() {
        let text = Baseline::new("b", [7; 32]).text();
        let other = format!("salt {}\n", "1".repeat(64));
        for wrong in [
            String::new(),
            text.replace("baseline 1", "baseline 9"),
            format!("{text}<<<<<<< HEAD\n"),
            format!("{text}a-key 123\n"),
            format!("{text}{other}"),
        ] {
            assert!(Baseline::parse("b", &wrong).is_err(), "{wrong}");
        }
    }
}
