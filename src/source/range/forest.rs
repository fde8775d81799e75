//! Blobs of a long range, read from their packs: each made from the one it is stored as a difference from,
//! and searched only where it differs.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use git2::ObjectType;

use super::Reader;
use super::blobs::Found;
use super::counted::NewLines;
use crate::source::pack::{self, Node, Visit};
use crate::source::{Blob, Copied, Lineage, Memory};

/// For fewer blobs it costs more to learn how a pack hangs together than it saves.
const MANY: usize = 1000;

/// Hands out what can be read from the packs, and returns what is left.
pub(super) fn read_packed<'a>(blobs: &'a [Found], reader: &Reader<'_>) -> Vec<&'a Found> {
    let handed: Vec<_> = blobs.iter().map(|_| AtomicBool::new(false)).collect();
    let is_left = |index: usize| !handed[index].load(Ordering::Relaxed);
    for pack in reader.objects.packs().iter().filter(|_| blobs.len() >= MANY) {
        let left = blobs.iter().enumerate().filter(|(index, _)| is_left(*index));
        let wanted: HashMap<Node, usize> =
            left.filter_map(|(index, found)| Some((pack.find(found.oid)?, index))).collect();
        let nodes: Vec<Node> = wanted.keys().copied().collect();
        let visitor = Blobs { reader, blobs, wanted, handed: &handed };
        pack::walk(pack, ObjectType::Blob, reader.max_bytes, &nodes, &visitor);
    }
    let all = blobs.iter().enumerate();
    all.filter(|(index, _)| is_left(*index)).map(|(_, found)| found).collect()
}

/// Hands out the blobs of a pack, each with what was remembered of its base.
struct Blobs<'a> {
    reader: &'a Reader<'a>,
    blobs: &'a [Found],
    /// Which blob an object of the pack is.
    wanted: HashMap<Node, usize>,
    handed: &'a [AtomicBool],
}

impl Visit for Blobs<'_> {
    type Memory = Option<Memory>;

    fn visit(
        &self,
        node: Node,
        bytes: &[u8],
        base: Option<(&Option<Memory>, &[Copied])>,
    ) -> Option<Memory> {
        let index = *self.wanted.get(&node)?;
        let places = self.reader.places(&self.blobs[index]);
        let lineage = Lineage::onto(base);
        let mut blob = Blob::new(bytes, &places);
        blob.lineage = Some(&lineage);
        let lines = NewLines::of(self.reader, &self.blobs[index], bytes);
        blob.counted = self.reader.counted(&lines);
        self.reader.gaps.tally.hand(blob, self.reader.visit);
        self.reader.behind_pointer(&self.blobs[index], bytes, &places);
        self.handed[index].store(true, Ordering::Relaxed);
        lineage.memory.into_inner()
    }
}
