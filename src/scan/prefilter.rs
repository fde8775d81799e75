//! The first stage: which patterns could match here at all? One automaton over every byte.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::pattern::Pattern;

/// An automaton of all anchors, and which patterns each anchor belongs to.
#[derive(Debug)]
pub(super) struct Prefilter {
    automaton: AhoCorasick,
    /// By the automaton's pattern number: the indices of the patterns with that anchor.
    owners: Vec<Vec<usize>>,
    /// The bytes that anchors are made of.
    alphabet: [bool; 256],
    longest: usize,
}

/// Where an anchor stands: the same anchor at the same offset is the same hit, whatever is round it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hit {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Which anchor, as the prefilter counts them.
    pub(super) anchor: u32,
}

impl Hit {
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}

impl Prefilter {
    pub(super) fn new(patterns: &[Arc<Pattern>]) -> Self {
        let mut owners: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, pattern) in patterns.iter().enumerate() {
            for anchor in &pattern.anchors {
                owners.entry(anchor).or_default().push(index);
            }
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(owners.keys())
            .expect("a few thousand anchors are far below the automaton's limit of states");
        let mut alphabet = [false; 256];
        for byte in owners.keys().flat_map(|anchor| anchor.bytes()) {
            alphabet[usize::from(byte.to_ascii_lowercase())] = true;
            alphabet[usize::from(byte.to_ascii_uppercase())] = true;
        }
        let longest = automaton.max_pattern_len();
        Self { automaton, owners: owners.into_values().collect(), alphabet, longest }
    }

    /// Hands every place of an anchor in `bytes[range]` to `visit`.
    pub(super) fn each_hit(&self, bytes: &[u8], range: Range<usize>, mut visit: impl FnMut(Hit)) {
        for hit in self.automaton.find_overlapping_iter(&bytes[range.clone()]) {
            visit(Hit {
                start: range.start + hit.start(),
                end: range.start + hit.end(),
                anchor: hit.pattern().as_u32(),
            });
        }
    }

    /// Returns the indices of the patterns that an anchor belongs to.
    pub(super) fn owners(&self, anchor: u32) -> &[usize] {
        &self.owners[anchor as usize]
    }

    /// Returns the stretch round a range in which an anchor must lie that touches the range or one of
    /// its ends: the range and the bytes beside it that anchors are made of.
    pub(super) fn reach(&self, bytes: &[u8], range: Range<usize>) -> Range<usize> {
        let furthest = self.longest.saturating_sub(1);
        let is_anchor_s = |byte: &&u8| self.alphabet[usize::from(**byte)];
        let before = bytes[..range.start].iter().rev().take(furthest);
        let after = bytes[range.end..].iter().take(furthest);
        let before = before.take_while(is_anchor_s).count();
        range.start - before..range.end + after.take_while(is_anchor_s).count()
    }
}
