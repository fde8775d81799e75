//! What a tree lists, and how that differs from what its base in the pack lists.

use std::ops::Range;

use crate::source::Copied;
use crate::source::repository::{Entry, EntryKind};

/// An entry of a tree, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) name: u32,
    /// Twice the number of the object it names, and one more where that is a tree.
    target: u32,
}

/// No object has a number as high as this.
pub(super) const MAX_OBJECTS: u32 = u32::MAX >> 1;

impl Item {
    /// Names something that is no object of the repository.
    pub(super) const SUBMODULE: Self = Self { name: 0, target: u32::MAX };

    /// Returns the entry of a tree or blob. There are fewer than half as many objects as numbers.
    pub(super) fn new(name: u32, is_tree: bool, object: u32) -> Self {
        Self { name, target: object << 1 | u32::from(is_tree) }
    }

    /// Returns the number of the object it names.
    pub(super) fn object(self) -> u32 {
        self.target >> 1
    }

    pub(super) fn is_tree(self) -> bool {
        self.target & 1 == 1
    }

    /// Returns an entry that differs from this one in nothing but the object.
    pub(super) fn naming(self, object: u32) -> Self {
        Self::new(self.name, self.is_tree(), object)
    }
}

/// Numbers the names and objects of entries.
pub(super) trait Numbering {
    /// Returns the number of a name.
    fn name(&mut self, name: &[u8]) -> u32;

    /// Returns a number of an object, or none where there are no more.
    fn object(&mut self, id: &[u8]) -> Option<u32>;
}

/// Every entry of a tree, and where each ends in its bytes.
#[derive(Debug)]
pub(super) struct Listing {
    /// How many bytes an id has.
    id_bytes: usize,
    ends: Vec<u32>,
    items: Vec<Item>,
}

/// What one tree lists and another does not, each in the order of its tree.
#[derive(Debug, Default)]
pub(super) struct Difference {
    pub(super) removed: Vec<Item>,
    pub(super) added: Vec<Item>,
    /// Which entries of the base both list.
    kept: Vec<Range<usize>>,
    /// The entries that the base does not list, and where the ids of the objects begin that they name.
    new: Vec<(usize, usize)>,
}

impl Difference {
    fn clear(&mut self) {
        self.removed.clear();
        self.added.clear();
        self.kept.clear();
        self.new.clear();
    }
}

impl Listing {
    /// Lists a tree, in which ids have so many bytes, or none where an entry of it can't be read.
    pub(super) fn of(
        bytes: &[u8],
        id_bytes: usize,
        numbering: &mut impl Numbering,
        difference: &mut Difference,
    ) -> Option<Self> {
        difference.clear();
        let listing = Self { id_bytes, ends: Vec::new(), items: Vec::new() };
        let mut reading = Reading { listing, bytes, numbering, new: &mut difference.new };
        reading.finish()?;
        Some(reading.listing)
    }

    /// Returns every entry.
    pub(super) fn items(&self) -> &[Item] {
        &self.items
    }

    /// Lists a tree that is made from the one of this listing, reading only what is new in it, and says in
    /// what they differ. None where an entry can't be read, or one of the base is copied twice, which git
    /// never does.
    pub(super) fn derive(
        &self,
        bytes: &[u8],
        copies: &[Copied],
        numbering: &mut impl Numbering,
        difference: &mut Difference,
    ) -> Option<Self> {
        difference.clear();
        let Difference { removed, added, kept, new } = difference;
        // Mostly one entry more than its base.
        let (ends, items) = (self.ends.len() + 4, self.items.len() + 4);
        let (ends, items) = (Vec::with_capacity(ends), Vec::with_capacity(items));
        let listing = Self { id_bytes: self.id_bytes, ends, items };
        let mut reading = Reading { listing, bytes, numbering, new };
        // The entry of the base that is probably copied next.
        let mut next = 0;
        for copied in copies {
            // An entry of the base that begins where one of this tree would begin is the same entry, and
            // so are those behind it, as far as all is copied.
            while reading.listing.end() < copied.end() {
                let Some(first) = self.at(copied, reading.listing.end(), next) else {
                    reading.read_one()?;
                    continue;
                };
                let is_copied = |end: &u32| *end as usize <= copied.base_end();
                let last = first + self.ends[first..].partition_point(is_copied);
                if first < last {
                    reading.listing.take(self, first..last, copied);
                    kept.push(first..last);
                }
                if reading.listing.end() < copied.end() {
                    reading.read_like(self, last, copied)?;
                }
                next = last + 1;
            }
        }
        reading.finish()?;
        let listing = reading.listing;
        added.extend(new.iter().map(|(at, _)| listing.items[*at]));
        self.all_but(kept, removed)?;
        Some(listing)
    }

