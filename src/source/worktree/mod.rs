//! Files on disk, and of a git worktree what git would care for.
//!
//! Tracked and untracked files are scanned, hidden ones too. What `.gitignore` matches is left out and
//! counted, unless it is tracked, or stands alone and its name says that it holds credentials: `.env`
//! beside the code is scanned, a sample key in an ignored folder of dependencies is not. `.git` itself is left to
//! [`History`](super::History). Ignore rules that only the user's own configuration knows are not
//! followed, so that everyone who scans a worktree scans the same files.

mod names;
mod tracked;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::{DirEntry, WalkBuilder, WalkState};
use rayon::prelude::*;

use super::tally::{Tally, too_large};
use super::window::{self, Windows};
use super::{Blob, Coverage, Error, Gap, Kind, Place, Source};
use names::is_credentials_file;
use tracked::tracked_below;

/// Files and folders on disk.
#[derive(Clone, Debug)]
pub struct Worktree {
    paths: Vec<PathBuf>,
    max_bytes: u64,
    windows: Windows,
}

impl Worktree {
    /// Returns the source of those files and of everything in those folders. A file named here is
    /// scanned whether git ignores it or not.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        Self { paths, max_bytes: u64::MAX, windows: Windows::USUAL }
    }

    /// Sets which files are handed out whole even if they are large, as their first bytes say: an archive
    /// makes no sense in parts. One larger than [`DEFAULT_MAX_BYTES`](super::DEFAULT_MAX_BYTES) is handed
    /// out in windows.
    #[must_use]
    pub fn indivisible(mut self, is_indivisible: fn(&[u8]) -> bool) -> Self {
        self.windows = self.windows.indivisible(is_indivisible);
        self
    }

    /// Sets how large a file may be to be read, in bytes. Any file is, unless this says otherwise.
    #[must_use]
    pub fn max_bytes(mut self, max_bytes: u64) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// Lists the files to scan.
    fn list(&self, tally: &Tally) -> Result<Listing, Error> {
        let mut listing = Listing::default();
        for path in &self.paths {
            let metadata =
                fs::metadata(path).map_err(|source| Error::Read { path: path.clone(), source })?;
            if metadata.is_dir() {
                listing.add_folder(path, tally);
            } else {
                listing.files.insert(clean(path));
            }
        }
        Ok(listing)
    }

    /// Hands out what a file holds.
    fn read(&self, path: &Path, visit: &mut dyn FnMut(Blob<'_>)) -> Result<(), Gap> {
        let unreadable = |error: io::Error| Gap {
            what: shown(path),
            why: error.to_string(),
            remedy: "make it readable for the user who scans, and scan it again".to_owned(),
        };
        // Asked last, because what was a file in the listing may be a pipe by now, and would hang.
        let metadata = fs::metadata(path).map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(not_a_file(path));
        }
        if metadata.len() > self.max_bytes {
            return Err(too_large(shown(path), metadata.len(), self.max_bytes));
        }
        // A file can grow while it is read.
        let mut file = File::open(path).map_err(unreadable)?.take(self.max_bytes.saturating_add(1));
        let places = [Place::new(Kind::File, shown(path))];
        let outcome =
            window::read(&mut file, metadata.len() as usize, self.windows, &mut |bytes, window| {
                visit(Blob { window, ..Blob::new(bytes, &places) });
            });
        let size = outcome.map_err(|broken| unreadable(broken.why))? as u64;
        match size > self.max_bytes {
            true => Err(too_large(shown(path), size, self.max_bytes)),
            false => Ok(()),
        }
    }
}

