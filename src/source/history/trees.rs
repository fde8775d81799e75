//! All trees of the packs as differences between lists of numbers.
//!
//! Every tree is made once, from the one it is stored as a difference from, and of each is kept what it
//! lists and its base does not, and the other way round. How any two trees differ is then known without
//! their bytes: from the differences on the way from the one to the other.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use git2::{ObjectType, Oid};

use super::listing::{Difference, Item, Listing};
use super::names::Names;
use super::number::NumberMap;
use crate::source::Copied;
use crate::source::pack::{self, Node, Pack, Visit};
use crate::source::repository::{Entry, EntryKind};

/// The number of an object: in the packs one after another, then those that are in none.
pub(super) type Number = u32;

/// The trees of all packs.
pub(super) struct Trees<'a> {
    packs: &'a [Pack],
    /// The number of each pack's first object.
    firsts: Vec<Number>,
    names: Names,
    outside: Mutex<Outside>,
    /// By number; none where there is no tree, or one that can't be listed.
    kept: Vec<OnceLock<Box<Kept>>>,
}

/// Objects that are in no pack.
#[derive(Default)]
struct Outside {
    numbers: HashMap<Oid, Number>,
    oids: Vec<Oid>,
}

/// What is kept of a tree.
struct Kept {
    /// The tree that the difference is from; none where the difference is from an empty one.
    base: Option<Number>,
    /// How many bases there are below it.
    depth: u32,
    difference: Difference,
}

impl<'a> Trees<'a> {
    /// Lists all trees of the packs.
    pub(super) fn of(packs: &'a [Pack], max_bytes: u64) -> Self {
        let mut firsts = Vec::new();
        let mut total = 0;
        for pack in packs {
            firsts.push(total);
            total += pack.len() as Number;
        }
        let mut kept = Vec::new();
        kept.resize_with(total as usize, OnceLock::new);
        let (names, outside) = (Names::default(), Mutex::default());
        let trees = Self { packs, firsts, names, outside, kept };
        for (pack, first) in packs.iter().zip(&trees.firsts) {
            let wanted = pack.of_kind(ObjectType::Tree);
            let visitor = Lister { trees: &trees, pack, first: *first };
            pack::walk(pack, ObjectType::Tree, max_bytes, &wanted, &visitor);
        }
        trees
    }

    /// Returns the names in all trees met so far.
    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// Forgets the trees, and returns the names in them.
    pub(super) fn into_names(self) -> Names {
        self.names
    }

    /// Returns the number of an object.
    pub(super) fn number(&self, oid: Oid) -> Number {
        let packs = self.packs.iter().zip(&self.firsts);
        let mut found = packs.filter_map(|(pack, first)| Some(first + pack.find(oid)?));
        found.next().unwrap_or_else(|| {
            let mut outside = self.outside.lock().unwrap_or_else(PoisonError::into_inner);
            let next = outside.oids.len() as Number;
            let number = *outside.numbers.entry(oid).or_insert(next);
            if number == next {
                outside.oids.push(oid);
            }
            self.kept.len() as Number + number
        })
    }

    /// Returns the object of a number.
    pub(super) fn oid(&self, number: Number) -> Oid {
        match number.checked_sub(self.kept.len() as Number) {
            Some(outside) => {
                let lock = self.outside.lock().unwrap_or_else(PoisonError::into_inner);
                lock.oids[outside as usize]
            }
            None => {
                let pack = self.firsts.partition_point(|first| *first <= number) - 1;
                self.packs[pack].oid(number - self.firsts[pack])
            }
        }
    }

    /// Returns an entry of a tree in numbers.
    pub(super) fn item(&self, entry: Entry<'_>) -> Item {
        let name = self.names.number(entry.name);
        Item { name, kind: entry.kind, object: self.number(entry.oid) }
    }

    /// Returns whether it is known what a tree lists.
    pub(super) fn is_known(&self, tree: Number) -> bool {
        self.kept(tree).is_some()
    }