    /// Returns where the last entry ends.
    fn end(&self) -> usize {
        self.ends.last().map_or(0, |end| *end as usize)
    }

    /// Returns where an entry begins.
    fn start(&self, entry: usize) -> usize {
        entry.checked_sub(1).map_or(0, |before| self.ends[before] as usize)
    }

    /// Returns the entry that is copied to `start` of the new tree, where it is guessed which; none where
    /// none begins there.
    fn at(&self, copied: &Copied, start: usize, guess: usize) -> Option<usize> {
        let start = copied.base_start + start.checked_sub(copied.start)?;
        if guess <= self.ends.len() && self.start(guess) == start {
            return Some(guess);
        }
        match start {
            0 => Some(0),
            start => Some(self.ends.binary_search(&u32::try_from(start).ok()?).ok()? + 1),
        }
    }

    /// Appends entries of the base.
    fn take(&mut self, base: &Self, entries: Range<usize>, copied: &Copied) {
        let moved = (copied.start as u32).wrapping_sub(copied.base_start as u32);
        self.ends.extend(base.ends[entries.clone()].iter().map(|end| end.wrapping_add(moved)));
        self.items.extend_from_slice(&base.items[entries]);
    }

    /// Collects the entries that are in none of these ranges; none at all where two of them overlap.
    fn all_but(&self, kept: &mut [Range<usize>], others: &mut Vec<Item>) -> Option<()> {
        kept.sort_unstable_by_key(|range| range.start);
        let mut next = 0;
        for range in kept {
            others.extend_from_slice(self.items.get(next..range.start)?);
            next = range.end;
        }
        others.extend_from_slice(&self.items[next..]);
        Some(())
    }
}

/// A listing that is being made.
struct Reading<'a, N> {
    listing: Listing,
    bytes: &'a [u8],
    numbering: &'a mut N,
    /// The entries that the base does not list, and where the ids of the objects begin that they name.
    new: &'a mut Vec<(usize, usize)>,
}

