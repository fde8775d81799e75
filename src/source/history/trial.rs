//! Looks at every blob of the packs before it is known which of them the history holds.
//!
//! Nearly all of them it does hold, and in nearly all of them there is nothing. So nobody has to wait until
//! commits and trees are read: what is found clean is only counted later, and the rest is read once more.

use std::sync::atomic::{AtomicU32, Ordering};

use git2::{ObjectType, Oid};

use super::contents::Contents;
use super::deliver::Deliver;
use super::number::NumberBits;
use super::numbers::{Number, Numbers};
use super::remembered::Clean;
use crate::source::pack::{self, Node, Pack, Visit, prefetch};
use crate::source::{Blob, Copied, Kind, Lineage, Memory, Place};

/// What came of the blobs of all packs.
#[derive(Default)]
pub(super) struct Trial {
    /// By number: one more than the size of a blob in which there is nothing; else zero.
    sizes: Vec<AtomicU32>,
}

impl Trial {
    /// Looks at every blob but those that are known to be clean.
    pub(super) fn of(
        numbers: &Numbers<'_>,
        deliver: &Deliver<'_>,
        known: &Clean,
        max_bytes: u64,
        whole_blobs: bool,
    ) -> Self {
        let sizes = (0..numbers.packed()).map(|_| AtomicU32::new(0)).collect();
        let trial = Self { sizes };
        for (pack, first) in numbers.packs() {
            let looker = Looker { trial: &trial, numbers, deliver, pack, first, whole_blobs };
            let mut wanted = pack.of_kind(ObjectType::Blob);
            wanted.retain(|node| looker.is_first(*node));
            if !known.is_empty() {
                wanted.retain(|node| known.size(pack.oid(*node)).is_none());
            }
            pack::walk(pack, ObjectType::Blob, max_bytes, &wanted, &looker);
        }
        trial
    }

    /// Returns the size of a blob if there is nothing in it.
    pub(super) fn clean(&self, blob: Number) -> Option<u32> {
        self.sizes.get(blob as usize)?.load(Ordering::Relaxed).checked_sub(1)
    }

    /// Returns the clean blobs that are not among the contents of the history, with their sizes: they need not
    /// be looked at again either.
    pub(super) fn unreached(&self, numbers: &Numbers<'_>, contents: &Contents) -> Vec<(Oid, u32)> {
        let reached: NumberBits = contents.blobs.iter().copied().collect();
        let others = (0..self.sizes.len() as Number).filter(|blob| !reached.contains(*blob));
        others.filter_map(|blob| Some((numbers.oid(blob), self.clean(blob)?))).collect()
    }
}

/// Looks at the blobs of a pack.
struct Looker<'a> {
    trial: &'a Trial,
    numbers: &'a Numbers<'a>,
    deliver: &'a Deliver<'a>,
    pack: &'a Pack,
    /// The number of its first object.
    first: Number,
    whole_blobs: bool,
}

impl Looker<'_> {
    fn number(&self, node: Node) -> Number {
        self.numbers.number_of(self.pack, self.first, node)
    }

    /// Returns whether no pack before this one has an object, too.
    fn is_first(&self, node: Node) -> bool {
        self.first == 0 || self.number(node) >= self.first
    }
}

impl Visit for Looker<'_> {
    type Memory = Option<Memory>;

    fn visit(
        &self,
        node: Node,
        bytes: &[u8],
        base: Option<(&Option<Memory>, &[Copied])>,
    ) -> Option<Memory> {
        let places = [Place::new(Kind::Blob, None)];
        let lineage = Lineage::onto(base);
        let mut blob = Blob::new(bytes, &places);
        blob.lineage = (!self.whole_blobs).then_some(&lineage);
        let size = self.deliver.clean_blob(blob).and_then(|size| size.checked_add(1));
        if let Some(size) = size {
            self.trial.sizes[self.number(node) as usize].store(size, Ordering::Relaxed);
        }
        lineage.into_memory()
    }

    fn expect(&self, node: Node) {
        prefetch(&self.trial.sizes[(self.first + node) as usize]);
    }
}
