//! The whole history of a repository: every blob and message that a reference reaches.
//!
//! Commits are read first and put in order, oldest first; then their trees, each once at each path, so
//! that every blob knows the first commit that held it at each of its paths; then the blobs, in
//! parallel. Only the ids are kept in memory, never the blobs.
//!
//! What stands in a pack is read by the [`pack`] room, each object made from the one it is stored as a
//! difference from; what can't be read there is left to libgit2, object by object.

mod commits;
mod contents;
mod listing;
mod names;
mod number;
mod paths;
mod store;
mod trees;
mod visit;

use std::path::PathBuf;

use git2::{ObjectType, Oid};
use rayon::prelude::*;

use super::pack;
use super::repository::{Objects, Unreadable, broken_packs, message, open_repository, tips};
use super::tally::Tally;
use super::{Blob, Coverage, DEFAULT_MAX_BYTES, Error, Gap, Kind, Place, Repository, Source};
use commits::{Commits, Written};
use contents::{Contents, Found};
use store::Store;
use trees::Trees;
use visit::{Blobs, Handed, Messages};

/// How many paths a history may have that are all listed. A small repository of trees within trees has
/// paths without number; they must not fill the memory.
const MAX_PATHS: usize = 2_000_000;

/// Everything that any reference of a repository reaches: branches, tags, notes, stashes, heads.
#[derive(Clone, Debug)]
pub struct History {
    path: PathBuf,
    max_bytes: u64,
    max_paths: usize,
    whole_blobs: bool,
}

impl History {
    /// Returns the history of the repository that `path` is in.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            max_bytes: DEFAULT_MAX_BYTES,
            max_paths: MAX_PATHS,
            whole_blobs: false,
        }
    }

    /// Sets whether each blob is handed out as if it stood alone. The same is found, more slowly.
    #[must_use]
    pub fn whole_blobs(mut self, whole_blobs: bool) -> Self {
        self.whole_blobs = whole_blobs;
        self
    }

    /// Sets how large an object may be to be read, in bytes.
    #[must_use]
    pub fn max_bytes(mut self, max_bytes: u64) -> Self {
        self.max_bytes = max_bytes;
        self
    }
}

impl Source for History {
    fn walk(&self, visit: &(dyn Fn(Blob<'_>) + Sync)) -> Result<Coverage, Error> {
        let repository = open_repository(&self.path)?;
        let gaps = Gaps::new(&repository);
        let objects = Objects::open(&repository, self.max_bytes)?;
        let (tips, broken) = tips(&repository);
        broken.into_iter().for_each(|gap| gaps.tally.gap(gap));
        let store = || Store::new(&objects, self.max_bytes);
        let shallow = repository.shallow_commits();
        let (commits, trees) = rayon::join(
            || Commits::collect(&store(), &tips, &shallow, &gaps),
            || Trees::of(objects.packs(), self.max_bytes),
        );
        let contents = Contents::collect(&store(), trees, &commits, self.max_paths, &gaps);
        let reader = Reader {
            objects: &objects,
            commits: &commits,
            contents: &contents,
            gaps: &gaps,
            max_bytes: self.max_bytes,
            whole_blobs: self.whole_blobs,
            visit,
        };
        reader.read_all();
        Ok(gaps.finish())
    }
}

/// Collects the gaps of a history, and says once what would otherwise be said of every object.
struct Gaps {
    tally: Tally,
    /// Where the repository is a partial clone: the objects left at its remote.
    elsewhere: Option<std::sync::Mutex<Vec<String>>>,
    is_shallow: bool,
}

impl Gaps {
    fn new(repository: &Repository) -> Self {
        let tally = Tally::default();
        let shallow = repository.shallow_commits();
        if let Some(first) = shallow.iter().min() {
            tally.gap(Gap {
                what: format!("the history before {} commits, such as {first}", shallow.len()),
                why: "the repository is a shallow clone".to_owned(),
                remedy: "run `git fetch --unshallow`".to_owned(),
            });
        }
        broken_packs(repository).into_iter().for_each(|gap| tally.gap(gap));
        Self {
            tally,
            elsewhere: repository.is_partial_clone().then(Default::default),
            is_shallow: !shallow.is_empty(),
        }
    }

    /// Notes an object that could not be read.
    fn object(&self, what: String, why: Unreadable) {
        match (&self.elsewhere, why) {
            (Some(elsewhere), Unreadable::Absent) => {
                elsewhere.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(what)
            }
            (None, why @ Unreadable::Absent) if self.is_shallow => {
                let mut gap = why.gap(what);
                gap.remedy = format!("run `git fetch --unshallow`; if it persists, {}", gap.remedy);
                self.tally.gap(gap);
            }
            (_, why) => self.tally.gap(why.gap(what)),
        }
    }

    fn finish(self) -> Coverage {
        let elsewhere = self.elsewhere.unwrap_or_default().into_inner();
        let elsewhere = elsewhere.unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(first) = elsewhere.iter().min() {
            let others = match elsewhere.len() {
                1 => String::new(),
                many => format!(" and {} more objects", many - 1),
            };
            self.tally.gap(Gap {
                what: format!("{first}{others}"),
                why: "the repository is a partial clone, which left them at its remote".to_owned(),
                remedy: "run `git fetch --refetch --no-filter`, or clone without `--filter`"
                    .to_owned(),
            });
        }
        self.tally.finish()
    }
}

/// Reads what was listed, and hands it out.
struct Reader<'a> {
    objects: &'a Objects,
    commits: &'a Commits,
    contents: &'a Contents,
    gaps: &'a Gaps,
    max_bytes: u64,
    whole_blobs: bool,
    visit: &'a (dyn Fn(Blob<'_>) + Sync),
}

