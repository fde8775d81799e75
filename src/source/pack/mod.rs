//! Packs, read as what they are: forests of objects stored as differences from each other.
//!
//! Takes the pack files of a repository; gives objects one by one ([`Reader`]) or all that are wanted
//! in one walk, each made from the one before ([`walk()`]). What can't be read here (an index of an old
//! version, a base in another pack, damage) is none, and whoever asked turns to libgit2, which says
//! what is wrong with it.
//!
//! Why not libgit2 for all: it gives objects one by one, and every one of a long chain of differences
//! is made from its beginning; nor does it show what a version shares with the one it is made from.
//! Why not gix-pack, which walks a pack by its differences as well: it hands out whole objects and keeps
//! the instructions to itself, so what is new in a version, the one thing a scan needs, would have to be
//! found anew; and no memory could pass from a base to what is made of it. An index, a head and an
//! instruction are little to read; what asks for a library (references, configuration, the index file,
//! objects that these rooms can't make) is libgit2's.
//!
//! A pack is mapped when it is opened, so one that git replaces meanwhile is read to its end; what was
//! not opened yet is found again by libgit2, in whatever pack it lies by then.

mod delta;
mod entry;
mod forest;
mod index;
mod inflate;
mod lists;
mod map;
mod prefetch;
mod reader;
mod walk;

pub(super) use lists::Lists;
pub(crate) use prefetch::prefetch;
pub(super) use reader::Reader;
pub(super) use walk::{Visit, walk};

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use git2::{ObjectType, Oid};

use entry::{Entry, Stored};
use forest::Forest;
use index::Index;
use map::Mapped;

/// Why an object could not be read from its pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken(&'static str);

/// The number of an object in its pack, in the order in which they stand there.
pub(super) type Node = u32;

/// A pack and its index.
#[derive(Debug)]
pub(super) struct Pack {
    index: Index,
    bytes: Mapped,
    forest: OnceLock<Forest>,
}

/// So much of memory comes at once.
const CACHE_LINE_BYTES: usize = 64;
/// What is behind that is asked for by the processor itself.
const MAX_EXPECTED_BYTES: usize = 1024;
/// git makes no chain of differences longer than this.
const MAX_CHAIN: usize = 4096;

