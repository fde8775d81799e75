//! What the next commit would add: the blobs of the index that the last commit doesn't have.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::rc::Rc;

use git2::{Index, IndexEntry, ObjectType, Oid};
use rayon::prelude::*;

use super::repository::{Commit, EntryKind, Objects, entries, head, open_repository};
use super::tally::Tally;
use super::{Blob, Coverage, DEFAULT_MAX_BYTES, Error, Kind, Place, Repository, Source};

/// Set on an entry of `git add --intent-to-add`: a path without content so far.
const INTENT_TO_ADD: u16 = 1 << 13;

/// The staged files of a repository, as they are staged and not as they are in the worktree.
#[derive(Clone, Debug)]
pub struct Staged {
    path: PathBuf,
    index: Option<PathBuf>,
    max_bytes: u64,
}

impl Staged {
    /// Returns what is staged in the repository that `path` is in.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), index: None, max_bytes: DEFAULT_MAX_BYTES }
    }

    /// Sets which index file is read. `git commit FILE` and `git commit --all` make one of their own
    /// and name it to the hook in `GIT_INDEX_FILE`.
    #[must_use]
    pub fn index(mut self, file: impl Into<PathBuf>) -> Self {
        self.index = Some(file.into());
        self
    }

    /// Sets how large a blob may be to be read, in bytes.
    #[must_use]
    pub fn max_bytes(mut self, max_bytes: u64) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    fn read_index(&self, repository: &Repository) -> Result<Index, Error> {
        let default = || repository.path().join("index");
        let path = self.index.clone().unwrap_or_else(default);
        Index::open(&path).map_err(|error| Error::Git { path, why: error.message().to_owned() })
    }
}

impl Source for Staged {
    fn walk(&self, visit: &(dyn Fn(Blob<'_>) + Sync)) -> Result<Coverage, Error> {
        let repository = open_repository(&self.path)?;
        let objects = Objects::open(&repository, self.max_bytes)?;
        let index = self.read_index(&repository)?;
        let blobs = staged(&index, &mut Head::new(&repository, &objects));
        let tally = Tally::default();
        blobs.par_iter().for_each(|(oid, places)| match objects.read(*oid, ObjectType::Blob) {
            Ok(bytes) => {
                let blob = Blob::new(&bytes, places);
                tally.hand(blob, visit);
            }
            Err(why) => {
                let path = places[0].path.as_deref().unwrap_or_default();
                tally.gap(why.gap(format!("staged blob {oid} ({path})")));
            }
        });
        Ok(tally.finish())
    }
}

/// Returns every blob that is staged and not committed, with its places.
fn staged(index: &Index, head: &mut Head<'_>) -> BTreeMap<Oid, Vec<Place>> {
    let mut blobs: BTreeMap<Oid, Vec<Place>> = BTreeMap::new();
    for entry in index.iter().filter(has_content) {
        // An unmerged entry has a stage: what a conflict left is no commit's yet.
        let is_unmerged = entry.flags >> 12 & 3 != 0;
        if is_unmerged || head.blob(&entry.path) != Some(entry.id) {
            let path = String::from_utf8_lossy(&entry.path).into_owned();
            let mut place = Place::new(Kind::Staged, path);
            place.blob = Some(entry.id.to_string());
            blobs.entry(entry.id).or_default().push(place);
        }
    }
    for places in blobs.values_mut() {
        places.sort();
        places.dedup();
    }
    blobs
}

fn has_content(entry: &IndexEntry) -> bool {
    EntryKind::of_mode(entry.mode) == EntryKind::Blob && entry.flags_extended & INTENT_TO_ADD == 0
}

/// The tree of the last commit, read as far as it is asked for.
///
/// What can't be read counts as not there: then more is scanned than need be, and nothing is left out.
struct Head<'a> {
    objects: &'a Objects,
    root: Option<Oid>,
    folders: HashMap<Oid, Rc<Folder>>,
}

type Folder = HashMap<Vec<u8>, (EntryKind, Oid)>;

impl<'a> Head<'a> {
    fn new(repository: &Repository, objects: &'a Objects) -> Self {
        let root = head(repository).and_then(|oid| {
            let bytes = objects.read(oid, ObjectType::Commit).ok()?;
            Some(Commit::parse(&bytes)?.tree)
        });
        Self { objects, root, folders: HashMap::new() }
    }

    /// Returns the blob at a path.
    fn blob(&mut self, path: &[u8]) -> Option<Oid> {
        let mut current = (EntryKind::Tree, self.root?);
        for name in path.split(|byte| *byte == b'/') {
            let (EntryKind::Tree, oid) = current else {
                return None;
            };
            current = *self.folder(oid).get(name)?;
        }
        (current.0 == EntryKind::Blob).then_some(current.1)
    }

    fn folder(&mut self, oid: Oid) -> Rc<Folder> {
        let objects = self.objects;
        let folder = self.folders.entry(oid).or_insert_with(|| {
            let bytes = objects.read(oid, ObjectType::Tree).unwrap_or_default();
            let entries = entries(&bytes).map_while(Result::ok);
            let named = entries.map(|entry| (entry.name.to_owned(), (entry.kind, entry.oid)));
            Rc::new(named.collect())
        });
        Rc::clone(folder)
    }
}