impl Reader<'_> {
    fn read_all(&self) {
        let blobs = &self.contents.blobs;
        let handed = Handed::none_of(blobs.len());
        for pack in self.objects.packs() {
            let wanted = handed.wanted(pack, blobs.iter().map(|found| found.oid));
            let visitor = Blobs { reader: self, wanted: &wanted, handed: &handed };
            pack::walk(pack, ObjectType::Blob, self.max_bytes, &wanted.nodes(), &visitor);
        }
        handed.each_other(|index| self.blob(&blobs[index]));
        self.commit_messages();
        self.commits.tags.par_iter().for_each(|tag| {
            self.message(Kind::TagMessage, ObjectType::Tag, tag.oid, &tag.written);
        });
    }

    fn commit_messages(&self) {
        let commits = &self.commits.commits;
        let handed = Handed::none_of(commits.len());
        for pack in self.objects.packs() {
            let wanted = handed.wanted(pack, commits.iter().map(|commit| commit.oid));
            let visitor = Messages { reader: self, wanted: &wanted, handed: &handed };
            pack::walk(pack, ObjectType::Commit, self.max_bytes, &wanted.nodes(), &visitor);
        }
        handed.each_other(|index| {
            let commit = &commits[index];
            self.message(Kind::CommitMessage, ObjectType::Commit, commit.oid, &commit.written);
        });
    }

    fn blob(&self, found: &Found) {
        match self.objects.read(found.oid, ObjectType::Blob) {
            Ok(bytes) => {
                let places = self.places(found);
                self.gaps.tally.hand(Blob::new(&bytes, &places), self.visit);
            }
            Err(why) => {
                let path = found.places.first().map(|(path, _)| self.contents.path(*path));
                let what = match path.flatten() {
                    Some(path) => format!("blob {} ({path})", found.oid),
                    None => format!("blob {}", found.oid),
                };
                self.gaps.object(what, why);
            }
        }
    }

    /// Returns the places of a blob, the oldest first.
    fn places(&self, found: &Found) -> Vec<Place> {
        let mut places: Vec<_> = (found.places.iter())
            .map(|(path, holder)| {
                let mut place = Place::new(Kind::Blob, self.contents.path(*path));
                place.blob = Some(found.oid.to_string());
                if let Some((oid, written)) = self.commits.holder(*holder) {
                    written.stamp(&mut place, oid);
                }
                (*holder, place)
            })
            .collect();
        places.sort();
        places.into_iter().map(|(_, place)| place).collect()
    }

    fn message(&self, kind: Kind, object: ObjectType, oid: Oid, written: &Written) {
        match self.objects.read(oid, object) {
            Ok(bytes) => self.hand_message(kind, oid, written, &bytes),
            Err(why) => self.gaps.object(format!("{object} {oid}"), why),
        }
    }

    fn hand_message(&self, kind: Kind, oid: Oid, written: &Written, bytes: &[u8]) {
        let mut place = Place::new(kind, None);
        written.stamp(&mut place, oid);
        self.gaps.tally.hand(Blob::new(message(bytes), &[place]), self.visit);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Makes ten folders in each of ten levels, and a file beside them that only that level has: ten
    /// thousand million paths of some twenty objects.
    fn trees_within_trees(repository: &git2::Repository) -> Result<(), git2::Error> {
        let mut entry = (repository.blob(b"at the bottom")?, 0o100_644);
        for level in 0..10 {
            let mut tree = repository.treebuilder(None)?;
            let only_here = repository.blob(format!("level {level}").as_bytes())?;
            tree.insert("only here", only_here, 0o100_644)?;
            for name in 0..10 {
                tree.insert(name.to_string(), entry.0, entry.1)?;
            }
            entry = (tree.write()?, 0o040_000);
        }
        repository.reference("refs/tags/deep", entry.0, false, "")?;
        Ok(())
    }

    #[test]
    fn paths_without_number_come_to_an_end_and_every_blob_is_read() {
        let folder = tempfile::TempDir::new().unwrap();
        let repository = git2::Repository::init(folder.path()).unwrap();
        trees_within_trees(&repository).unwrap();
        let mut history = History::new(folder.path());
        history.max_paths = 1000;
        let places = AtomicUsize::new(0);
        let coverage = history.walk(&|blob| {
            places.fetch_add(blob.places.len(), Ordering::Relaxed);
        });
        let coverage = coverage.unwrap();
        assert_eq!(coverage.blobs, 11);
        assert_eq!(coverage.gaps.len(), 1);
        assert!(coverage.gaps[0].what.contains("paths beyond"));
        let places = places.into_inner();
        assert!((500..2000).contains(&places), "{places}");
    }
}
