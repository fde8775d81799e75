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
        Self { automaton, owners: owners.into_values().collect() }
    }

    /// Hands every place of an anchor, with the patterns it belongs to, to `visit`.
    pub(super) fn each_hit(&self, bytes: &[u8], mut visit: impl FnMut(Range<usize>, &[usize])) {
        for hit in self.automaton.find_overlapping_iter(bytes) {
            visit(hit.span().range(), &self.owners[hit.pattern().as_usize()]);
        }
    }
}