impl Pack {
    /// Opens every pack in these object folders, whose ids have so many bytes. One that can't be opened is left to libgit2.
    pub(super) fn open_all(object_folders: &[PathBuf], id_bytes: usize) -> Vec<Self> {
        let folders = object_folders.iter().map(|folder| folder.join("pack"));
        let entries = folders.flat_map(|folder| fs::read_dir(folder).into_iter().flatten());
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "idx"));
        paths.sort();
        paths.iter().filter_map(|path| Self::open(path, id_bytes).ok()).collect()
    }

    fn open(index: &Path, id_bytes: usize) -> Result<Self, String> {
        let pack = index.with_extension("pack");
        let bytes = Mapped::open(&pack).map_err(|error| error.to_string())?;
        Ok(Self { index: Index::open(index, id_bytes)?, bytes, forest: OnceLock::new() })
    }

    /// Returns the object of that id.
    pub(super) fn find(&self, oid: Oid) -> Option<Node> {
        self.index.find(oid.as_bytes()).map(|number| self.node(number as u32))
    }

    /// Returns the number in the order of the ids of the object of that id. Whoever asks for its
    /// [node](Self::node) soon need not wait.
    pub(super) fn number(&self, id: &[u8]) -> Option<u32> {
        let number = self.index.find(id)?;
        prefetch(self.forest().node(number));
        Some(number as u32)
    }

    /// Looks where it is said where an id would stand, so that whoever approaches it soon need not wait.
    pub(super) fn approach_start(&self, id: &[u8]) {
        self.index.approach_start(id);
    }

    /// Looks where an id would stand, so that whoever looks for it soon need not wait.
    pub(super) fn approach(&self, id: &[u8]) {
        self.index.approach(id);
    }

    /// Returns the object of that number in the order of the ids.
    pub(super) fn node(&self, number: u32) -> Node {
        *self.forest().node(number as usize)
    }

    /// Returns whether an object is in it.
    pub(super) fn has(&self, oid: Oid) -> bool {
        self.index.find(oid.as_bytes()).is_some()
    }

    /// Returns the checksum of its bytes, as the index knows it.
    pub(super) fn checksum(&self) -> &[u8] {
        self.index.checksum_of_pack()
    }

    /// Returns whether the heads of an object and of those it is made from make sense. True where they are
    /// not in this pack. libgit2's binding can't be asked about an object whose head does not.
    pub(super) fn has_sound_heads(&self, oid: Oid) -> bool {
        let place =
            |oid: Oid| self.index.find(oid.as_bytes()).map(|number| self.index.offset(number));
        let mut next = place(oid);
        for _ in 0..MAX_CHAIN {
            let Some(offset) = next else { return true };
            let Some(entry) = offset.and_then(|offset| self.entry_at(offset)) else { return false };
            next = match entry.stored {
                Stored::Whole(_) => return true,
                Stored::OffsetDelta(distance) => {
                    Some(offset.and_then(|offset| offset.checked_sub(distance)))
                }
                Stored::RefDelta(base) => place(base),
            };
        }
        false
    }

    fn entry_at(&self, offset: u64) -> Option<Entry> {
        let end = self.bytes.len().checked_sub(self.index.id_bytes())?;
        Entry::parse(self.bytes[..end].get(usize::try_from(offset).ok()?..)?, self.index.id_bytes())
    }

    /// Returns how many bytes an id has.
    pub(super) fn id_bytes(&self) -> usize {
        self.index.id_bytes()
    }

    /// Returns how many bytes it has.
    pub(super) fn byte_count(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Returns how many objects there are.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// Returns the ids of all objects.
    pub(super) fn oids(&self) -> impl Iterator<Item = Oid> {
        (0..self.index.len()).map(|number| self.index.oid(number))
    }

    /// Returns the id of an object.
    pub(super) fn oid(&self, node: Node) -> Oid {
        self.index.oid(self.forest().number(node))
    }

    /// Returns every object of a kind.
    pub(super) fn of_kind(&self, kind: ObjectType) -> Vec<Node> {
        let kinds = self.kinds().iter().zip(0..);
        kinds.filter(|(found, _)| **found == Some(kind)).map(|(_, node)| node).collect()
    }

    /// Returns of what kind each object is; none where its head, or that of one it is made from, makes no
    /// sense.
    pub(super) fn kinds(&self) -> &[Option<ObjectType>] {
        self.forest().kinds()
    }

    /// Returns how its objects are made of each other; the head of each is read for that when it is
    /// first asked.
    fn forest(&self) -> &Forest {
        self.forest.get_or_init(|| Forest::of(&self.index, &self.bytes))
    }

    /// Says that it will be said soon that an object will be read soon: where it lies must be waited for, too.
    fn approach_node(&self, node: Node) {
        prefetch(self.forest().object(node));
    }

    /// Says that an object will be read soon: it lies somewhere, and its bytes must be waited for.
    fn expect(&self, node: Node) {
        let forest = self.forest();
        forest.expect_children(node);
        let bytes = self.bytes.get(forest.range(node)).unwrap_or_default();
        let lines = bytes[..bytes.len().min(MAX_EXPECTED_BYTES)].iter().step_by(CACHE_LINE_BYTES);
        lines.for_each(prefetch);
    }

    /// Reads the head of an object, and returns the compressed data behind it.
    fn entry(&self, node: Node) -> Result<(Entry, &[u8]), Broken> {
        let forest = self.forest();
        let range = forest.range(node);
        let bytes = self.bytes.get(range).ok_or(Broken("the pack is cut off before it"))?;
        if libdeflater::crc32(bytes) != forest.checksum(node) {
            return Err(Broken("its bytes are not those that the index knows"));
        }
        let entry =
            Entry::parse(bytes, self.index.id_bytes()).ok_or(Broken("its head makes no sense"))?;
        Ok((entry, &bytes[entry.head_length..]))
    }
}
