//! What some commits add: the blobs, messages and tags that are new in them.
//!
//! A blob is new in a commit where none of its parents has it at that path, so what only the resolution
//! of a merge brings is new and what it merges is not; and it is new in the range unless the commits
//! right before the range have it, wherever. What a push brings is such a range: everything the pushed
//! references reach and those that are there do not.
//!
//! Of a file that is changed only the lines count that are new in one of the commits, unless whole files are
//! asked for; the blob is read whole all the same, so that what stands in a new line is found together with
//! what it belongs to. A file under a new name counts where it differs from one that is gone and much like it.
//! Where a pointer of git LFS is new, so is the file behind it, if that may be here already: what is pushed to
//! this repository comes without.

mod blobs;
mod commits;
mod counted;
mod ends;
mod forest;
mod quarantine;
mod renames;

use std::path::PathBuf;

use git2::{ObjectType, Oid};
use jiff::Timestamp;
use rayon::prelude::*;

use super::lfs::{self, Lfs};
use super::repository::{Objects, Unreadable, broken_packs, message, open_repository, parse_oid};
use super::tally::Tally;
use super::{
    Blob, Counted, Coverage, DEFAULT_MAX_BYTES, Error, Gap, Kind, Place, Repository, Source,
};
use blobs::Found;
use commits::{Commits, Written};
use counted::NewLines;
use ends::Ends;
use renames::Renames;

pub use ends::{Known, Push};

/// Everything that is new in some commits of a repository.
#[derive(Clone, Debug)]
pub struct CommitRange {
    path: PathBuf,
    wanted: Wanted,
    further: Vec<PathBuf>,
    quarantine: Option<PathBuf>,
    whole_files: bool,
    max_bytes: u64,
}

/// Which commits.
#[derive(Clone, Debug)]
enum Wanted {
    /// As git names them: `A..B`.
    Range(String),
    /// Those of the branch that is checked out since a revision, or since an instant.
    Since(String, Option<Timestamp>),
    /// Those that a push brings.
    Pushed(Push),
}

impl CommitRange {
    /// Returns the commits that git calls `A..B`: those that B reaches and A does not. `A...B` are those
    /// since the two went apart, and `B` alone is everything that B reaches. A side that is left out is
    /// `HEAD`, and an A of zeros nothing, as a forge names what a new branch was before.
    pub fn new(path: impl Into<PathBuf>, range: impl Into<String>) -> Self {
        Self::of(path.into(), Wanted::Range(range.into()))
    }

    /// Returns the commits of the branch that is checked out since a revision of that name or, where there
    /// is none, since the instant that it stands for.
    pub fn since(
        path: impl Into<PathBuf>,
        text: impl Into<String>,
        instant: Option<Timestamp>,
    ) -> Self {
        Self::of(path.into(), Wanted::Since(text.into(), instant))
    }

    /// Returns the commits that a push brings.
    pub fn pushed(path: impl Into<PathBuf>, push: Push) -> Self {
        Self::of(path.into(), Wanted::Pushed(push))
    }

    fn of(path: PathBuf, wanted: Wanted) -> Self {
        let further = Vec::new();
        let (whole_files, max_bytes) = (false, DEFAULT_MAX_BYTES);
        Self { path, wanted, further, quarantine: None, whole_files, max_bytes }
    }

    /// Adds folders in which objects lie, beside the repository's own.
    #[must_use]
    pub fn object_folders(mut self, folders: impl IntoIterator<Item = PathBuf>) -> Self {
        self.further.extend(folders);
        self
    }

    /// Sets where git keeps what is pushed until it is accepted. What lies there and no reference of the
    /// push reaches is read, too.
    #[must_use]
    pub fn quarantine(mut self, folder: impl Into<PathBuf>) -> Self {
        self.quarantine = Some(folder.into());
        self
    }

    /// Sets whether all lines of a changed file count, and not only the new ones.
    #[must_use]
    pub fn whole_files(mut self, whole_files: bool) -> Self {
        self.whole_files = whole_files;
        self
    }

