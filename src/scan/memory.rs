//! What a search remembers of a blob, so that of one stored as a difference from it only what is new is
//! searched for disguises, too.
//!
//! A disguise is decoded with the text round it, so one that nothing new stands near holds what it held in
//! the base. Where the base held nothing disguised, and what is new and what stands near it hold nothing
//! either, there is nothing. In every other case the whole blob is searched.

use std::ops::Range;

use super::decode::{self, Disguised};
use super::novelty::each_seam;
use super::traces::Traces;
use crate::source::Copied;

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
    /// Returns what could be a disguise in a blob that shares these stretches with the remembered one, given what
    /// could where it is new.
    pub(super) fn inherit(
        &self,
        bytes: &[u8],
        copies: &[Copied],
        mut new: Vec<Disguised>,
    ) -> Inherited {
        if self.disguised.is_empty() {
            let all = decode::union(Vec::new(), &new);
            return Inherited { new: all.clone(), all };
        }
        new.extend(decode::find_within(bytes, &self.broken(copies)));
        let mut near = Vec::new();
        each_seam(bytes.len(), self.traces.length(), copies, |seam| {
            grow(&mut near, &seam, NEAR, bytes.len());
        });
        let old: Vec<_> =
            self.disguised.iter().map(|old| old.moved(|at| moved(at, copies))).collect();
        let is_near = |place: &Range<usize>| {
            let first = near.partition_point(|stretch| stretch.end <= place.start);
            near.get(first).is_some_and(|stretch| stretch.start < place.end)
        };
        let old_near = old.iter().map(|old| old.only(is_near)).collect();
        Inherited { all: decode::union(old, &new), new: decode::union(old_near, &new) }
    }

    /// Returns, in order, where the remains stand of what could be a disguise and is no longer whole.
    fn broken(&self, copies: &[Copied]) -> Vec<Range<usize>> {
        let places = self.disguised.iter().flat_map(Disguised::places);
        let broken = places.flat_map(|place| {
            copies.iter().filter_map(move |copied| {
                let start = place.start.max(copied.base_start);
                let end = place.end.min(copied.base_end());
                let is_part = start < end && end - start < place.len();
                let to = |offset: usize| offset - copied.base_start + copied.start;
                is_part.then(|| to(start)..to(end))
            })
        });
        decode::ordered(broken)
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

/// Adds a stretch to others that are in order, with so much more on either side; those that touch are joined.
fn grow(grown: &mut Vec<Range<usize>>, stretch: &Range<usize>, by: usize, length: usize) {
    let start = stretch.start.saturating_sub(by);
    let end = stretch.end.saturating_add(by).min(length);
    match grown.last_mut() {
        Some(last) if start <= last.end => last.end = last.end.max(end),
        _ => grown.push(start..end),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::finding::Disguise;
    use crate::pattern::PatternSet;
    use crate::scan::barren::Barren;
    use crate::scan::candidate::contains;
    use crate::scan::novelty::Novelty;
    use crate::scan::overlap;
    use crate::scan::prefilter::Prefilter;
    use crate::scan::reach::Reach;
    use crate::scan::versions::{assembled, pieces};

    /// What disguises are made of, and what ends them.
    fn fragment() -> impl Strategy<Value = String> {
        let fragments = [
            "q8Zt1vK0",
            "mPx7Wc3R",
            "a",
            "0",
            "word",
            "%41",
            "%3D",
            "\\x41",
            "\\u0041",
            "\\n",
            "&#65;",
            "&amp;",
            "\"",
            "'",
            "\" + \"",
            "\"\n    \"",
            "\" .. \"",
            "' . '",
            "\" \\\n  \"",
            "\" & _\r\n \"",
            "'\n  b'",
            "\\\n  ",
            "\\n\",\n \"",
            "+",
            " ",
            "\n",
            "(",
            ";",
            ", ",
            "=",
            "\0",
            "k\0e\0y\0=\0a\0b\0",
            "cGFzc3dvcmQgPSBjb3JyZWN0IGhvcnNl",
            "70617373776f72643d636f7272656374",
            "cGFzc3dv\ncmQgPSBj\n",
        ];
        prop_oneof![
            4 => prop::sample::select(fragments.to_vec()).prop_map(str::to_owned),
            1 => "[ -~]{0,6}",
        ]
    }

    fn text() -> impl Strategy<Value = String> {
        prop::collection::vec(fragment(), 0..24).prop_map(|fragments| fragments.concat())
    }

    /// Returns what could be a disguise in a text, given what it shares with its base.
    fn inherited(base: &[u8], bytes: &[u8], copies: &[Copied]) -> Vec<Disguised> {
        let set = PatternSet::from_files(std::iter::empty::<(&str, &str)>());
        let set = set.expect("none is wrong");
        let prefilter = Prefilter::new(set.patterns());
        let memory = Memory {
            traces: Traces::of_whole(&set, &prefilter, base),
            disguised: decode::find(base, None),
            is_disguised: false,
        };
        let reach = Reach::new(prefilter.anchors());
        let barren = Barren::default();
        let new = Novelty::of((&reach, &prefilter, &barren), bytes, base.len(), copies).disguised;
        memory.inherit(bytes, copies, new).all
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..Default::default() })]

        #[test]
        fn every_disguise_is_inherited_or_seen_in_what_is_new(
            base in text(),
            pieces in pieces(fragment()),
        ) {
            let base = base.as_bytes();
            let (bytes, copies) = assembled(base, &pieces);
            let all = inherited(base, &bytes, &copies);
            for whole in decode::find(&bytes, None) {
                let same = all.iter().find(|one| one.disguise() == whole.disguise());
                let seen = same.map_or(&[][..], Disguised::places);
                for place in whole.places() {
                    // Of the others, all in the text round a place is decoded.
                    let is_whole = |other: &Range<usize>| {
                        !whole.disguise().is_encoding() || contains(other, place)
                    };
                    let is_seen = seen.iter().any(|other| overlap(other, place) && is_whole(other));
                    prop_assert!(is_seen, "{:?} at {place:?} of {:?}, from {:?} by {copies:?}",
                        whole.disguise(), String::from_utf8_lossy(&bytes), String::from_utf8_lossy(base));
                }
            }
        }
    }

    #[test]
    fn what_is_left_of_a_disguise_is_looked_at_again() {
        const LONG: &str = "cGFzc3dvcmQgPSBjb3JyZWN0IGhvcnNl";
        // The first join is cut off, and with it what the second one was part of.
        let base = format!("q8Zt1vK0\" & _\r\n \"{LONG}\" + \"q8Zt1vK0\"");
        let copies = [Copied { base_start: 9, start: 0, length: base.len() - 9 }];
        let all = inherited(base.as_bytes(), &base.as_bytes()[9..], &copies);
        let joins = all.iter().find(|one| one.disguise() == Disguise::SplitString);
        assert_eq!(joins.expect("it is there").places().len(), 1, "{all:?}");
    }

    #[test]
    fn stretches_grow_and_join() {
        let mut grown = Vec::new();
        [5..6, 30..30, 49..60].iter().for_each(|stretch| grow(&mut grown, stretch, 10, 65));
        assert_eq!(grown, [0..16, 20..65]);
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
