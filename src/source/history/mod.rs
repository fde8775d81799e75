//! The whole history of a repository: every blob and message that a reference reaches.
//!
//! Commits are read and put in order, oldest first, and their trees, each once; beside that every blob of the
//! packs is looked at. Of those in which there is nothing it is then only counted what the trees lead to; the
//! others, and what is in no pack, are handed out. Where a blob stands and since when is asked when something was
//! found in it: then the trees that lead to it are walked, from the oldest commit to the youngest. Only ids are
//! kept in memory, never blobs.
//!
//! What stands in a pack is read by the `pack` room, each object made from the one it is stored as a
//! difference from; what can't be read there is left to libgit2, object by object.

mod commits;
mod contents;
mod deliver;
mod gaps;
mod graph;
mod holds;
mod listing;
mod names;
mod number;
mod numbers;
mod paths;
mod places;
mod reached;
mod reader;
mod remembered;
mod replay;
mod slips;
mod stays;
mod stock;
mod store;
mod trees;
mod trial;
mod visit;
mod written;

use std::collections::HashSet;
use std::path::PathBuf;

use git2::{ObjectType, Oid};

use super::cache::{Cache, Shelf};
use super::lfs::Lfs;
use super::repository::{Family, Member, Objects, Tip, family, head, tips};
use super::{Blob, Coverage, DEFAULT_MAX_BYTES, Error, Gap, LeftOutSubmodules, Source, Stays};
use commits::Commits;
use contents::Contents;
use deliver::Deliver;
use gaps::Gaps;
use holds::Holds;
use numbers::Numbers;
use places::Places;
use reached::Reached;
use reader::Reader;
use remembered::{Clean, Outcome, State};
use replay::replay;
use stays::Chronicle;
use store::Store;
use trees::Trees;
use trial::Trial;

/// How many paths a history may have that are all listed. A small repository of trees within trees has
/// paths without number; they must not fill the memory.
const MAX_PATHS: usize = 2_000_000;

/// Everything that any reference of a repository reaches: branches, tags, notes, stashes, heads, and the
/// logs of them all; in its submodules, too, and in its LFS store.
#[derive(Clone, Debug)]
pub struct History {
    path: PathBuf,
    max_bytes: u64,
    max_paths: usize,
    whole_blobs: bool,
    all_objects: bool,
    cache: Option<Cache>,
}

impl History {
    /// Returns the history of the repository that `path` is in.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            max_bytes: DEFAULT_MAX_BYTES,
            max_paths: MAX_PATHS,
            whole_blobs: false,
            all_objects: false,
            cache: None,
        }
    }

    /// Sets where scans are remembered. Then only blobs are handed out in which something may be found: so
    /// whoever is handed one must [`note`](Blob::note) it where something was.
    #[must_use]
    pub fn cache(mut self, cache: Option<Cache>) -> Self {
        self.cache = cache;
        self
    }

    /// Sets whether objects that nothing reaches are read too, as long as git has not removed them.
    #[must_use]
    pub fn all_objects(mut self, all_objects: bool) -> Self {
        self.all_objects = all_objects;
        self
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
        let family = family(&self.path)?;
        let left_out_submodules = LeftOutSubmodules::of(family.absent());
        let Family { members, gaps } = family;
        let mut coverage = Coverage { gaps, left_out_submodules, ..Coverage::default() };
        for member in &members {
            match self.read(member, visit) {
                Ok(read) => coverage.merge(read),
                Err(Error::NotRegular { path }) => coverage.gaps.push(not_regular(path)),
                Err(error) if member.prefix.is_empty() => return Err(error),
                Err(error) => coverage.gaps.push(Gap {
                    what: format!("the submodule {}", member.prefix),
                    why: error.to_string(),
                    remedy: error.remedy().unwrap_or_else(|| "run `git fsck` in it".to_owned()),
                }),
            }
        }
        coverage.merge(Coverage::default());
        Ok(coverage)
    }
}

