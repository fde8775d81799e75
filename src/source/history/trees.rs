//! All trees of the packs as differences between lists of numbers.
//!
//! Every tree is made once, from the one it is stored as a difference from, and of each is kept what it
//! lists and its base does not, and the other way round: eight bytes an entry, and a few for each tree. What
//! leads to an object is then known without the bytes of any tree.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use git2::ObjectType;
use rayon::prelude::*;

use super::listing::{Difference, Item, Listing, Numbering};
use super::names::Names;
use super::numbers::{Number, Numbers};
use super::slips::{self, Slips};
use crate::source::Copied;
use crate::source::pack::{self, Node, Pack, Visit, prefetch};
use crate::source::repository::{Entry, EntryKind};

/// No tree: what a difference from an empty one is from.
const NOTHING: Number = Number::MAX;

/// The trees of all packs.
pub(super) struct Trees<'a> {
    pub(super) numbers: &'a Numbers<'a>,
    names: Names,
    /// By number: where in the shelves it is kept what a tree lists; nowhere where there is no tree, or one
    /// that can't be listed.
    places: Vec<u64>,
    shelves: Vec<Vec<Item>>,
}

/// How a tree differs from its base.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept<'a> {
    /// The tree that the difference is from; none where it is from an empty one.
    pub(super) base: Option<Number>,
    pub(super) removed: &'a [Item],
    pub(super) added: &'a [Item],
}

impl<'a> Trees<'a> {
    /// Lists all trees of the packs.
    pub(super) fn of(numbers: &'a Numbers<'a>, max_bytes: u64) -> Self {
        let names = Names::default();
        let places: Vec<_> = (0..numbers.packed()).map(|_| AtomicU64::new(NOWHERE)).collect();
        let desks: Vec<_> = (0..rayon::current_num_threads()).map(|_| Mutex::default()).collect();
        for (pack, first) in numbers.packs() {
            let wanted = pack.of_kind(ObjectType::Tree);
            let (names, places, desks) = (&names, &places[..], &desks[..]);
            let visitor = Lister { numbers, names, pack, first, places, desks };
            pack::walk(pack, ObjectType::Tree, max_bytes, &wanted, &visitor);
        }
        let places = places.into_iter().map(AtomicU64::into_inner).collect();
        let desks = desks.into_iter().map(Mutex::into_inner);
        let desks = desks.map(|desk: Result<Desk, _>| desk.unwrap_or_else(PoisonError::into_inner));
        let (mut shelves, slips): (Vec<_>, Vec<_>) =
            desks.map(|desk| (desk.shelf, desk.slips.finish(numbers))).unzip();
        shelves.par_iter_mut().for_each(|shelf| renumber(shelf, &slips));
        Self { numbers, names, places, shelves }
    }

    /// Returns the names in all trees met so far.
    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// Returns an entry of a tree in numbers.
    pub(super) fn item(&self, entry: Entry<'_>) -> Item {
        let is_tree = match entry.kind {
            EntryKind::Tree => true,
            EntryKind::Blob => false,
            EntryKind::Submodule => return Item::SUBMODULE,
        };
        let name = self.names.number(entry.name);
        Item::new(name, is_tree, self.numbers.number(entry.id))
    }

    /// Hands each tree to `visit`, in the order in which they are kept.
    pub(super) fn each(&self, mut visit: impl FnMut(Number)) {
        for shelf in &self.shelves {
            let mut rest = &shelf[..];
            while let [start, counts, items @ ..] = rest {
                visit(start.object());
                rest = &items[items_behind(counts)..];
            }
        }
    }

    /// Returns what a tree lists as a difference; none where that is not known.
    pub(super) fn kept(&self, tree: Number) -> Option<Kept<'_>> {
        let place = self.places.get(tree as usize)?.checked_sub(1)?;
        let shelf = &self.shelves[(place >> SHELF_SHIFT) as usize];
        let at = (place & ((1 << SHELF_SHIFT) - 1)) as usize;
        let [Item { name: base, .. }, counts] = *shelf[at..].first_chunk()?;
        let (removed, added) = (counts.object() as usize, counts.name as usize);
        let items = &shelf[at + 2..at + 2 + removed + added];
        let (removed, added) = items.split_at(removed);
        Some(Kept { base: Some(base).filter(|base| *base != NOTHING), removed, added })
    }
}

