//! Sources: where bytes live.
//!
//! Takes a path, a repository or a stream; gives [`Blob`]s with their [`Place`]s, from several threads
//! at once, and a [`Coverage`] that says what was read and what could not be. It never looks for
//! secrets, never runs anything a repository names, and never starts `git`.

mod cache;
mod floor;
mod git_folder;
mod history;
mod lfs;
mod lines;
mod moment;
mod pack;
mod range;
mod regular;
mod renames;
mod repository;
mod reread;
mod staged;
mod stay;
mod stdin;
mod tally;
mod window;
mod worktree;

pub use cache::Cache;
pub use floor::{Made, make_all};
pub use git_folder::GitFolder;
pub use history::History;
pub use moment::Moment;
pub(crate) use pack::prefetch;
pub use range::{CommitRange, Known, Push};
pub use repository::{ConfigVariables, Error, HooksFolder, Repository, open_repository};
pub use reread::read_blob;
pub use staged::Staged;
pub use stay::{Event, Record, Stay, Stays, Text};
pub use stdin::Stdin;
pub use window::{CELL_BYTES, Position, Window};
pub use worktree::Worktree;

use std::any::Any;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

/// How large an object may be that is held in memory whole, in bytes, unless a source is told otherwise.
/// One that is larger is a [`Gap`]. Files and streams have no such limit.
pub const DEFAULT_MAX_BYTES: u64 = 256 * 1024 * 1024;

/// What kind of thing a blob was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A file of the worktree, or any file on disk.
    File,
    /// A file of the git folder that is no object: its configuration, a log, a hook.
    GitFile,
    /// Standard input.
    Stdin,
    /// A file as staged in the index.
    Staged,
    /// A blob reachable from a commit.
    Blob,
    /// A file that git LFS keeps in its local store; a blob that a commit holds names it.
    Lfs,
    /// The message of a commit.
    CommitMessage,
    /// The message of an annotated tag.
    TagMessage,
}

/// One place where a blob stands: enough to show a person, and to read the bytes again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// What kind of thing it is.
    pub kind: Kind,
    /// The path, as given or relative to the repository's root; lossy where it isn't UTF-8.
    pub path: Option<String>,
    /// The object id of the first commit (or the tag) that holds it there.
    pub commit: Option<String>,
    /// The object id of the blob.
    pub blob: Option<String>,
    /// Who wrote that commit: `Name <mail>`.
    pub author: Option<String>,
    /// The committer's date of that commit. Forgeable by whoever commits.
    pub date: Option<Moment>,
}

impl Place {
    /// Returns a place of that kind and path, with no commit.
    pub fn new(kind: Kind, path: impl Into<Option<String>>) -> Self {
        Self { kind, path: path.into(), commit: None, blob: None, author: None, date: None }
    }
}

/// Bytes to scan, and everywhere they stand.
#[derive(Clone, Copy, Debug)]
pub struct Blob<'a> {
    /// The content.
    pub bytes: &'a [u8],
    /// Every place with this content that the source knows of; at least one, the first place first. Of a blob
    /// of a whole history it may be one without a path: its places are then in the [`Coverage`].
    pub places: &'a [Place],
    /// Where it is stored as a difference from another blob, or others from it: how they hang together.
    pub lineage: Option<&'a Lineage<'a>>,
    /// Where these are not all of its bytes: which they are.
    pub window: Option<&'a Window>,
    /// Set by whoever finds something in it, where the source wants to know.
    pub noted: Option<&'a AtomicBool>,
    /// Where it is not known yet where it stands: to be set by whoever can't look at it before.
    pub put_off: Option<&'a AtomicBool>,
    /// Where it is not known yet whether it counts at all, nor where it stands: to be set by whoever finds nothing
    /// in it, and to be left alone by everyone else. It is handed out again, with its places, if it counts.
    pub trial: Option<&'a AtomicBool>,
    /// Where a credential must stand to count; `None` where it counts wherever it stands.
    pub counted: Option<&'a dyn Counted>,
}

impl<'a> Blob<'a> {
    /// Returns a blob that stands alone.
    pub fn new(bytes: &'a [u8], places: &'a [Place]) -> Self {
        Self {
            bytes,
            places,
            lineage: None,
            window: None,
            noted: None,
            put_off: None,
            trial: None,
            counted: None,
        }
    }

    /// Returns which of its bytes are handed out with no other blob: all, unless it is a window.
    pub fn own(&self) -> Range<usize> {
        self.window.map_or(0..self.bytes.len(), |window| window.own.clone())
    }

    /// Asks to be handed the blob again when it is known where it stands, and returns whether it will be.
    pub fn put_off(&self) -> bool {
        self.put_off.inspect(|put_off| put_off.store(true, Ordering::Relaxed)).is_some()
    }

    /// Returns whether someone asked for that.
    pub fn is_put_off(&self) -> bool {
        self.put_off.is_some_and(|put_off| put_off.load(Ordering::Relaxed))
    }

    /// Says that something was found in it: its source may then tell its [`Stay`].
    pub fn note(&self) {
        if let Some(noted) = self.noted {
            noted.store(true, Ordering::Relaxed);
        }
    }
}

