//! Objects by number: those of the packs one after another, each pack's in the order in which they stand there,
//! then those that are in none.
//!
//! What stands together in a pack is of the same time, and is asked for together.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use git2::Oid;

use crate::source::pack::{Lists, Node, Pack};

/// The number of an object.
pub(super) type Number = u32;

/// So many ids are on their way from memory at once.
const EXPECTED: usize = 256;

/// Gives out numbers.
pub(super) struct Numbers<'a> {
    packs: &'a [Pack],
    /// The number of each pack's first object.
    firsts: Vec<Number>,
    /// How many objects the packs hold.
    packed: Number,
    outside: Mutex<Outside>,
}

/// Objects that are in no pack.
#[derive(Default)]
struct Outside {
    numbers: HashMap<Oid, Number>,
    oids: Vec<Oid>,
}

impl<'a> Numbers<'a> {
    pub(super) fn of(packs: &'a [Pack]) -> Self {
        let mut firsts = Vec::new();
        let mut packed = 0;
        for pack in packs {
            firsts.push(packed);
            packed += pack.len() as Number;
        }
        Self { packs, firsts, packed, outside: Mutex::default() }
    }

    /// Returns the packs, and the number of the first object of each.
    pub(super) fn packs(&self) -> impl Iterator<Item = (&'a Pack, Number)> {
        self.packs.iter().zip(self.firsts.iter().copied())
    }

    /// Returns how many objects the packs hold.
    pub(super) fn packed(&self) -> usize {
        self.packed as usize
    }

    /// Returns how many numbers were given out so far.
    pub(super) fn count(&self) -> usize {
        self.packed() + self.outside().oids.len()
    }

    /// Returns the number of an object: of one in several packs, that in the first of them.
    pub(super) fn number(&self, id: &[u8]) -> Number {
        self.of_rank(self.rank(id))
    }

    /// Adds the numbers of these objects to others, faster than one by one.
    pub(super) fn number_all(&self, ids: &[&[u8]], found: &mut Vec<Number>) {
        let Self { packs, .. } = self;
        let before = found.len();
        found.resize(before + ids.len(), 0);
        let found = &mut found[before..];
        // What is asked for after each other stands near each other then.
        for order in neighbours(ids).chunks(EXPECTED) {
            let ids = || order.iter().map(|index| ids[*index as usize]);
            ids().for_each(|id| packs.iter().for_each(|pack| pack.approach_start(id)));
            ids().for_each(|id| packs.iter().for_each(|pack| pack.approach(id)));
            order.iter().zip(ids()).for_each(|(index, id)| found[*index as usize] = self.rank(id));
            order.iter().for_each(|index| {
                let found = &mut found[*index as usize];
                *found = self.of_rank(*found);
            });
        }
    }

    /// Returns what would be the number of an object if those of each pack were in the order of their ids.
    fn rank(&self, id: &[u8]) -> Number {
        let mut found = self.packs().filter_map(|(pack, first)| Some(first + pack.number(id)?));
        found.next().unwrap_or_else(|| {
            let oid = Oid::from_bytes(id).expect("it is as long as ids are");
            let mut outside = self.outside();
            let next = outside.oids.len() as Number;
            let number = *outside.numbers.entry(oid).or_insert(next);
            if number == next {
                outside.oids.push(oid);
            }
            self.packed + number
        })
    }

    fn of_rank(&self, rank: Number) -> Number {
        match self.pack_of(rank) {
            Some((pack, first)) => first + pack.node(rank - first),
            None => rank,
        }
    }

    /// Returns the pack of a number, and the number of its first object.
    fn pack_of(&self, number: Number) -> Option<(&'a Pack, Number)> {
        let pack = self.firsts.partition_point(|first| *first <= number).checked_sub(1)?;
        (number < self.packed).then(|| (&self.packs[pack], self.firsts[pack]))
    }

    /// Returns the number of the object at a place in a pack, whose first object has that number.
    pub(super) fn number_of(&self, pack: &Pack, first: Number, node: Node) -> Number {
        match first {
            0 => node,
            _ => self.number(pack.oid(node).as_bytes()),
        }
    }

    /// Returns where an object lies in a pack, whose first object has that number.
    pub(super) fn node(&self, pack: &Pack, first: Number, number: Number) -> Option<Node> {
        match number.checked_sub(first) {
            // It is in none before the one that its number is of.
            None => pack.find(self.oid(number)),
            Some(within) => Some(within).filter(|within| (*within as usize) < pack.len()),
        }
    }

    /// Returns the object of a number.
    pub(super) fn oid(&self, number: Number) -> Oid {
        match self.pack_of(number) {
            Some((pack, first)) => pack.oid(number - first),
            None => self.outside().oids[(number - self.packed) as usize],
        }
    }

    fn outside(&self) -> MutexGuard<'_, Outside> {
        self.outside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the indices of some ids so that those with the same beginning come after each other.
fn neighbours(ids: &[&[u8]]) -> Vec<u32> {
    const BEGINNINGS: usize = 1 << 12;
    let beginning = |id: &[u8]| usize::from(u16::from_be_bytes([id[0], id[1]]) >> 4);
    let lists = Lists::of(BEGINNINGS, || {
        ids.iter().zip(0..).map(|(id, index)| (beginning(id) as u32, index))
    });
    lists.into_parts().1
}