/// The place of what is not kept. Every other place is one more than the offset in a shelf, behind the number
/// of the shelf.
const NOWHERE: u64 = 0;
const SHELF_SHIFT: u32 = 44;

/// Lists the trees of one pack.
struct Lister<'a> {
    numbers: &'a Numbers<'a>,
    names: &'a Names,
    pack: &'a Pack,
    /// The number of its first object.
    first: Number,
    places: &'a [AtomicU64],
    /// One for each thread.
    desks: &'a [Mutex<Desk>],
}

/// What a thread lists with.
#[derive(Default)]
struct Desk {
    shelf: Vec<Item>,
    difference: Difference,
    slips: Slips,
}

/// Returns how many items belong to a tree, given those that count them.
fn items_behind(counts: &Item) -> usize {
    counts.object() as usize + counts.name as usize
}

/// Puts the numbers of objects in the place of what they were called while trees were listed.
fn renumber(shelf: &mut [Item], slips: &[Vec<Number>]) {
    let mut rest = shelf;
    while let [_, counts, items @ ..] = rest {
        let (own, others) = items.split_at_mut(items_behind(counts));
        own.iter_mut().for_each(|item| *item = item.naming(slips::number(slips, item.object())));
        rest = others;
    }
}

/// Keeps what a tree lists, and returns where.
fn keep(
    shelf: &mut Vec<Item>,
    tree: Number,
    base: Option<Number>,
    removed: &[Item],
    added: &[Item],
) -> usize {
    let at = shelf.len();
    let start = Item::new(base.unwrap_or(NOTHING), false, tree);
    shelf.extend([start, start]);
    let objects = |item: &&Item| **item != Item::SUBMODULE;
    shelf.extend(removed.iter().filter(objects));
    let removed = shelf.len() - at - 2;
    shelf.extend(added.iter().filter(objects));
    let added = shelf.len() - at - 2 - removed;
    shelf[at + 1] = Item::new(added as u32, false, removed as u32);
    at
}

/// Numbers what a thread lists.
struct Numberer<'a> {
    lister: &'a Lister<'a>,
    thread: usize,
    slips: &'a mut Slips,
}

impl Numbering for Numberer<'_> {
    fn name(&mut self, name: &[u8]) -> u32 {
        self.lister.names.number(name)
    }

    fn object(&mut self, id: &[u8]) -> Option<u32> {
        self.slips.of(self.lister.numbers, self.thread, self.lister.desks.len(), id)
    }
}

impl Visit for Lister<'_> {
    /// The number of the tree and its listing; none where it can't be read to its end.
    type Memory = Option<(Number, Listing)>;

    fn visit(
        &self,
        node: Node,
        bytes: &[u8],
        base: Option<(&Self::Memory, &[Copied])>,
    ) -> Self::Memory {
        let thread = rayon::current_thread_index().unwrap_or(0) % self.desks.len();
        let mut desk = self.desks[thread].lock().unwrap_or_else(PoisonError::into_inner);
        let Desk { shelf, difference, slips } = &mut *desk;
        let numbering = &mut Numberer { lister: self, thread, slips };
        let base = base.and_then(|(listing, copies)| Some((listing.as_ref()?, copies)));
        let number = self.first + node;
        let (listing, at) = match base {
            Some(((base, listing), copies)) => {
                let listing = listing.derive(bytes, copies, numbering, difference)?;
                (listing, keep(shelf, number, Some(*base), &difference.removed, &difference.added))
            }
            None => {
                let listing = Listing::of(bytes, self.pack.id_bytes(), numbering, difference)?;
                let at = keep(shelf, number, None, &[], listing.items());
                (listing, at)
            }
        };
        let place = (thread as u64) << SHELF_SHIFT | at as u64;
        self.places[number as usize].store(place + 1, Ordering::Relaxed);
        Some((number, listing))
    }

    fn expect(&self, node: Node) {
        prefetch(&self.places[(self.first + node) as usize]);
    }
}