    /// Sets how large an object may be to be read, in bytes.
    #[must_use]
    pub fn max_bytes(mut self, max_bytes: u64) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// Reads a file at the root of each commit that is an end of the range, where it has one; with the ids
    /// of the commits.
    ///
    /// # Errors
    /// Where the repository or an end of the range can't be read.
    pub fn files_at_tips(&self, name: &str) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let (repository, objects) = self.open()?;
        let mut tips = self.ends(&repository, &objects)?.tips;
        tips.sort();
        tips.dedup();
        let file = |tip: &Oid| Some((tip.to_string(), commits::file_at(&objects, *tip, name)?));
        Ok(tips.iter().filter_map(file).collect())
    }

    /// Tells whether any of these commits is the first of its history, as far as that is here.
    ///
    /// # Errors
    /// Where the repository can't be read.
    pub fn has_root(&self, commits: &[&str]) -> Result<bool, Error> {
        let (repository, objects) = self.open()?;
        let shallow = repository.shallow_commits();
        let is_root = |commit: &&str| {
            let oid = parse_oid(commit);
            let parents = oid.and_then(|oid| commits::parents(&objects, oid));
            oid.is_some_and(|oid| shallow.contains(&oid))
                || parents.is_some_and(|all| all.is_empty())
        };
        Ok(commits.iter().any(is_root))
    }

    fn open(&self) -> Result<(Repository, Objects), Error> {
        let repository = open_repository(&self.path)?;
        let further: Vec<_> = self.further.iter().chain(&self.quarantine).cloned().collect();
        let objects = Objects::open_lazily(&repository, &further, self.max_bytes)?;
        Ok((repository, objects))
    }

    /// Returns the LFS store of a repository, unless the range comes from elsewhere: then git LFS has brought its
    /// files another way, or not yet.
    fn lfs(&self, repository: &Repository) -> Option<Lfs> {
        let comes_in =
            matches!(&self.wanted, Wanted::Pushed(push) if push.known_references == Known::All);
        (!comes_in).then(|| Lfs::of(repository, self.max_bytes))
    }

    fn ends(&self, repository: &Repository, objects: &Objects) -> Result<Ends, Error> {
        match &self.wanted {
            Wanted::Range(range) => Ends::of_range(repository, range),
            Wanted::Since(text, instant) => Ends::since(repository, text, *instant),
            Wanted::Pushed(push) => Ok(Ends::of_push(repository, objects, push)),
        }
    }
}

impl Source for CommitRange {
    fn walk(&self, visit: &(dyn Fn(Blob<'_>) + Sync)) -> Result<Coverage, Error> {
        let (repository, objects) = self.open()?;
        let ends = self.ends(&repository, &objects)?;
        let gaps = Gaps::new(&repository);
        let commits = Commits::collect(&objects, &repository, &ends, &gaps);
        if let Some((a, b)) = ends.unrelated(&commits) {
            let is_shallow = !repository.shallow_commits().is_empty();
            return Err(Error::Unrelated { a, b, is_shallow });
        }
        let blobs = blobs::new_blobs(&objects, &commits, &gaps);
        let Self { max_bytes, whole_files, .. } = *self;
        let (objects, commits) = (&objects, &commits);
        let lfs = self.lfs(&repository);
        let (store, renames) = (lfs.as_ref(), &Renames::new(objects, commits));
        let reader = Reader {
            objects,
            lfs: store,
            commits,
            renames,
            gaps: &gaps,
            max_bytes,
            whole_files,
            visit,
        };
        reader.read_all(&blobs);
        if let Some(quarantine) = &self.quarantine {
            let others = Objects::open_lazily(&repository, &self.further, self.max_bytes)?;
            quarantine::read_others(quarantine, &others, &blobs, &reader);
        }
        lfs.and_then(Lfs::gap).into_iter().for_each(|gap| gaps.tally.gap(gap));
        Ok(gaps.tally.finish())
    }
}

/// Collects what could not be read.
struct Gaps {
    tally: Tally,
    is_partial_clone: bool,
}

impl Gaps {
    fn new(repository: &Repository) -> Self {
        let gaps =
            Self { tally: Tally::default(), is_partial_clone: repository.is_partial_clone() };
        broken_packs(repository).into_iter().for_each(|gap| gaps.tally.gap(gap));
        gaps
    }

    /// Notes an object that could not be read.
    fn object(&self, what: String, why: Unreadable) {
        let is_elsewhere = self.is_partial_clone && why == Unreadable::Absent;
        let mut gap = why.gap(what);
        if is_elsewhere {
            gap.why = "the repository is a partial clone, which left it at its remote".to_owned();
            gap.remedy =
                "run `git fetch --refetch --no-filter`, or clone without `--filter`".to_owned();
        }
        self.tally.gap(gap);
    }

    /// Notes that commits of the range are missing.
    fn shallow(&self, commit: Oid) {
        self.tally.gap(Gap {
            what: format!("the commits before {commit}"),
            why: "the repository is a shallow clone, and the range goes on before its beginning"
                .to_owned(),
            remedy: "run `git fetch --unshallow`, or check out with `fetch-depth: 0`".to_owned(),
        });
    }
}

/// Reads what is new, and hands it out.
struct Reader<'a> {
    objects: &'a Objects,
    lfs: Option<&'a Lfs>,
    commits: &'a Commits,
    renames: &'a Renames<'a>,
    gaps: &'a Gaps,
    max_bytes: u64,
    whole_files: bool,
    visit: &'a (dyn Fn(Blob<'_>) + Sync),
}

