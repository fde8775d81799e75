//! The first stage: which patterns could match here at all?
//!
//! Every pattern has anchors, literals one of which each of its matches contains. They are found in
//! three steps, each of which lets a small part of the text through to the next: the vector test of
//! four neighbouring bytes, a hash of these bytes, and the comparison with the anchor itself.

mod tables;
#[cfg(test)]
mod tests;
mod vector;
mod windows;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::pattern::Pattern;

use tables::{Index, Place, gram, places};
use vector::{Kernel, Positions, STEP};
pub(super) use vector::{Loops, vectorized};
use windows::{Choice, MAX_OFFSET, WIDTH, buckets, choose};

/// How many bytes are tested before what passed is looked at: both stay in the processor's cache.
const CHUNK_BYTES: usize = 4096;
/// The choice for each anchor of the embedded patterns, made when the program was built: the anchor,
/// where its window begins, its bucket. Sorted.
const CHOSEN: &[(&str, usize, usize)] = include!(concat!(env!("OUT_DIR"), "/windows.rs"));
/// How often the choice for another anchor is weighed.
const ROUNDS: usize = 1;
/// The shortest anchor a provider file may have.
const MIN_ANCHOR_BYTES: usize = 3;

/// Everything needed to find the anchors of a set of patterns, in any case of their letters.
#[derive(Debug)]
pub(super) struct Prefilter {
    /// The anchors in lower case, sorted.
    anchors: Vec<Box<[u8]>>,
    /// The indices of the patterns that have the anchor of the same number.
    owners: Vec<Vec<usize>>,
    places: [Place; WIDTH],
    /// The windows by their bytes: the whole ones, and those of anchors that are shorter.
    indexes: [Index; 2],
    kernel: Kernel,
    longest: usize,
}

fn known(anchor: &[u8]) -> Option<Choice> {
    let found = CHOSEN.binary_search_by_key(&anchor, |(known, ..)| known.as_bytes()).ok()?;
    let (_, offset, bucket) = CHOSEN[found];
    Some(Choice { offset, bucket })
}

/// Where an anchor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hit {
    /// Where it begins.
    pub(super) start: usize,
    /// Where it ends.
    pub(super) end: usize,
    /// Which anchor, as the prefilter counts them.
    pub(super) anchor: u32,
}

impl Hit {
    /// Returns where the anchor stands.
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// What a search works with: kept from one stretch to the next, since making room takes time.
#[derive(Debug, Default)]
pub(super) struct Room {
    positions: Positions,
    /// An anchor begins before its window: a hit waits until no other can begin before it.
    waiting: Vec<Hit>,
}

impl Prefilter {
    /// Makes the anchors of these patterns ready.
    pub(super) fn new(patterns: &[Arc<Pattern>]) -> Self {
        let mut owners: BTreeMap<Box<[u8]>, Vec<usize>> = BTreeMap::new();
        for (index, pattern) in patterns.iter().enumerate() {
            for anchor in &pattern.anchors {
                let anchor = anchor.to_ascii_lowercase().into_bytes();
                owners.entry(anchor.into()).or_default().push(index);
            }
        }
        let (anchors, owners) = owners.into_iter().unzip();
        Self::of(anchors, owners, Kernel::available()[0])
    }

    fn of(anchors: Vec<Box<[u8]>>, owners: Vec<Vec<usize>>, kernel: Kernel) -> Self {
        let texts: Vec<&[u8]> = anchors.iter().map(|anchor| &**anchor).collect();
        let choices = choose(&texts, &known, ROUNDS);
        let indexes = [WIDTH, MIN_ANCHOR_BYTES].map(|length| Index::new(&texts, &choices, length));
        let choices: Vec<_> = choices.into_iter().map(Some).collect();
        let places = places(&buckets(&texts, &choices));
        let longest = anchors.iter().map(|anchor| anchor.len()).max().unwrap_or(0);
        Self { anchors, owners, places, indexes, kernel, longest }
    }

    /// Returns the indices of the patterns that an anchor belongs to.
    pub(super) fn owners(&self, anchor: u32) -> &[usize] {
        &self.owners[anchor as usize]
    }

    /// Returns where an anchor ends at most that begins before an offset.
    pub(super) fn beyond(&self, offset: usize) -> usize {
        offset.saturating_add(self.longest.saturating_sub(1))
    }

    /// Returns the anchors, in lower case.
    pub(super) fn anchors(&self) -> impl Iterator<Item = &[u8]> {
        self.anchors.iter().map(|anchor| &**anchor)
    }

    /// Hands every place of an anchor in `bytes[range]` to `visit`, in the order of the text.
    pub(super) fn each_hit(
        &self,
        bytes: &[u8],
        range: Range<usize>,
        room: &mut Room,
        mut visit: impl FnMut(Hit),
    ) {
        let text = &bytes[..range.end];
        let Room { positions, waiting } = room;
        for start in range.clone().step_by(CHUNK_BYTES) {
            let end = text.len().min(start + CHUNK_BYTES);
            self.suspects(bytes, start..end, positions);
            for at in positions.iter() {
                self.compare(text, start + at, range.start, waiting);
            }
            waiting.sort_unstable();
            let is_due = |hit: &Hit| end == text.len() || hit.start + MAX_OFFSET < end;
            let due = waiting.partition_point(is_due);
            waiting.drain(..due).for_each(&mut visit);
        }
    }

    /// Finds the positions in a chunk, counted from its start, at which a window may stand.
    fn suspects(&self, text: &[u8], chunk: Range<usize>, positions: &mut Positions) {
        // The last window of a chunk ends in the next one. So that a whole step can be taken, more is tested
        // than was asked for: most stretches are short.
        let length = chunk.len();
        let end = chunk.start + length.next_multiple_of(STEP) + WIDTH - 1;
        let bytes = &text[chunk.start..end.min(text.len())];
        positions.start(bytes.len());
        let tested = self.kernel.test(&self.places, bytes, positions);
        // What is too short for a whole step passes untested.
        positions.extend(tested..length);
        let [whole, short] = &self.indexes;
        positions.retain(|at| {
            let gram = gram(&bytes[at..]);
            (whole.may_have(gram) | short.may_have(gram)) & usize::from(at < length)
        });
    }

    /// Adds the anchors, from `first` on, whose windows begin at a position.
    fn compare(&self, text: &[u8], at: usize, first: usize, hits: &mut Vec<Hit>) {
        let gram = gram(&text[at..]);
        for window in self.indexes.iter().flat_map(|index| index.like(gram)) {
            let anchor = &self.anchors[window.anchor as usize];
            let Some(start) = at.checked_sub(window.offset).filter(|&start| start >= first) else {
                continue;
            };
            let end = start + anchor.len();
            if text.get(start..end).is_some_and(|stands| stands.eq_ignore_ascii_case(anchor)) {
                hits.push(Hit { start, end, anchor: window.anchor });
            }
        }
    }
}