impl<N: Numbering> Reading<'_, N> {
    /// Reads on to the end, and numbers the objects of what is new.
    fn finish(&mut self) -> Option<()> {
        while self.listing.end() < self.bytes.len() {
            self.read_one()?;
        }
        for (at, start) in self.new.iter() {
            let id = &self.bytes[*start..*start + self.listing.id_bytes];
            let item = &mut self.listing.items[*at];
            *item = item.naming(self.numbering.object(id)?);
        }
        Some(())
    }

    /// Reads the next entry.
    fn read_one(&mut self) -> Option<()> {
        let rest = &self.bytes[self.listing.end()..];
        let (entry, after) = Entry::split_off(rest, self.listing.id_bytes)?;
        let item = match entry.kind {
            EntryKind::Submodule => Item::SUBMODULE,
            kind => Item::new(self.numbering.name(entry.name), kind == EntryKind::Tree, 0),
        };
        self.add(item, rest.len() - after.len())
    }

    /// Reads the next entry, of which something is copied from the beginning of one of the base: mostly all
    /// but the id.
    fn read_like(&mut self, base: &Listing, entry: usize, copied: &Copied) -> Option<()> {
        let Some(end) = base.ends.get(entry) else { return self.read_one() };
        let id_start = *end as usize - base.id_bytes;
        if copied.base_end() < id_start {
            return self.read_one();
        }
        self.add(base.items[entry], *end as usize - base.start(entry))
    }

    /// Appends an entry of that length whose object is still to be numbered.
    fn add(&mut self, item: Item, length: usize) -> Option<()> {
        let end = Some(self.listing.end() + length).filter(|end| *end <= self.bytes.len())?;
        if item != Item::SUBMODULE {
            self.new.push((self.listing.items.len(), end - self.listing.id_bytes));
        }
        self.listing.ends.push(u32::try_from(end).ok()?);
        self.listing.items.push(item);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, oid: u8) -> Vec<u8> {
        let mut line = format!("100644 {name}\0").into_bytes();
        line.extend([oid; 20]);
        line
    }

    /// Numbers everything by its first bytes.
    struct Plainly;

    impl Numbering for Plainly {
        fn name(&mut self, name: &[u8]) -> u32 {
            let add = |sum: u32, byte: &u8| sum.wrapping_mul(257).wrapping_add(u32::from(*byte));
            name.iter().fold(0, add)
        }

        fn object(&mut self, id: &[u8]) -> Option<u32> {
            Some(u32::from(id[0]))
        }
    }

    fn of(bytes: &[u8]) -> Option<Listing> {
        Listing::of(bytes, 20, &mut Plainly, &mut Difference::default())
    }

    fn derive(base: &Listing, bytes: &[u8], copies: &[Copied]) -> Option<(Listing, Difference)> {
        let mut difference = Difference::default();
        let listing = base.derive(bytes, copies, &mut Plainly, &mut difference)?;
        Some((listing, difference))
    }

    /// Makes the result of copies from a base and of what stands between them.
    fn assemble(base: &[u8], pieces: &[Result<Range<usize>, Vec<u8>>]) -> (Vec<u8>, Vec<Copied>) {
        let (mut bytes, mut copies) = (Vec::new(), Vec::new());
        for piece in pieces {
            match piece {
                Ok(range) => {
                    let (base_start, start, length) = (range.start, bytes.len(), range.len());
                    copies.push(Copied { base_start, start, length });
                    bytes.extend_from_slice(&base[range.clone()]);
                }
                Err(new) => bytes.extend(new),
            }
        }
        (bytes, copies)
    }

    #[test]
    fn a_derived_listing_is_the_one_read_whole_wherever_the_copies_begin_and_end() {
        let base =
            [line("a", 1), line("bcd", 2), line("e", 3), line("f", 0), line("g", 5)].concat();
        let listing = of(&base).unwrap();
        let new = line("new", 9);
        for cut in 0..=base.len() {
            for until in cut..=base.len() {
                // What is left out is put in again, with another entry where that fits, and with another
                // byte where that leaves entries.
                let mut middle = base[cut..until].to_vec();
                middle.extend(if until == base.len() { &new[..] } else { &[] });
                let mut other = middle.clone();
                other.first_mut().into_iter().for_each(|byte| *byte = 8);
                for middle in [middle, other] {
                    let pieces = [Ok(0..cut), Err(middle), Ok(until..base.len())];
                    let (bytes, copies) = assemble(&base, &pieces);
                    let derived = derive(&listing, &bytes, &copies);
                    let whole = of(&bytes);
                    let (Some((derived, difference)), Some(whole)) = (&derived, &whole) else {
                        assert!(derived.is_none() && whole.is_none());
                        continue;
                    };
                    assert_eq!((&derived.ends, &derived.items), (&whole.ends, &whole.items));
                    let mut items = listing.items.clone();
                    items.retain(|item| !difference.removed.contains(item));
                    items.extend(difference.added.iter());
                    assert_eq!(items.len(), whole.items.len());
                    assert!(whole.items.iter().all(|item| items.contains(item)));
                }
            }
        }
    }

    #[test]
    fn entries_moved_replaced_and_left_out_are_told() {
        let lines = [line("a", 1), line("b", 2), line("c", 3), line("d", 4)];
        let (length, base) = (lines[0].len(), lines.concat());
        let listing = of(&base).unwrap();
        let pieces = [Ok(2 * length..3 * length), Err(line("b", 7)), Ok(0..length)];
        let (bytes, copies) = assemble(&base, &pieces);
        let (_, difference) = derive(&listing, &bytes, &copies).unwrap();
        let numbers = |items: &[Item]| items.iter().map(|item| item.object()).collect::<Vec<_>>();
        assert_eq!(numbers(&difference.removed), [2, 4]);
        assert_eq!(numbers(&difference.added), [7]);
    }

    #[test]
    fn a_tree_that_is_cut_off_has_no_listing() {
        let whole = [line("a", 1), line("b", 2)].concat();
        assert!(of(&whole[..whole.len() - 1]).is_none());
    }
}
