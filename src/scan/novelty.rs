//! What is new in a blob that is a difference from another, gathered into one short text.
//!
//! A difference is mostly many small changes. To search round each of them by itself costs more than the
//! search: so every change, with as much beside it as an anchor or a disguise may reach, is copied into one
//! text, a break between each two, and that is searched in one go.

use std::cell::Cell;
use std::ops::Range;

use super::barren::{Barren, Name};
use super::decode::{self, BREAK, Disguised, uncut};
use super::prefilter::{self, Hit, Prefilter};
use super::reach::Reach;
use crate::source::Copied;

/// What had to hold more than so many bytes is not kept.
const MAX_KEPT_BYTES: usize = 1 << 20;

thread_local! {
    /// Kept from one blob to the next: most have little that is new.
    static ROOM: Cell<Room> = Cell::default();
}

/// What is looked at of a blob, and with.
#[derive(Default)]
struct Room {
    stretches: Stretches,
    prefilter: prefilter::Room,
    hits: Vec<Hit>,
}

/// What stands where a blob is new.
#[derive(Debug, Default)]
pub(super) struct Novelty {
    /// Where anchors stand, and not all of them are new.
    pub(super) hits: Vec<Hit>,
    /// Everything that could be a disguise.
    pub(super) disguised: Vec<Disguised>,
}

impl Novelty {
    /// Looks at what is new in a blob, given what it shares with a base of so many bytes.
    pub(super) fn of(
        (reach, prefilter, barren): (&Reach, &Prefilter, &Barren),
        bytes: &[u8],
        base_length: usize,
        copies: &[Copied],
    ) -> Self {
        let mut room = ROOM.take();
        let Room { stretches, prefilter: tools, hits } = &mut room;
        stretches.gather(reach, barren, bytes, base_length, copies);
        let novelty = match stretches.text.is_empty() {
            true => Self::default(),
            false => {
                let text = &stretches.text;
                hits.clear();
                prefilter.each_hit(text, 0..text.len(), tools, |hit| hits.push(hit));
                let disguised = decode::find(text, None);
                stretches.note_barren(hits, &disguised);
                stretches.novelty(hits, &disguised)
            }
        };
        if room.stretches.text.capacity() <= MAX_KEPT_BYTES {
            ROOM.set(room);
        }
        novelty
    }
}

/// The stretches of a blob that must be searched.
#[derive(Debug, Default)]
struct Stretches {
    /// All of them, one after the other.
    text: Vec<u8>,
    each: Vec<Stretch>,
    /// The next one, unless it is barren.
    waiting: Option<(Range<usize>, Name)>,
}

/// Where a stretch of the text stands in the blob.
#[derive(Debug)]
struct Stretch {
    at: usize,
    original: Range<usize>,
    name: Name,
}

impl Stretches {
    /// Gathers what is new in a blob, but for what is known to be barren.
    fn gather(
        &mut self,
        reach: &Reach,
        barren: &Barren,
        bytes: &[u8],
        base_length: usize,
        copies: &[Copied],
    ) {
        self.text.clear();
        self.each.clear();
        // What is behind it need not be looked at again.
        let mut past = None;
        let mut last = 0..0;
        each_seam(bytes.len(), base_length, copies, |seam| {
            let start = match past {
                Some(past) if seam.end < past => return,
                Some(past) if seam.start < past => past,
                _ => reach.start(bytes, seam.start),
            };
            let end = reach.end(bytes, seam.end);
            past = Some(end);
            let next = uncut(bytes, &(start..end));
            // One that touches the last is part of it.
            if next.start <= last.end {
                last.end = last.end.max(next.end);
            } else {
                self.add(barren, bytes, std::mem::replace(&mut last, next));
            }
        });
        self.add(barren, bytes, last);
        self.add_waiting(bytes);
    }

    /// Adds a stretch once the next one is added: whether it is barren must be waited for.
    fn add(&mut self, barren: &Barren, bytes: &[u8], stretch: Range<usize>) {
        if !stretch.is_empty() {
            let name = barren.name(&bytes[stretch.clone()]);
            name.expect();
            self.add_waiting(bytes);
            self.waiting = Some((stretch, name));
        }
    }

    fn add_waiting(&mut self, bytes: &[u8]) {
        let Some((original, name)) = self.waiting.take() else { return };
        if !name.is_known() {
            let at = self.text.len();
            self.text.extend_from_slice(&bytes[original.clone()]);
            self.text.push(BREAK);
            self.each.push(Stretch { at, original, name });
        }
    }

    /// Remembers every stretch in which there is no part of these.
    fn note_barren(&self, hits: &[Hit], disguised: &[Disguised]) {
        let places = disguised.iter().flat_map(|disguised| disguised.places().iter().cloned());
        let found = decode::ordered(hits.iter().map(Hit::range).chain(places));
        let mut found = &found[..];
        for stretch in &self.each {
            let behind = found.partition_point(|found| found.end <= stretch.at);
            found = &found[behind..];
            let end = stretch.at + stretch.original.len();
            if found.first().is_none_or(|found| found.start > end) {
                stretch.name.remember();
            }
        }
    }

    /// Returns where in the blob all that stands.
    fn novelty(&self, hits: &[Hit], disguised: &[Disguised]) -> Novelty {
        let moved = |hit: &Hit| {
            let Range { start, end } = self.origin(&hit.range())?;
            Some(Hit { start, end, ..*hit })
        };
        let disguised =
            disguised.iter().map(|disguised| disguised.moved(|place| self.origin(place)));
        Novelty { hits: hits.iter().filter_map(moved).collect(), disguised: disguised.collect() }
    }

    /// Returns where a part of the text stands in the blob; none where it is not of one stretch.
    fn origin(&self, part: &Range<usize>) -> Option<Range<usize>> {
        let behind = self.each.partition_point(|stretch| stretch.at <= part.start);
        let stretch = &self.each[behind.checked_sub(1)?];
        let to = |offset: usize| offset - stretch.at + stretch.original.start;
        let origin = to(part.start)..to(part.end);
        (origin.end <= stretch.original.end).then_some(origin)
    }
}

/// Hands what stands before, between and behind the copies to `visit`: what is new, or nothing where two
/// copies meet, or where one copy begins or ends a text and its base goes on.
pub(super) fn each_seam(
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
    fn a_part_of_the_text_leads_back_to_the_blob_and_none_over_a_break_does() {
        let (mut stretches, barren) = (Stretches::default(), Barren::default());
        let bytes = b"0123456789";
        [1..4, 6..8].into_iter().for_each(|stretch| stretches.add(&barren, bytes, stretch));
        stretches.add_waiting(bytes);
        assert_eq!(stretches.text, b"123\x0167\x01");
        assert_eq!(stretches.origin(&(0..3)), Some(1..4));
        assert_eq!(stretches.origin(&(5..6)), Some(7..8));
        assert_eq!(stretches.origin(&(2..5)), None);
    }
}
