//! What is new in a blob that is a difference from another, gathered into one short text.
//!
//! A difference is mostly many small changes. To search round each of them by itself costs more than the
//! search: so every change, with as much beside it as an anchor or a disguise may reach, is copied into one
//! text, a separator between each two, and that is searched in one go.

use std::ops::Range;

use super::decode::uncut;
use super::reach::Reach;
use crate::source::Copied;

/// Stands between two stretches: no anchor, token or escape goes over it.
const SEPARATOR: u8 = 1;

/// As a rule, no more is added to what is new at a place.
const USUAL_BESIDE: usize = 16;

/// The stretches of a blob that must be searched.
#[derive(Debug, Default)]
pub(super) struct Novelty {
    /// What is new as it stands in the blob, without what stands beside it.
    pub(super) seams: Vec<Range<usize>>,
    /// All stretches, one after the other.
    pub(super) text: Vec<u8>,
    stretches: Vec<Stretch>,
}

/// Where a stretch of the text stands in the blob.
#[derive(Debug)]
struct Stretch {
    at: usize,
    original: Range<usize>,
}

impl Novelty {
    /// Gathers what is new in a blob, given what it shares with a base of so many bytes.
    pub(super) fn of(reach: &Reach, bytes: &[u8], base_length: usize, copies: &[Copied]) -> Self {
        let mut novelty = Self::with_room(bytes.len(), copies);
        each_seam(bytes.len(), base_length, copies, |seam| novelty.seams.push(seam));
        // What is behind it need not be looked at again.
        let mut past = 0;
        for index in 0..novelty.seams.len() {
            let seam = novelty.seams[index].clone();
            if index > 0 && seam.end < past {
                continue;
            }
            let start = if seam.start < past { past } else { reach.start(bytes, seam.start) };
            past = reach.end(bytes, seam.end);
            novelty.add(bytes, uncut(bytes, &(start..past)));
        }
        novelty
    }

    /// Returns an empty one with as much room as is needed as a rule.
    fn with_room(length: usize, copies: &[Copied]) -> Self {
        let seams = copies.len() + 1;
        let copied: usize = copies.iter().map(|copied| copied.length).sum();
        Self {
            seams: Vec::with_capacity(seams),
            text: Vec::with_capacity(length.saturating_sub(copied) + seams * USUAL_BESIDE),
            stretches: Vec::with_capacity(seams),
        }
    }

    /// Adds a stretch; one that touches the last is part of it.
    fn add(&mut self, bytes: &[u8], stretch: Range<usize>) {
        match self.stretches.last_mut() {
            Some(last) if stretch.end <= last.original.end => {}
            Some(last) if stretch.start <= last.original.end => {
                self.text.extend_from_slice(&bytes[last.original.end..stretch.end]);
                last.original.end = stretch.end;
            }
            _ => {
                self.text.push(SEPARATOR);
                let at = self.text.len();
                self.text.extend_from_slice(&bytes[stretch.clone()]);
                self.stretches.push(Stretch { at, original: stretch });
            }
        }
    }

    /// Returns where a part of the text stands in the blob; none where it is not of one stretch.
    pub(super) fn origin(&self, part: &Range<usize>) -> Option<Range<usize>> {
        let behind = self.stretches.partition_point(|stretch| stretch.at <= part.start);
        let stretch = &self.stretches[behind.checked_sub(1)?];
        let to = |offset: usize| offset - stretch.at + stretch.original.start;
        let origin = to(part.start)..to(part.end);
        (origin.end <= stretch.original.end).then_some(origin)
    }
}

/// Hands what stands before, between and behind the copies to `visit`: what is new, or nothing where two
/// copies meet, or where one copy begins or ends a text and its base goes on.
fn each_seam(
    length: usize,
    base_length: usize,
    copies: &[Copied],
    mut visit: impl FnMut(Range<usize>),
) {
    let (mut end, mut base_end) = (0, 0);
    for copied in copies {
        if copied.start > 0 || copied.base_start > 0 {
            visit(end..copied.start);
        }
        (end, base_end) = (copied.end(), copied.base_end());
    }
    if end < length || base_end < base_length {
        visit(end..length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seams(
        length: usize,
        base_length: usize,
        copies: &[(usize, usize, usize)],
    ) -> Vec<Range<usize>> {
        let copied = |&(base_start, start, length): &_| Copied { base_start, start, length };
        let copies: Vec<_> = copies.iter().map(copied).collect();
        let mut seams = Vec::new();
        each_seam(length, base_length, &copies, |seam| seams.push(seam));
        seams
    }

    #[test]
    fn seams_are_what_is_new_and_where_copies_meet_or_are_cut_off() {
        assert!(seams(9, 9, &[(0, 0, 9)]).is_empty());
        assert_eq!(seams(9, 12, &[(0, 0, 9)]), vec![(9..9)]);
        assert_eq!(seams(9, 12, &[(3, 0, 9)]), vec![(0..0)]);
        assert_eq!(seams(9, 9, &[(0, 0, 4), (5, 4, 4)]), [4..4, 8..9]);
        assert_eq!(seams(5, 7, &[]), vec![(0..5)]);
    }

    #[test]
    fn a_part_of_the_text_leads_back_to_the_blob_and_none_over_a_separator_does() {
        let mut novelty = Novelty::default();
        let bytes = b"0123456789";
        [1..3, 2..4, 6..8].into_iter().for_each(|stretch| novelty.add(bytes, stretch));
        assert_eq!(novelty.text, b"\x01123\x0167");
        assert_eq!(novelty.origin(&(1..4)), Some(1..4));
        assert_eq!(novelty.origin(&(6..7)), Some(7..8));
        assert_eq!(novelty.origin(&(3..6)), None);
        assert_eq!(novelty.origin(&(0..1)), None);
    }
}