/// Tells where in a blob a credential counts. Asked only where one was found.
pub trait Counted: fmt::Debug {
    /// Returns the stretches in which it must at least begin, end or go through, in order; none where it counts
    /// wherever it stands.
    fn stretches(&self) -> Option<&[Range<usize>]>;
}

impl Counted for Vec<Range<usize>> {
    fn stretches(&self) -> Option<&[Range<usize>]> {
        Some(self)
    }
}

/// How a blob hangs together with those it is stored with.
///
/// Whoever looks at a blob may leave a memory of it here, and finds the memory of its base when it looks
/// at the next one: so it needs to look only at what is new.
#[derive(Debug, Default)]
pub struct Lineage<'a> {
    /// What was remembered of its base, and what the two share; none where it stands alone.
    pub base: Option<(&'a Memory, &'a [Copied])>,
    memory: OnceCell<Memory>,
}

/// Whatever is remembered of a blob by whoever looked at it.
pub type Memory = Box<dyn Any + Send + Sync>;

impl<'a> Lineage<'a> {
    /// Returns the lineage of a blob made from one of which something may be remembered. Nothing is of the
    /// blob itself yet.
    pub(crate) fn onto(base: Option<(&'a Option<Memory>, &'a [Copied])>) -> Self {
        let base = base.and_then(|(memory, copies)| Some((memory.as_ref()?, copies)));
        Self { base, memory: OnceCell::new() }
    }

    /// Returns the memory that was left of the blob.
    pub(crate) fn into_memory(self) -> Option<Memory> {
        self.memory.into_inner()
    }

    /// Leaves a memory of the blob, to be found with each that is stored as a difference from it. Only
    /// the first one counts.
    pub fn remember(&self, memory: Memory) {
        _ = self.memory.set(memory);
    }
}

/// A stretch of a blob that stands in its base as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Where it begins in the base.
    pub base_start: usize,
    /// Where it begins in the blob.
    pub start: usize,
    /// How many bytes it has.
    pub length: usize,
}

impl Copied {
    /// Returns where it ends in the base.
    pub fn base_end(&self) -> usize {
        self.base_start + self.length
    }

    /// Returns where it ends in the blob.
    pub fn end(&self) -> usize {
        self.start + self.length
    }
}

/// Something that was to be scanned and was not. A report with a gap is *partial*.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Gap {
    /// What was left out: a path, an object id.
    pub what: String,
    /// Why.
    pub why: String,
    /// What a person can do about it.
    pub remedy: String,
}

/// Submodules that a repository names and that were never cloned into it, or are gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOutSubmodules {
    /// Where they should be, as seen from the repository that names them or the one above it; sorted.
    pub paths: Vec<String>,
    /// What a person can do about it.
    pub remedy: &'static str,
}

impl LeftOutSubmodules {
    /// Returns those of these paths; none where there is none.
    fn of(mut paths: Vec<String>) -> Option<Self> {
        paths.sort();
        paths.dedup();
        let remedy = "run `git submodule update --init` and scan again, or scan the repositories that they come from";
        (!paths.is_empty()).then_some(Self { paths, remedy })
    }
}

/// What a source read, and what it could not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// How many blobs were handed out.
    pub blobs: u64,
    /// How many bytes they had together.
    pub bytes: u64,
    /// How many files git ignores were left out. That is no gap: they were not to be scanned.
    pub left_out_ignored: u64,
    /// Which submodules of a history are not here. That is no gap: what they hold is another repository's.
    pub left_out_submodules: Option<LeftOutSubmodules>,
    /// What was left out though it was to be scanned, sorted.
    pub gaps: Vec<Gap>,
    /// Every place of the blobs in which something was found and that were handed out without their places,
    /// by id.
    #[serde(skip)]
    pub places: BTreeMap<String, Vec<Place>>,
    /// How long the objects stood in their history in which something was found.
    #[serde(skip)]
    pub stays: Stays,
}

impl Coverage {
    /// Adds what another source read.
    pub fn merge(&mut self, other: Self) {
        self.blobs += other.blobs;
        self.bytes += other.bytes;
        self.left_out_ignored += other.left_out_ignored;
        self.gaps.extend(other.gaps);
        let [own, others] = [&self.left_out_submodules, &other.left_out_submodules];
        let paths = own.iter().chain(others).flat_map(|left_out| left_out.paths.clone());
        self.left_out_submodules = LeftOutSubmodules::of(paths.collect());
        for (object, places) in other.places {
            self.places.entry(object).or_default().extend(places);
        }
        for (object, stays) in other.stays {
            self.stays.entry(object).or_default().extend(stays);
        }
        self.gaps.sort();
        self.gaps.dedup();
    }
}

/// Anything that can hand out blobs.
pub trait Source: Sync {
    /// Hands every blob to `visit`, in any order and from the threads of the current rayon pool.
    ///
    /// # Errors
    /// Only where nothing can be scanned at all (no such path, not a repository). A single unreadable
    /// file or object is a [`Gap`].
    fn walk(&self, visit: &(dyn Fn(Blob<'_>) + Sync)) -> Result<Coverage, Error>;
}
