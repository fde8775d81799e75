//! What is done with each object of a pack as it is made: it is handed out, and noted as handed out.

use std::sync::atomic::{AtomicBool, Ordering};

use git2::Oid;
use rayon::prelude::*;

use super::number::NumberMap;
use super::reader::Reader;
use crate::source::pack::{Node, Pack, Visit};
use crate::source::{Blob, Copied, Kind, Lineage, Memory};

/// Which objects of a list were handed out.
pub(super) struct Handed(Vec<AtomicBool>);

impl Handed {
    /// Returns that of so many objects none was.
    pub(super) fn none_of(length: usize) -> Self {
        Self((0..length).map(|_| AtomicBool::new(false)).collect())
    }

    /// Returns the objects of the list that were not yet handed out and are in a pack.
    pub(super) fn wanted(&self, pack: &Pack, list: impl Iterator<Item = Oid>) -> Wanted {
        let left = list.enumerate().filter(|(index, _)| !self.is_handed(*index));
        Wanted(left.filter_map(|(index, oid)| Some((pack.find(oid)?, index))).collect())
    }

    /// Hands the index of each object that was not handed out to `work`, from several threads.
    pub(super) fn each_other(&self, work: impl Fn(usize) + Sync) {
        let left = (0..self.0.len()).into_par_iter().filter(|index| !self.is_handed(*index));
        left.for_each(&work);
    }

    fn is_handed(&self, index: usize) -> bool {
        self.0[index].load(Ordering::Relaxed)
    }

    fn note(&self, index: usize) {
        self.0[index].store(true, Ordering::Relaxed);
    }
}

/// Objects of a pack, and the index of each in a list.
pub(super) struct Wanted(NumberMap<Node, usize>);

impl Wanted {
    pub(super) fn nodes(&self) -> Vec<Node> {
        self.0.keys().copied().collect()
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
        let index = *self.wanted.0.get(&node)?;
        let reader = self.reader;
        let places = reader.places(&reader.contents.blobs[index]);
        let known = base.and_then(|(memory, copies)| Some((memory.as_ref()?, copies)));
        let lineage = Lineage::of(known);
        let mut blob = Blob::new(bytes, &places);
        blob.lineage = (!reader.whole_blobs).then_some(&lineage);
        reader.hand(&reader.contents.blobs[index], blob);
        self.handed.note(index);
        lineage.memory.into_inner()
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
        if let Some(&index) = self.wanted.0.get(&node) {
            let commit = &self.reader.commits.commits[index];
            let reader = self.reader;
            if reader.hand_message(Kind::CommitMessage, commit.oid, &commit.written, bytes) {
                reader.note(|found| found.commits.push(index as u32));
            }
            self.handed.note(index);
        }
    }
}
