//! What a search remembers of a blob, so that of one stored as a difference from it only what is new is
//! searched for disguises, too.
//!
//! A disguise is decoded with the text round it, so one that nothing new stands near holds what it held in
//! the base. Where the base held nothing disguised, and what is new and what stands near it hold nothing
//! either, there is nothing. In every other case the whole blob is searched.

use std::ops::Range;

use super::decode::{self, Disguised};
use super::traces::{Traces, each_seam};
use crate::source::Copied;

/// Beside what is new, so much of the text is looked at: an escape's or a join's two ends.
const BESIDE: usize = 256;
/// A disguise so near to what is new is decoded again: its layer, and the parts of a credential in it.
const NEAR: usize = 8 * 1024;

/// What is remembered of a blob.
pub(super) struct Memory {
    /// What matched as it stands.
    pub(super) traces: Traces,
    /// Everything that could be a disguise.
    pub(super) disguised: Vec<Disguised>,
    /// Whether a credential stood in a disguise, or a limit stopped the search for one.
    pub(super) is_disguised: bool,
}

/// What could be a disguise in a blob that is a difference.
pub(super) struct Inherited {
    /// All of it.
    pub(super) all: Vec<Disguised>,
    /// What is new, or stands near what is new.
    pub(super) new: Vec<Disguised>,
}

impl Memory {
    /// Returns what could be a disguise in a blob that shares these stretches with the remembered one.
    pub(super) fn inherit(&self, bytes: &[u8], copies: &[Copied]) -> Inherited {
        let mut seams = Vec::new();
        each_seam(bytes.len(), copies, |seam| seams.push(seam));
        let new = decode::find_within(bytes, &grown(&seams, BESIDE, bytes.len()));
        let near = grown(&seams, NEAR, bytes.len());
        let old: Vec<_> =
            self.disguised.iter().map(|old| old.moved(|at| moved(at, copies))).collect();
        let is_near = |place: &Range<usize>| {
            let first = near.partition_point(|stretch| stretch.end <= place.start);
            near.get(first).is_some_and(|stretch| stretch.start < place.end)
        };
        let old_near = old.iter().map(|old| old.only(is_near)).collect();
        Inherited { all: decode::union(old, &new), new: decode::union(old_near, &new) }
    }
}

/// Returns where a stretch of the base stands in the blob, where one copy holds it whole.
fn moved(place: &Range<usize>, copies: &[Copied]) -> Vec<Range<usize>> {
    let holds =
        |copied: &&Copied| copied.base_start <= place.start && place.end <= copied.base_end();
    let to = |copied: &Copied| {
        let start = copied.start + (place.start - copied.base_start);
        start..start + place.len()
    };
    copies.iter().filter(holds).map(to).collect()
}

/// Returns ordered stretches with so much more on either side, those that touch joined.
fn grown(stretches: &[Range<usize>], by: usize, length: usize) -> Vec<Range<usize>> {
    let mut grown: Vec<Range<usize>> = Vec::new();
    for stretch in stretches {
        let start = stretch.start.saturating_sub(by);
        let end = stretch.end.saturating_add(by).min(length);
        match grown.last_mut() {
            Some(last) if start <= last.end => last.end = last.end.max(end),
            _ => grown.push(start..end),
        }
    }
    grown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_grow_and_join() {
        assert_eq!(grown(&[5..6, 30..30, 49..60], 10, 65), [0..16, 20..65]);
    }

    #[test]
    fn a_place_moves_with_each_copy_that_holds_it_whole() {
        let copies = [
            Copied { base_start: 0, start: 100, length: 10 },
            Copied { base_start: 5, start: 0, length: 50 },
        ];
        assert_eq!(moved(&(6..9), &copies), [106..109, 1..4]);
        assert_eq!(moved(&(6..12), &copies), vec![(1..7)]);
        assert!(moved(&(50..60), &copies).is_empty());
    }
}
