//! What a scan remembers of a blob, so that one stored as a difference from it is searched only where
//! it is new.
//!
//! The matches in a blob are those round each place of an anchor, and what matches round one depends on
//! the bytes near by alone ([`search_round`]). So where a blob copies a stretch of its base, the places
//! of anchors are known, and so are the matches round those that stand far enough from the ends of the
//! copy. Everything else is searched. What follows (parts, checks, sieve) looks at the whole blob in
//! any case.

use std::cell::Cell;
use std::ops::Range;

use rayon::prelude::*;

use super::candidate::{Groups, reach, search_round};
use super::prefilter::{Hit, Prefilter, Room};
use crate::pattern::PatternSet;
use crate::source::Copied;

/// What is at least twice as long is searched in parts of this length.
const PART_BYTES: usize = 1 << 20;

thread_local! {
    /// Kept from one blob to the next: making it takes longer than searching a short text.
    static ROOM: Cell<Room> = Cell::default();
}

/// Where anchors stand in a blob, and what matched round them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Traces {
    /// How long the blob is.
    length: usize,
    /// Sorted.
    hits: Vec<Hit>,
    /// By hit, then by pattern.
    matches: Vec<Match>,
}

/// What matched round an anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Match {
    hit: Hit,
    /// The index of the pattern.
    pattern: usize,
    groups: Groups,
}

impl Traces {
    /// Searches a blob from its beginning to its end.
    pub(super) fn of_whole(set: &PatternSet, prefilter: &Prefilter, bytes: &[u8]) -> Self {
        if bytes.len() < 2 * PART_BYTES {
            let mut search = Search::new(set, prefilter, bytes);
            search.range(0..bytes.len(), |_| true);
            return search.finish();
        }
        // So that a single large file keeps more than one thread busy.
        let part = |number: usize| {
            let start = number * PART_BYTES;
            let end = (start + PART_BYTES).min(bytes.len());
            let mut search = Search::new(set, prefilter, bytes);
            let stretch = start..prefilter.beyond(end).min(bytes.len());
            search.range(stretch, |hit| hit.start < end);
            search.traces
        };
        let parts = 0..bytes.len().div_ceil(PART_BYTES);
        let parts: Vec<Self> = parts.into_par_iter().map(part).collect();
        let mut search = Search::new(set, prefilter, bytes);
        for part in parts {
            search.traces.hits.extend(part.hits);
            search.traces.matches.extend(part.matches);
        }
        search.finish()
    }

    /// Searches a blob round the anchors that are `new`, and takes the rest from what is known of its base.
    pub(super) fn inherited(
        set: &PatternSet,
        prefilter: &Prefilter,
        bytes: &[u8],
        base: &Self,
        copies: &[Copied],
        new: &[Hit],
    ) -> Self {
        let mut search = Search::new(set, prefilter, bytes);
        copies.iter().for_each(|copied| search.inherit(base, copied));
        let new = new.iter().filter(|hit| !is_within_one(copies, hit));
        new.for_each(|hit| search.hit(*hit));
        search.finish()
    }

    /// Returns the length of the blob.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Returns whether nothing matched.
    pub(super) fn is_empty(&self) -> bool {
        self.matches.is_empty()
    }

    /// Returns what matched, with the index of the pattern.
    pub(super) fn matches(&self) -> impl Iterator<Item = (usize, &Groups)> {
        self.matches.iter().map(|found| (found.pattern, &found.groups))
    }

    /// Returns what matched round an anchor.
    fn matches_round(&self, hit: &Hit) -> &[Match] {
        let start = self.matches.partition_point(|found| found.hit < *hit);
        let length = self.matches[start..].partition_point(|found| found.hit == *hit);
        &self.matches[start..start + length]
    }
}

/// Returns whether a hit lies in one copy, where it is inherited.
fn is_within_one(copies: &[Copied], hit: &Hit) -> bool {
    let behind = copies.partition_point(|copied| copied.start <= hit.start);
    behind.checked_sub(1).is_some_and(|index| hit.end <= copies[index].end())
}

/// The traces of a blob in the making.
struct Search<'a> {
    set: &'a PatternSet,
    prefilter: &'a Prefilter,
    bytes: &'a [u8],
    traces: Traces,
}

impl<'a> Search<'a> {
    fn new(set: &'a PatternSet, prefilter: &'a Prefilter, bytes: &'a [u8]) -> Self {
        let traces = Traces { length: bytes.len(), hits: Vec::new(), matches: Vec::new() };
        Self { set, prefilter, bytes, traces }
    }

    /// Searches round every anchor in a range that is `new`.
    fn range(&mut self, range: Range<usize>, is_new: impl Fn(&Hit) -> bool) {
        let mut room = ROOM.take();
        self.prefilter.each_hit(self.bytes, range, &mut room, |hit| {
            if is_new(&hit) {
                self.hit(hit);
            }
        });
        ROOM.set(room);
    }

    /// Notes an anchor, and searches round it.
    fn hit(&mut self, hit: Hit) {
        self.traces.hits.push(hit);
        for &pattern in self.prefilter.owners(hit.anchor) {
            self.round(hit, pattern);
        }
    }

    /// Searches one pattern round an anchor.
    fn round(&mut self, hit: Hit, pattern: usize) {
        let found = search_round(&self.set.patterns()[pattern], self.bytes, hit.range());
        self.traces.matches.extend(found.into_iter().map(|groups| Match { hit, pattern, groups }));
    }