impl History {
    /// Reads one repository.
    fn read(&self, member: &Member, visit: &(dyn Fn(Blob<'_>) + Sync)) -> Result<Coverage, Error> {
        let Member { repository, prefix } = member;
        let gaps = Gaps::new(repository, prefix);
        let objects = Objects::open(repository, self.max_bytes)?;
        objects.gaps().iter().for_each(|gap| gaps.note(gap.clone()));
        // Whole blobs are asked for by who does not want to rely on what was found before.
        let cache = self.cache.as_ref().filter(|_| !self.whole_blobs);
        let shelf = cache.map(|cache| cache.shelf(repository.commondir()));
        let (tips, broken) = rayon::in_place_scope(|scope| {
            // Mostly it will be needed, and it takes as long as the references.
            if !shelf.as_ref().is_some_and(Outcome::may_be_in) {
                scope.spawn(|_| objects.prepare());
            }
            tips(repository)
        });
        broken.into_iter().for_each(|gap| gaps.note(gap));
        let lfs = Lfs::of(repository, self.max_bytes);
        let deliver = Deliver { gaps: &gaps, lfs, visit };
        let state = shelf.as_ref().map(|_| self.state(member, &objects, &tips));
        let known = shelf.as_ref().zip(state.as_ref()).filter(|_| gaps.are_settled());
        let found = match known.and_then(|(shelf, state)| Outcome::read(shelf, state)) {
            Some(outcome) => {
                let stays = replay(outcome, prefix, &objects, &deliver);
                Coverage { stays, ..Coverage::default() }
            }
            None => self.read_anew(member, &objects, &tips, &deliver, shelf.zip(state)),
        };
        deliver.lfs.gap().into_iter().for_each(|gap| gaps.note(gap));
        Ok(Coverage { places: found.places, stays: found.stays, ..gaps.finish() })
    }

    /// Reads all objects of a repository in which something may be found, and keeps what came of it; returns
    /// where that is.
    fn read_anew(
        &self,
        member: &Member,
        objects: &Objects,
        tips: &[Tip],
        deliver: &Deliver<'_>,
        shelf: Option<(Shelf, String)>,
    ) -> Coverage {
        let (Member { repository, prefix }, gaps) = (member, deliver.gaps);
        // All sides need it, and none should wait for another.
        objects.prepare();
        let clean = shelf
            .as_ref()
            .map(|(shelf, _)| Clean::read(shelf, objects.id_bytes()))
            .unwrap_or_default();
        let numbers = Numbers::of(objects.packs());
        let listed =
            self.list(&numbers, objects, tips, &repository.shallow_commits(), deliver, &clean);
        let Listed { commits, trees, contents, trial } = &listed;
        let reader = Reader {
            objects,
            commits,
            contents,
            trees,
            gaps,
            deliver,
            clean: &clean,
            trial,
            prefix,
            max_bytes: self.max_bytes,
            whole_blobs: self.whole_blobs,
        };
        let read = reader.read_all();
        let (store, head) = (Store::new(objects, self.max_bytes), head(repository));
        let reach = || Reached::of(commits, &numbers, tips, head);
        let mut reached = None;
        let (mut holds, places) = rayon::in_place_scope(|scope| {
            if read.has_any() {
                scope.spawn(|_| reached = Some(reach()));
            }
            let mut holds = Holds::of(trees, &store, reader.wanted(&read).into_iter());
            let places = Places::of(&mut holds, &store, trees, commits, self.max_paths);
            (holds, places)
        });
        if places.is_cut_off {
            gaps.note(too_many_paths(self.max_paths));
        }
        reader.finish(&read, &places);
        let (found, noted) = (reader.found(&read, &places), reader.noted(&read, &places));
        let chronicle =
            Chronicle { repository: prefix, objects: &store, numbers: &numbers, commits };
        let stays = match found.is_empty() {
            true => Stays::new(),
            false => chronicle.stays(&found, &reached.unwrap_or_else(reach), &mut holds),
        };
        if let Some((shelf, state)) = shelf {
            let (mut clean, hits) = (reader.cleared(&read), reader.hits(&read, &places, &store));
            // What is missing or damaged may be mended without a trace.
            if gaps.are_settled() {
                let outcome = Outcome::of(state, hits, &clean, &stays);
                Outcome { left_out: gaps.left_out(), ..outcome }.write(&shelf);
            }
            clean.extend(trial.unreached(&numbers, contents));
            Clean::write(&shelf, clean);
        }
        Coverage { places: noted, stays, ..Coverage::default() }
    }

    /// Lists everything that is to be read, and looks at the blobs of the packs beside that: much of listing is
    /// the work of one thread.
    fn list<'a>(
        &self,
        numbers: &'a Numbers<'a>,
        objects: &Objects,
        tips: &[Tip],
        shallow: &HashSet<Oid>,
        deliver: &Deliver<'_>,
        clean: &Clean,
    ) -> Listed<'a> {
        let others = if self.all_objects { Others::of(objects) } else { Others::default() };
        let store = || Store::new(objects, self.max_bytes);
        let mut trial = Trial::default();
        let look = || Trial::of(numbers, deliver, clean, self.max_bytes, self.whole_blobs);
        let (commits, trees, mut contents) = rayon::in_place_scope(|scope| {
            scope.spawn(|_| trial = look());
            let (commits, trees) = rayon::join(
                || {
                    let others = &others.commits;
                    Commits::collect(&store(), numbers, tips, others, shallow, deliver, clean)
                },
                || Trees::of(numbers, self.max_bytes),
            );
            let contents = Contents::collect(&store(), &trees, &commits);
            (commits, trees, contents)
        });
        contents.add_others(others.blobs.iter().map(|oid| numbers.number(oid.as_bytes())));
        Listed { commits, trees, contents, trial }
    }