impl Reader<'_> {
    fn read_all(&self, blobs: &[Found]) {
        forest::read_packed(blobs, self).par_iter().for_each(|found| self.blob(found));
        self.commits.commits.par_iter().for_each(|commit| {
            self.message(Kind::CommitMessage, ObjectType::Commit, commit.oid, &commit.written);
        });
        self.commits.tags.par_iter().for_each(|tag| {
            self.message(Kind::TagMessage, ObjectType::Tag, tag.oid, &tag.written);
        });
    }

    fn blob(&self, found: &Found) {
        match self.objects.read(found.oid, ObjectType::Blob) {
            Ok(bytes) => {
                let places = self.places(found);
                let lines = NewLines::of(self, found, &bytes);
                let counted = self.counted(&lines);
                let blob = Blob { counted, ..Blob::new(&bytes, &places) };
                self.gaps.tally.hand(blob, self.visit);
                self.behind_pointer(found, &bytes, &places);
            }
            Err(why) => {
                let path = found.places.iter().find_map(|(path, _)| path.clone());
                let path = path.map(|path| format!(" ({path})")).unwrap_or_default();
                self.gaps.object(format!("blob {}{path}", found.oid), why);
            }
        }
    }

    /// Hands out the file behind a blob, if that is a pointer of git LFS.
    fn behind_pointer(&self, found: &Found, bytes: &[u8], places: &[Place]) {
        let Some((lfs, id)) = self.lfs.zip(lfs::pointer(bytes)) else { return };
        match lfs.behind(id, places) {
            Ok(Some(file)) => {
                let lines = NewLines::of(self, found, &file.bytes).behind(lfs);
                let counted = self.counted(&lines);
                let blob = Blob { counted, ..Blob::new(&file.bytes, &file.places) };
                self.gaps.tally.hand(blob, self.visit);
            }
            Ok(None) => {}
            Err((what, why)) => self.gaps.object(what, why),
        }
    }

    /// Returns where in a blob a credential counts.
    fn counted<'l>(&self, lines: &'l NewLines<'_>) -> Option<&'l dyn Counted> {
        (!self.whole_files).then_some(lines)
    }

    fn places(&self, found: &Found) -> Vec<Place> {
        found.places.iter().map(|at| self.place(found, at)).collect()
    }

    fn place(&self, found: &Found, (path, commit): &(Option<String>, Option<usize>)) -> Place {
        let mut place = Place::new(Kind::Blob, path.clone());
        place.blob = Some(found.oid.to_string());
        if let Some(commit) = commit.map(|index| &self.commits.commits[index]) {
            commit.written.stamp(&mut place, commit.oid);
        }
        place
    }

    fn message(&self, kind: Kind, object: ObjectType, oid: Oid, written: &Written) {
        match self.objects.read(oid, object) {
            Ok(bytes) => {
                let mut place = Place::new(kind, None);
                written.stamp(&mut place, oid);
                self.gaps.tally.hand(Blob::new(message(&bytes), &[place]), self.visit);
            }
            Err(why) => self.gaps.object(format!("{object} {oid}"), why),
        }
    }
}