impl Source for Worktree {
    fn walk(&self, visit: &(dyn Fn(Blob<'_>) + Sync)) -> Result<Coverage, Error> {
        let tally = Tally::default();
        let listing = self.list(&tally)?;
        let files: Vec<_> = listing.files.iter().collect();
        files.par_iter().for_each(|path| {
            if let Err(gap) = self.read(path, &mut |blob| tally.hand(blob, visit)) {
                tally.gap(gap);
            }
        });
        Ok(Coverage {
            left_out_ignored: listing.left_out.difference(&listing.files).count() as u64,
            ..tally.finish()
        })
    }
}

/// What a scan reads, and what git ignores of it.
#[derive(Default)]
struct Listing {
    files: BTreeSet<PathBuf>,
    left_out: BTreeSet<PathBuf>,
}

impl Listing {
    fn add_folder(&mut self, folder: &Path, tally: &Tally) {
        // With a separator at its end, `-` is a folder's name and not a stream.
        let root = folder.join("");
        let kept = files_below(&root, Rules::Git);
        let all = files_below(&root, Rules::None);
        kept.gaps.into_iter().for_each(|gap| tally.gap(gap));
        all.gaps.into_iter().for_each(|gap| tally.gap(gap));
        let ignored: BTreeSet<_> = all.files.difference(&kept.files).collect();
        if !ignored.is_empty() {
            // Each repository within the folder has an index of its own.
            let roots = std::iter::once(&root).chain(&all.repositories);
            let tracked = roots.filter_map(|root| match tracked_below(root) {
                Ok(tracked) => Some(tracked),
                Err(gap) => {
                    tally.gap(gap);
                    None
                }
            });
            let tracked: Vec<_> = tracked.collect();
            for path in ignored {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let is_tracked = tracked.iter().any(|tracked| tracked.contains(path));
                // A folder that is ignored whole is output, dependencies, a virtual environment: the keys
                // in it are other people's samples.
                let is_alone = path.parent().is_some_and(|folder| kept.folders.contains(folder));
                match is_tracked || (is_alone && is_credentials_file(&name)) {
                    true => self.files.insert(clean(path)),
                    false => self.left_out.insert(clean(path)),
                };
            }
        }
        self.files.extend(kept.files.iter().map(|path| clean(path)));
    }
}

/// Whose rules a walk follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rules {
    Git,
    None,
}

/// What a walk met.
#[derive(Default)]
struct Walked {
    files: BTreeSet<PathBuf>,
    folders: BTreeSet<PathBuf>,
    /// The folders that have a `.git` of their own.
    repositories: BTreeSet<PathBuf>,
    gaps: Vec<Gap>,
}

/// Lists all regular files below a folder. Links are not followed: what they point to is scanned where
/// it is, if it is in the folder. Pipes, sockets and devices hold nothing.
fn files_below(root: &Path, rules: Rules) -> Walked {
    let walked = Arc::new(Mutex::new(Walked::default()));
    let lock = |walked: &Mutex<Walked>, note: &dyn Fn(&mut Walked)| {
        note(&mut walked.lock().unwrap_or_else(PoisonError::into_inner));
    };
    let in_filter = Arc::clone(&walked);
    let filter = move |entry: &DirEntry| {
        let is_git = entry.depth() > 0 && entry.file_name() == ".git";
        if let (true, Some(folder)) = (is_git, entry.path().parent()) {
            lock(&in_filter, &|walked| {
                walked.repositories.insert(folder.to_owned());
            });
        }
        !is_git
    };
    let walk = builder(root, rules).filter_entry(filter).build_parallel();
    walk.run(|| {
        Box::new(|entry| {
            lock(&walked, &|walked| walked.note(&entry));
            WalkState::Continue
        })
    });
    let mut walked = walked.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut *walked)
}

fn builder(root: &Path, rules: Rules) -> WalkBuilder {
    let mut builder = WalkBuilder::new(root);
    builder.standard_filters(false).threads(rayon::current_num_threads());
    if rules == Rules::Git {
        builder.parents(true).git_ignore(true).git_exclude(true);
    }
    builder
}

impl Walked {
    fn note(&mut self, entry: &Result<DirEntry, ignore::Error>) {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                self.files.insert(entry.path().to_owned());
            }
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_dir()) => {
                // By its components, as `parent` of what is in it gives it.
                self.folders.insert(entry.path().components().collect());
            }
            Ok(_) => {}
            Err(error) => self.gaps.push(Gap {
                what: path_of(error).map_or_else(|| "a folder".to_owned(), shown),
                why: innermost(error).to_string(),
                remedy: "make it readable for the user who scans, and scan it again".to_owned(),
            }),
        }
    }
}

fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            path_of(err)
        }
        ignore::Error::Loop { child, .. } => Some(child),
        _ => None,
    }
}

fn innermost(error: &ignore::Error) -> &ignore::Error {
    match error {
        ignore::Error::WithPath { err, .. }
        | ignore::Error::WithDepth { err, .. }
        | ignore::Error::WithLineNumber { err, .. } => innermost(err),
        error => error,
    }
}

fn not_a_file(path: &Path) -> Gap {
    Gap {
        what: shown(path),
        why: "it is neither a file nor a folder".to_owned(),
        remedy: "pipe it in, and scan `-`".to_owned(),
    }
}

/// Takes `.` out of a path, so that a file is known by one name.
fn clean(path: &Path) -> PathBuf {
    let is_named = |component: &Component<'_>| *component != Component::CurDir;
    let cleaned: PathBuf = path.components().filter(is_named).collect();
    match cleaned.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => cleaned,
    }
}

/// Returns a path as reports show it, with `/` on every system.
fn shown(path: &Path) -> String {
    let text = clean(path).to_string_lossy().into_owned();
    match std::path::MAIN_SEPARATOR {
        '/' => text,
        separator => text.replace(separator, "/"),
    }
}