    /// Returns the tree that another is a difference from, if it is one, and the difference; none where
    /// it is not known what it lists.
    pub(super) fn difference(&self, tree: Number) -> Option<(Option<Number>, &Difference)> {
        self.kept(tree).map(|kept| (kept.base, &kept.difference))
    }

    /// Counts what one tree lists and another (or an empty one) does not. Both must be known.
    pub(super) fn compare(&self, old: Option<Number>, new: Number, changes: &mut Changes) {
        changes.clear();
        let fork = old.and_then(|old| self.fork(old, new, changes));
        if fork.is_none() {
            changes.clear();
        }
        let mut step = Some(new);
        while let Some(kept) = step.filter(|tree| fork != Some(*tree)).and_then(|t| self.kept(t)) {
            changes.count(&kept.difference.added, 1);
            changes.count(&kept.difference.removed, -1);
            step = kept.base;
        }
    }

    /// Finds the tree that both are made from, in however many steps, and counts how `old` differs from
    /// it.
    fn fork(&self, old: Number, new: Number, changes: &mut Changes) -> Option<Number> {
        let (mut old, mut new) = (old, new);
        while old != new {
            let (above, below) = (self.kept(old)?, self.kept(new)?);
            if above.depth >= below.depth {
                changes.count(&above.difference.added, -1);
                changes.count(&above.difference.removed, 1);
                old = above.base?;
            } else {
                new = below.base?;
            }
        }
        Some(old)
    }

    fn kept(&self, tree: Number) -> Option<&Kept> {
        self.kept.get(tree as usize)?.get().map(|kept| &**kept)
    }
}

/// How many times more often a tree lists each entry than another. Mostly it is once or not at all; but
/// nothing may hide behind an entry that a tree lists twice.
#[derive(Default)]
pub(super) struct Changes {
    places: NumberMap<(u32, bool, Number), usize>,
    counts: Vec<(Item, i32)>,
}

impl Changes {
    fn count(&mut self, items: &[Item], by: i32) {
        for item in items {
            let next = self.counts.len();
            let key = (item.name, item.kind == EntryKind::Tree, item.object);
            match *self.places.entry(key).or_insert(next) {
                place if place == next => self.counts.push((*item, by)),
                place => self.counts[place].1 += by,
            }
        }
    }

    fn clear(&mut self) {
        self.places.clear();
        self.counts.clear();
    }

    /// Returns the entries that are listed more often, in the order in which they were met.
    pub(super) fn gained(&self) -> impl Iterator<Item = Item> {
        self.counts.iter().filter(|(_, count)| *count > 0).map(|(item, _)| *item)
    }
}

/// Lists the trees of one pack.
struct Lister<'a> {
    trees: &'a Trees<'a>,
    pack: &'a Pack,
    first: Number,
}

impl Visit for Lister<'_> {
    /// The listing; none where the tree can't be read to its end.
    type Memory = Option<Listing>;

    fn visit(
        &self,
        node: Node,
        bytes: &[u8],
        base: Option<(&Option<Listing>, &[Copied])>,
    ) -> Option<Listing> {
        let item = |entry: Entry<'_>| self.trees.item(entry);
        let base = base.and_then(|(listing, copies)| Some((listing.as_ref()?, copies)));
        let (listing, kept) = match base {
            Some((base, copies)) => {
                let (listing, difference) = base.derive(bytes, copies, item)?;
                let base = self.pack.base(node).map(|base| self.first + base);
                let depth =
                    base.and_then(|base| self.trees.kept(base)).map_or(0, |kept| kept.depth);
                (listing, Kept { base, depth: depth + 1, difference })
            }
            None => {
                let listing = Listing::of(bytes, item)?;
                let difference = Difference::from_nothing(&listing);
                (listing, Kept { base: None, depth: 0, difference })
            }
        };
        _ = self.trees.kept[(self.first + node) as usize].set(Box::new(kept));
        Some(listing)
    }
}
