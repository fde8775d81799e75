//! What is done with each object of a pack as it is made: it is handed out, and noted as handed out.

use std::sync::atomic::{AtomicU32, Ordering};

use git2::ObjectType;
use rayon::prelude::*;

use super::deliver::Fate;
use super::reader::{Reader, message_place};
use super::written::Written;
use crate::source::pack::{Node, Pack, Visit};
use crate::source::{Blob, Copied, Kind, Lineage, Memory};

/// Which objects of a list were handed out, and what came of each.
pub(super) struct Handed(Vec<AtomicU32>);

/// It was not handed out, or could not be read.
const NOT_HANDED: u32 = 0;
/// Something was found in it.
const NOTED: u32 = 1;
/// Nothing was found, but something may be another time.
const UNSETTLED: u32 = 2;
/// It is to be handed out again.
const PUT_OFF: u32 = 3;
/// Nothing was found; what is more than this is its size.
const CLEAN: u32 = 4;

impl Handed {
    /// Returns that of so many objects none was.
    pub(super) fn none_of(length: usize) -> Self {
        Self((0..length).map(|_| AtomicU32::new(NOT_HANDED)).collect())
    }

    /// Returns the objects of the list that were not yet handed out and are in a pack: those that have a
    /// `node` there.
    pub(super) fn wanted(&self, pack: &Pack, node: impl Fn(usize) -> Option<Node>) -> Wanted {
        let left = (0..self.0.len()).filter(|index| !self.is_handed(*index));
        let mut wanted = Wanted { nodes: Vec::new(), indices: vec![0; pack.len()] };
        for (node, index) in left.filter_map(|index| Some((node(index)?, index))) {
            wanted.nodes.push(node);
            wanted.indices[node as usize] = index as u32 + 1;
        }
        wanted
    }

    /// Hands the index of each object that was not handed out to `work`, from several threads.
    pub(super) fn each_other(&self, work: impl Fn(usize) + Sync) {
        let left = (0..self.0.len()).into_par_iter().filter(|index| !self.is_handed(*index));
        left.for_each(&work);
    }

    /// Notes what came of an object where it was handed out, and else that it will be.
    pub(super) fn note_early(&self, index: usize, fate: Option<Fate>) {
        match fate {
            Some(fate) => self.note(index, fate),
            None => self.0[index].store(PUT_OFF, Ordering::Relaxed),
        }
    }

    /// Returns the indices of those that are to be handed out again.
    pub(super) fn put_off(&self) -> impl Iterator<Item = u32> {
        self.having(|fate| fate == PUT_OFF)
    }

    /// Returns the indices of those in which something was found.
    pub(super) fn noted(&self) -> impl Iterator<Item = u32> {
        self.having(|fate| fate == NOTED)
    }

    /// Returns the indices of those that must be read another time.
    pub(super) fn unsettled(&self) -> impl Iterator<Item = u32> {
        self.having(|fate| fate == NOTED || fate == UNSETTLED)
    }

    /// Returns the indices and sizes of those in which nothing was found.
    pub(super) fn clean(&self) -> impl Iterator<Item = (usize, u32)> {
        let fates = self.0.iter().map(|fate| fate.load(Ordering::Relaxed)).enumerate();
        fates.filter_map(|(index, fate)| Some((index, fate.checked_sub(CLEAN)?)))
    }

    fn having(&self, is_wanted: impl Fn(u32) -> bool) -> impl Iterator<Item = u32> {
        let fates = (0..).zip(&self.0);
        let wanted = fates.filter(move |(_, fate)| is_wanted(fate.load(Ordering::Relaxed)));
        wanted.map(|(index, _)| index)
    }

    fn is_handed(&self, index: usize) -> bool {
        self.0[index].load(Ordering::Relaxed) != NOT_HANDED
    }

    /// Notes what came of an object.
    pub(super) fn note(&self, index: usize, fate: Fate) {
        let clean = fate.clean.and_then(|size| size.checked_add(CLEAN));
        let fate = if fate.is_noted { NOTED } else { clean.unwrap_or(UNSETTLED) };
        self.0[index].store(fate, Ordering::Relaxed);
    }
}

/// Objects of a pack, and the index of each in a list.
pub(super) struct Wanted {
    pub(super) nodes: Vec<Node>,
    /// By node: one more than its index, or nothing.
    indices: Vec<u32>,
}

impl Wanted {
    fn index(&self, node: Node) -> Option<usize> {
        self.indices[node as usize].checked_sub(1).map(|index| index as usize)
    }
}

/// Hands out blobs, each with what was remembered of its base.
pub(super) struct Blobs<'a> {
    pub(super) reader: &'a Reader<'a>,
    pub(super) wanted: &'a Wanted,
    pub(super) handed: &'a Handed,
}

impl Visit for Blobs<'_> {
    type Memory = Option<Memory>;

    fn visit(
        &self,
        node: Node,
        bytes: &[u8],
        base: Option<(&Option<Memory>, &[Copied])>,
    ) -> Option<Memory> {
        let index = self.wanted.index(node)?;
        let reader = self.reader;
        let places = [reader.nowhere(reader.contents.blobs[index])];
        let lineage = Lineage::onto(base);
        let mut blob = Blob::new(bytes, &places);
        blob.lineage = (!reader.whole_blobs).then_some(&lineage);
        self.handed.note_early(index, reader.deliver.early(blob));
        lineage.into_memory()
    }
}

/// Hands out the messages of commits.
pub(super) struct Messages<'a> {
    pub(super) reader: &'a Reader<'a>,
    pub(super) wanted: &'a Wanted,
    pub(super) handed: &'a Handed,
}

impl Visit for Messages<'_> {
    type Memory = ();

    fn visit(&self, node: Node, bytes: &[u8], _: Option<(&(), &[Copied])>) {
        if let Some(index) = self.wanted.index(node) {
            let oid = self.reader.oid(self.reader.commits.commits[index].number);
            let written = Written::of(ObjectType::Commit, bytes);
            let place = message_place(Kind::CommitMessage, oid, &written);
            self.handed.note(index, self.reader.deliver.message(place, bytes));
        }
    }
}