    /// Takes over what is known of a stretch of the base, and searches where that is not enough.
    fn inherit(&mut self, base: &Traces, copied: &Copied) {
        if base.hits.is_empty() {
            return;
        }
        let first = base.hits.partition_point(|hit| hit.start < copied.base_start);
        for old in &base.hits[first..] {
            if old.start >= copied.base_end() {
                break;
            }
            if old.end <= copied.base_end() {
                self.inherit_hit(base, copied, old);
            }
        }
    }

    fn inherit_hit(&mut self, base: &Traces, copied: &Copied, old: &Hit) {
        let start = copied.start + (old.start - copied.base_start);
        let hit = Hit { start, end: start + (old.end - old.start), anchor: old.anchor };
        self.traces.hits.push(hit);
        for &pattern in self.prefilter.owners(hit.anchor) {
            let reach = reach(&self.set.patterns()[pattern], hit.end - hit.start);
            if self.is_known(base, copied, &hit, reach) {
                let known = base.matches_round(old).iter().filter(|found| found.pattern == pattern);
                let known = known.map(|found| Match {
                    hit,
                    pattern,
                    groups: found.groups.moved(old.start, hit.start),
                });
                self.traces.matches.extend(known);
            } else {
                self.round(hit, pattern);
            }
        }
    }

    /// Returns whether all that a search round the hit would look at is copied: the bytes in its reach
    /// and one more, or else an end that both texts have there.
    fn is_known(&self, base: &Traces, copied: &Copied, hit: &Hit, reach: usize) -> bool {
        let is_start = copied.start == 0 && copied.base_start == 0;
        let is_end = copied.end() == self.traces.length && copied.base_end() == base.length;
        (is_start || hit.start - copied.start > reach) && (is_end || copied.end() - hit.end > reach)
    }

    fn finish(mut self) -> Traces {
        self.traces.hits.sort_unstable();
        self.traces.matches.sort_by_key(|found| (found.hit, found.pattern));
        self.traces
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::barren::Barren;
    use crate::scan::novelty::Novelty;
    use crate::scan::reach::Reach;

    /// A pattern that a letter before or behind it forbids, one that only the text's end or beginning
    /// allows, and one that reaches over a line.
    const PATTERNS: &str = r#"
[provider]
id = "edge"
name = "Edge"
class = "test"
console = "https://edge.example"

[[pattern]]
id = "edge-word"
description = "A word of its own: it opens nothing."
regex = '\b(?<key>abc[0-9]{1,3})\b'
anchors = ["abc"]
severity = "low"
examples = ['«key»']
counterexamples = ['abc']

[[pattern]]
id = "edge-end"
description = "A word at an end: it opens nothing."
regex = '\A(?<key>abc[0-9])|(?<other>abc[0-9])\z'
anchors = ["abc"]
severity = "low"
examples = ['«key»']
counterexamples = ['abc']

[[pattern]]
id = "edge-lines"
description = "A word of two lines: it opens nothing."
regex = '(?<key>x[a-z \n]{0,4}def)'
anchors = ["def"]
severity = "low"
examples = ['«key»']
counterexamples = ['def']

[[pattern]]
id = "edge-behind"
description = "A word whose anchor stands at its end: it opens nothing."
regex = '\b(?<key>[a-c0-9]{4}-d)'
anchors = ["2-d"]
severity = "low"
examples = ['«key»']
counterexamples = ['def']
"#;

    fn scanned(set: &PatternSet, prefilter: &Prefilter, base: &[u8], pieces: &[Piece<'_>]) {
        let (mut bytes, mut copies) = (Vec::new(), Vec::new());
        for piece in pieces {
            match piece {
                Piece::Copied(range) if range.is_empty() => {}
                Piece::Copied(range) => {
                    let (base_start, start, length) = (range.start, bytes.len(), range.len());
                    copies.push(Copied { base_start, start, length });
                    bytes.extend_from_slice(&base[range.clone()]);
                }
                Piece::New(new) => bytes.extend_from_slice(new),
            }
        }
        let of_base = Traces::of_whole(set, prefilter, base);
        let reach = Reach::new(prefilter.anchors());
        let barren = Barren::default();
        let new = Novelty::of((&reach, prefilter, &barren), &bytes, base.len(), &copies).hits;
        let inherited = Traces::inherited(set, prefilter, &bytes, &of_base, &copies, &new);
        let whole = Traces::of_whole(set, prefilter, &bytes);
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(inherited, whole, "{text:?} by {copies:?}");
    }

    enum Piece<'a> {
        Copied(Range<usize>),
        New(&'a [u8]),
    }

    #[test]
    fn what_is_inherited_is_what_a_search_of_the_whole_finds_wherever_a_copy_begins_and_ends() {
        let set = PatternSet::from_files([("edge.toml", PATTERNS)]).unwrap();
        let prefilter = Prefilter::new(set.patterns());
        for base in [&b"abc12 x\ndef-abc1"[..], b"abc1abc2-d", b"-xdef abc12-d "] {
            for start in 0..=base.len() {
                for end in start..=base.len() {
                    for new in [&b""[..], b"a", b"7", b" ", b"bc3", b"abc1"] {
                        let (copied, new) = (|| Piece::Copied(start..end), || Piece::New(new));
                        let rest = || Piece::Copied(end..base.len());
                        scanned(&set, &prefilter, base, &[copied(), new()]);
                        scanned(&set, &prefilter, base, &[new(), copied()]);
                        scanned(&set, &prefilter, base, &[new(), copied(), new()]);
                        scanned(&set, &prefilter, base, &[copied(), new(), rest()]);
                        scanned(&set, &prefilter, base, &[rest(), new(), copied()]);
                        scanned(&set, &prefilter, base, &[copied(), copied(), new(), copied()]);
                    }
                }
            }
        }
    }
}
