//! What the next commit would add: of the index, what no commit has that the next one is made on.
//!
//! That is the last commit, and in a merge also the commits that are merged: what they bring is theirs,
//! and what the resolution adds is new. Of a file that is changed only the new lines count, unless whole
//! files are asked for; the blob is read whole all the same, so that what stands in a new line is found
//! together with what it belongs to. Where a pointer of git LFS is staged, so is the file behind it.

mod changes;

use std::ops::Range;
use std::path::PathBuf;

use git2::ObjectType;
use rayon::prelude::*;

use super::lfs::{self, Lfs};
use super::lines::{is_binary, new_lines};
use super::repository::{Index, Objects, merged, open_repository};
use super::tally::Tally;
use super::{Blob, Counted, Coverage, DEFAULT_MAX_BYTES, Error, Kind, Place, Repository, Source};
use changes::{Change, changes};

/// With fewer changed files than these no threads are started.
const FEW: usize = 4;

/// The staged files of a repository, as they are staged and not as they are in the worktree.
#[derive(Clone, Debug)]
pub struct Staged {
    path: PathBuf,
    index: Option<PathBuf>,
    whole_files: bool,
    max_bytes: u64,
}

impl Staged {
    /// Returns what is staged in the repository that `path` is in.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), index: None, whole_files: false, max_bytes: DEFAULT_MAX_BYTES }
    }

    /// Sets which index file is read. `git commit FILE` and `git commit --all` make one of their own
    /// and name it to the hook in `GIT_INDEX_FILE`.
    #[must_use]
    pub fn index(mut self, file: impl Into<PathBuf>) -> Self {
        self.index = Some(file.into());
        self
    }

    /// Sets whether all lines of a changed file count, and not only the new ones.
    #[must_use]
    pub fn whole_files(mut self, whole_files: bool) -> Self {
        self.whole_files = whole_files;
        self
    }

    /// Sets how large a blob may be to be read, in bytes.
    #[must_use]
    pub fn max_bytes(mut self, max_bytes: u64) -> Self {
        self.max_bytes = max_bytes;
        self
    }
}

impl Staged {
    /// Returns which index file is read, though before anything is staged there is none.
    fn index_of(&self, repository: &Repository) -> Result<PathBuf, Error> {
        if let Some(named) = &self.index {
            return Ok(named.clone());
        }
        let index = repository.path().join("index");
        match repository.workdir().is_some() || index.exists() {
            true => Ok(index),
            false => Err(Error::NoIndex { path: repository.path().components().collect() }),
        }
    }
}

impl Source for Staged {
    fn walk(&self, visit: &(dyn Fn(Blob<'_>) + Sync)) -> Result<Coverage, Error> {
        let repository = open_repository(&self.path)?;
        let objects = Objects::open_lazily(&repository, &[], self.max_bytes)?;
        let index = Index::read(&self.index_of(&repository)?, repository.id_bytes())?;
        let mut changed = changes(&objects, &index, &merged(&repository));
        if !self.whole_files {
            changed.follow_renames(&objects);
        }
        let lfs = Lfs::of(&repository, self.max_bytes);
        let whole_files = self.whole_files;
        let reader = Reader { objects: &objects, lfs: &lfs, whole_files, visit };
        let tally = Tally::default();
        match changed.list.len() {
            // For a few files other threads cost more than they bring, and a commit waits for them.
            ..FEW => changed.list.iter().for_each(|change| reader.read(change, &tally)),
            _ => changed.list.par_iter().for_each(|change| reader.read(change, &tally)),
        }
        lfs.gap().into_iter().for_each(|gap| tally.gap(gap));
        Ok(tally.finish())
    }
}

/// Reads what has changed, and hands it out.
struct Reader<'a> {
    objects: &'a Objects,
    lfs: &'a Lfs,
    whole_files: bool,
    visit: &'a (dyn Fn(Blob<'_>) + Sync),
}

impl Reader<'_> {
    fn read(&self, change: &Change, tally: &Tally) {
        let path = String::from_utf8_lossy(&change.path).into_owned();
        let bytes = match self.objects.read(change.blob, ObjectType::Blob) {
            Ok(bytes) => bytes,
            Err(why) => {
                return tally.gap(why.gap(format!("staged blob {} ({path})", change.blob)));
            }
        };
        let mut place = Place::new(Kind::Staged, path);
        place.blob = Some(change.blob.to_string());
        let places = [place];
        let is_new = self.hand(&bytes, &places, &self.earlier(change), tally);
        let Some(id) = lfs::pointer(&bytes).filter(|_| is_new) else { return };
        match self.lfs.behind(id, &places) {
            Ok(Some(file)) => {
                let earlier = self.earlier(change).into_iter();
                let earlier: Vec<_> = earlier.map(|earlier| self.lfs.resolve(earlier)).collect();
                self.hand(&file.bytes, &file.places, &earlier, tally);
            }
            Ok(None) => {}
            Err((what, why)) => tally.gap(why.gap(what)),
        }
    }

    /// Hands out a file that had these versions before; returns whether anything in it is new.
    fn hand(&self, bytes: &[u8], places: &[Place], earlier: &[Vec<u8>], tally: &Tally) -> bool {
        let new = match self.whole_files || is_binary(bytes) {
            true => None,
            false => changed_lines(bytes, earlier),
        };
        let mut blob = Blob::new(bytes, places);
        blob.counted = new.as_ref().map(|new| new as &dyn Counted);
        // Where only lines were taken out there is nothing to look for.
        let is_new = new.as_ref().is_none_or(|new| !new.is_empty());
        if is_new {
            tally.hand(blob, self.visit);
        }
        is_new
    }

    /// Reads what stood there before. A version that can't be read counts as not there: then more is scanned
    /// than need be.
    fn earlier(&self, change: &Change) -> Vec<Vec<u8>> {
        let blobs = change.earlier.iter().filter(|_| !self.whole_files);
        blobs.filter_map(|blob| self.objects.read(*blob, ObjectType::Blob).ok()).collect()
    }
}

/// Returns where lines are new, or none where all are.
fn changed_lines(bytes: &[u8], earlier: &[Vec<u8>]) -> Option<Vec<Range<usize>>> {
    let earlier = earlier.iter().map(Vec::as_slice).filter(|earlier| !is_binary(earlier));
    let earlier: Vec<&[u8]> = earlier.collect();
    (!earlier.is_empty()).then(|| new_lines(bytes, &earlier))
}
