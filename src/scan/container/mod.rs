//! Files within files: compressed streams, archives, databases.
//!
//! Takes a blob; gives its content: the blob itself, or every file within it, down to a stated depth. What
//! a thing is, its first bytes say, never its name. Nothing is written to disk, and everything that was not
//! read is an [`Obstacle`]: then the blob is searched as it stands, too.

mod ar;
mod format;
mod inflate;
mod sqlite;
mod tarball;
mod zipped;

use std::path::Path;

use super::Limits;
use crate::source::Window;
use format::Format;
use inflate::{Inflated, inflate};

/// Something within a blob that was not read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Obstacle {
    /// The path within the blob; `None` for the blob itself.
    pub(super) within: Option<String>,
    /// Why.
    pub(super) why: String,
    /// What a person can do about it.
    pub(super) remedy: &'static str,
}

/// What to do about a limit.
const UNPACK: &str = "unpack it and scan the folder";
/// What to do about a broken thing.
const REPAIR: &str = "fetch or make it again, then scan it again";
/// What to do about a locked thing.
const DECRYPT: &str = "decrypt it and scan the result";

/// Called with the path within the blob and the content.
pub(super) type Visit<'a> = &'a mut dyn FnMut(Option<&str>, &[u8]);

/// Hands over everything there is to search in a blob of that path.
pub(super) fn each_content(
    bytes: &[u8],
    path: Option<&str>,
    limits: Limits,
    visit: Visit<'_>,
) -> Vec<Obstacle> {
    let mut opener = Opener {
        left_bytes: limits.archive_bytes,
        left_entries: limits.entries,
        limits,
        obstacles: Vec::new(),
        visit,
    };
    opener.open(bytes, &At { name: path.unwrap_or_default(), within: None, depth: 0 });
    opener.obstacles.sort();
    opener.obstacles
}

/// Tells by its first bytes whether a file holds files or is compressed: such a one can only be read whole.
pub fn holds_files(bytes: &[u8]) -> bool {
    format::of(bytes).is_some()
}

/// Returns what is not read of a file that is handed out in windows, if one of them says that it holds files.
pub(super) fn too_large(bytes: &[u8], window: &Window) -> Option<Obstacle> {
    let is_first = window.offset + window.own.start == 0;
    let is_last = window.own.end == bytes.len();
    let why = "it is an archive too large to be opened".to_owned();
    let is_archive =
        is_first && format::of(bytes).is_some() || is_last && format::ends_as_zip(bytes);
    is_archive.then_some(Obstacle { within: None, why, remedy: UNPACK })
}

/// Where in a blob something stands.
#[derive(Clone, Copy)]
struct At<'a> {
    /// Its path, from which the name of what it holds is made.
    name: &'a str,
    within: Option<&'a str>,
    depth: usize,
}

impl At<'_> {
    /// Returns the path within the blob of an entry of this archive.
    fn entry(&self, name: &str) -> String {
        match self.within {
            Some(within) => format!("{within}!{name}"),
            None => name.to_owned(),
        }
    }
}

struct Opener<'a> {
    limits: Limits,
    left_bytes: u64,
    left_entries: u64,
    obstacles: Vec<Obstacle>,
    visit: Visit<'a>,
}

/// Why an archive was not read to its end.
struct Unread {
    why: String,
    remedy: &'static str,
}

impl Unread {
    fn new(why: impl Into<String>, remedy: &'static str) -> Self {
        Self { why: why.into(), remedy }
    }
}

impl Opener<'_> {
    /// Hands over what these bytes hold, or they themselves.
    fn open(&mut self, bytes: &[u8], at: &At<'_>) {
        let format = (self.limits.archives > 0).then(|| format::of(bytes)).flatten();
        let Some(format) = format else { return (self.visit)(at.within, bytes) };
        let read = if at.depth >= self.limits.archives {
            let depth = self.limits.archives;
            Err(Unread::new(
                format!("archives stand in one another more than {depth} deep"),
                UNPACK,
            ))
        } else {
            match format {
                Format::Stream(compression) => {
                    let inflated = inflate(compression, bytes, self.bounds(bytes));
                    self.spend(&inflated.bytes);
                    self.open_stream(inflated, at)
                }
                Format::Zip => zipped::open(self, bytes, at),
                Format::Tar => tarball::open(self, bytes, at),
                Format::Ar => ar::open(self, bytes, at),
                Format::Sqlite => sqlite::open(self, bytes, at),
                Format::Unopened(name) => {
                    Err(Unread::new(format!("{name} archives are not opened"), UNPACK))
                }
            }
        };
        if let Err(unread) = read {
            self.note(at.within.map(str::to_owned), unread);
            (self.visit)(at.within, bytes);
        }
    }

    /// Hands over the content of a compressed stream, which has no name of its own.
    fn open_stream(&mut self, inflated: Inflated<'_>, at: &At<'_>) -> Result<(), Unread> {
        let is_archive = format::of(&inflated.bytes).is_some();
        let name = stem(at.name);
        let within = if is_archive { at.within.map(str::to_owned) } else { Some(at.entry(&name)) };
        let depth = at.depth + 1;
        self.open(&inflated.bytes, &At { name: &name, within: within.as_deref(), depth });
        if !inflated.rest.is_empty() {
            (self.visit)(at.within, inflated.rest);
        }
        inflated.stop.map_or(Ok(()), Err)
    }

    /// Hands over one file of an archive.
    fn entry(&mut self, name: &str, bytes: &[u8], at: &At<'_>) {
        let within = at.entry(name);
        self.open(bytes, &At { name, within: Some(&within), depth: at.depth + 1 });
    }

    /// Counts a file of an archive.
    fn count_entry(&mut self) -> Result<(), Unread> {
        let limit = self.limits.entries;
        self.left_entries = self
            .left_entries
            .checked_sub(1)
            .ok_or_else(|| Unread::new(format!("it holds more than {limit} files"), UNPACK))?;
        Ok(())
    }

    /// Returns how far compressed bytes may be inflated.
    fn bounds(&self, compressed: &[u8]) -> inflate::Bounds {
        inflate::Bounds {
            entry: self.limits.entry_bytes,
            all: self.left_bytes,
            ratio: self.limits.entry_ratio,
            compressed: compressed.len() as u64,
        }
    }

    fn spend(&mut self, bytes: &[u8]) {
        self.left_bytes = self.left_bytes.saturating_sub(bytes.len() as u64);
    }

    fn note(&mut self, within: Option<String>, unread: Unread) {
        self.obstacles.push(Obstacle { within, why: unread.why, remedy: unread.remedy });
    }
}

/// Returns the name of what a compressed file holds: `app.log` of `logs/app.log.gz`.
fn stem(path: &str) -> String {
    let name = path.rsplit(['/', '!']).next().unwrap_or_default();
    let stem = Path::new(name).file_stem().unwrap_or_default().to_string_lossy();
    if stem.is_empty() { "content".to_owned() } else { stem.into_owned() }
}