    /// Returns a digest of all that decides what the history of a repository holds.
    fn state(&self, member: &Member, objects: &Objects, tips: &[Tip]) -> String {
        let repository = &member.repository;
        let mut state = State::default();
        let settings = (self.max_bytes, self.max_paths, self.all_objects, &member.prefix);
        let mut shallow: Vec<Oid> = repository.shallow_commits().into_iter().collect();
        shallow.sort_unstable();
        state.add(format!("{settings:?} {:?} {shallow:?}", head(repository)).as_bytes());
        for tip in tips {
            state.add(tip.oid.as_bytes());
            state.add(tip.name.as_bytes());
            state.add(&[u8::from(tip.may_be_gone)]);
        }
        for folder in objects.folders() {
            state.add_folder(&folder.join("pack"));
        }
        objects.packs().iter().for_each(|pack| state.add(pack.checksum()));
        objects.loose_ids().iter().for_each(|oid| state.add(oid.as_bytes()));
        state.finish()
    }
}

/// Returns the gap of a repository in which something else stands in a file's place.
fn not_regular(path: PathBuf) -> Gap {
    let what = path.display().to_string();
    Error::NotRegular { path }.gap(what)
}

/// Everything that is to be read of a history.
struct Listed<'a> {
    commits: Commits,
    trees: Trees<'a>,
    contents: Contents,
    /// What came of the blobs that were looked at meanwhile.
    trial: Trial,
}

fn too_many_paths(max_paths: usize) -> Gap {
    Gap {
        what: format!("paths beyond the first {max_paths}"),
        why: "folders are repeated within each other; every file was scanned, but not every path is listed".to_owned(),
        remedy: "look at the repository: this is rarely an accident".to_owned(),
    }
}

/// Every object of a repository, whether anything reaches it or not.
#[derive(Default)]
struct Others {
    /// Commits and tags. What is damaged is among them, so that it is missed.
    commits: Vec<Oid>,
    blobs: Vec<Oid>,
}

impl Others {
    fn of(objects: &Objects) -> Self {
        let mut others = Self::default();
        for (oid, kind) in objects.all() {
            match kind {
                Some(ObjectType::Blob) => others.blobs.push(oid),
                Some(ObjectType::Tree) => {}
                _ => others.commits.push(oid),
            }
        }
        others
    }
}

#[cfg(test)]
mod tests {
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
        let coverage = history.walk(&|blob| blob.note()).unwrap();
        assert_eq!(coverage.blobs, 11);
        assert_eq!(coverage.gaps.len(), 1);
        assert!(coverage.gaps[0].what.contains("paths beyond"));
        let places: usize = coverage.places.values().map(Vec::len).sum();
        assert!((500..2000).contains(&places), "{places}");
    }
}
