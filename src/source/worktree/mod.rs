//! Files on disk, and of a git worktree what git would care for.
//!
//! Tracked and untracked files are scanned, hidden ones too. What `.gitignore` matches is left out and
//! counted, unless it is tracked, or stands alone and its name says that it holds credentials: `.env`
//! beside the code is scanned, a sample key in an ignored folder of dependencies is not. `.git` itself is left to
//! [`History`](super::History). Ignore rules that only the user's own configuration knows are not
//! followed, so that everyone who scans a worktree scans the same files.

mod names;
mod tracked;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::{DirEntry, WalkBuilder, WalkState};
use rayon::prelude::*;

use super::repository::obstacle_in_rules;
use super::tally::{Tally, too_large};
use super::window::{self, Buffer, Windows};
use super::{Blob, Coverage, Error, Gap, Kind, Place, Source, regular};
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
    /// scanned whether git ignores it or not, and of a pipe whatever comes out of it.
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
            } else if metadata.is_file() {
                listing.files.push(clean(path));
            } else {
                listing.streams.push(clean(path));
            }
        }
        listing.settle();
        Ok(listing)
    }

    /// Hands out what a file holds, or what comes out of a stream, read into `buffer`.
    fn read(
        &self,
        path: &Path,
        is_stream: bool,
        buffer: &mut Buffer,
        visit: &mut dyn FnMut(Blob<'_>),
    ) -> Result<(), Gap> {
        let unreadable = |error: io::Error| regular::unreadable(shown(path), &error);
        let file = if is_stream { File::open(path) } else { regular::open(path) };
        let file = file.map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if metadata.len() > self.max_bytes {
            return Err(too_large(shown(path), metadata.len(), self.max_bytes));
        }
        // A file can grow while it is read, and a stream has no size.
        let mut file = file.take(self.max_bytes.saturating_add(1));
        let places = [Place::new(Kind::File, shown(path))];
        let outcome =
            window::read(&mut file, metadata.len(), buffer, self.windows, &mut |bytes, window| {
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
        let files = listing.files.par_iter().map(|path| (path, false));
        let streams = listing.streams.par_iter().map(|path| (path, true));
        files.chain(streams).for_each_init(Buffer::default, |buffer, (path, is_stream)| {
            let visit = &mut |blob: Blob<'_>| tally.hand(blob, visit);
            self.read(path, is_stream, buffer, visit).unwrap_or_else(|gap| tally.gap(gap));
        });
        Ok(Coverage { left_out_ignored: listing.left_out.len() as u64, ..tally.finish() })
    }
}

/// What a scan reads, and what git ignores of it, both sorted, each path once.
#[derive(Default)]
struct Listing {
    files: Vec<PathBuf>,
    /// Pipes and devices that were named: what comes out of them is read.
    streams: Vec<PathBuf>,
    left_out: Vec<PathBuf>,
}

impl Listing {
    fn add_folder(&mut self, folder: &Path, tally: &Tally) {
        // With a separator at its end, `-` is a folder's name and not a stream.
        let root = folder.join("");
        let mut all = files_below(&root, Rules::None);
        all.gaps.drain(..).for_each(|gap| tally.gap(gap));
        // Without a repository there are no rules.
        let has_rules = !all.repositories.is_empty() || is_in_repository(&root);
        let unreadable = if has_rules { unreadable_rules(&root, &all) } else { None };
        if !has_rules || unreadable.is_some() {
            unreadable.into_iter().for_each(|gap| tally.gap(gap));
            return self.files.extend(all.files.iter().map(|path| clean(path)));
        }
        let mut kept = files_below(&root, Rules::Git);
        kept.gaps.drain(..).for_each(|gap| tally.gap(gap));
        let is_ignored = |path: &&PathBuf| !is_among(&kept.files, path);
        let ignored: Vec<_> = all.files.iter().filter(is_ignored).collect();
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
            let folders: HashSet<&Path> = kept.folders.iter().map(PathBuf::as_path).collect();
            for path in ignored {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let is_tracked = tracked.iter().any(|tracked| tracked.contains(path));
                // A folder that is ignored whole is output, dependencies, a virtual environment: the keys
                // in it are other people's samples.
                let is_alone = path.parent().is_some_and(|folder| folders.contains(folder));
                match is_tracked || (is_alone && is_credentials_file(&name)) {
                    true => self.files.push(clean(path)),
                    false => self.left_out.push(clean(path)),
                };
            }
        }
        self.files.extend(kept.files.iter().map(|path| clean(path)));
    }

    /// Brings the paths in order, each once: a folder may be named twice.
    fn settle(&mut self) {
        for paths in [&mut self.files, &mut self.streams, &mut self.left_out] {
            sort(paths);
            paths.dedup();
        }
        let Self { files, left_out, .. } = self;
        left_out.retain(|path| !is_among(files, path));
    }
}

/// Returns the gap of rules that can't be read, if there are any: a walk by them would wait for whoever writes
/// to a pipe.
fn unreadable_rules(root: &Path, all: &Walked) -> Option<Gap> {
    let real = fs::canonicalize(root).ok();
    let above = real.iter().flat_map(|root| root.ancestors());
    let repositories = above.chain(all.repositories.iter().map(PathBuf::as_path));
    let path = repositories.filter_map(obstacle_in_rules).chain(all.obstacle.clone()).next()?;
    let gap = regular::not_regular(shown(&path));
    let why = format!("{}: what git ignores is not known, so it was scanned, too", gap.why);
    Some(Gap { why, ..gap })
}

/// Sorts paths by their bytes: by components, as paths compare, is many times slower.
fn sort(paths: &mut [PathBuf]) {
    paths.sort_unstable_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
}

fn is_among(sorted: &[PathBuf], path: &Path) -> bool {
    sorted.binary_search_by(|other| other.as_os_str().cmp(path.as_os_str())).is_ok()
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
    /// Sorted.
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    /// The folders that have a `.git` of their own.
    repositories: Vec<PathBuf>,
    /// What has the name of a file of rules, and is none.
    obstacle: Option<PathBuf>,
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
            lock(&in_filter, &|walked| walked.repositories.push(folder.to_owned()));
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
    let mut walked = std::mem::take(&mut *walked.lock().unwrap_or_else(PoisonError::into_inner));
    sort(&mut walked.files);
    sort(&mut walked.repositories);
    walked
}

fn is_in_repository(folder: &Path) -> bool {
    let folder = fs::canonicalize(folder);
    folder.is_ok_and(|folder| folder.ancestors().any(|folder| folder.join(".git").exists()))
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
                self.files.push(entry.path().to_owned());
            }
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_dir()) => {
                self.folders.push(entry.path().to_owned());
            }
            Ok(entry)
                if entry.file_name() == ".gitignore" && regular::is_obstacle(entry.path()) =>
            {
                self.obstacle = Some(entry.path().to_owned());
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

/// Takes `.` out of a path, so that a file is known by one name.
fn clean(path: &Path) -> PathBuf {
    let text = path.as_os_str().as_encoded_bytes();
    let is_separator = |byte: u8| std::path::is_separator(char::from(byte));
    let is_doubtful =
        |pair: [u8; 2]| is_separator(pair[0]) && (is_separator(pair[1]) || pair[1] == b'.');
    let ends_plainly = text.last().is_some_and(|last| !is_separator(*last)) && text[0] != b'.';
    if ends_plainly && !text.array_windows().any(|pair| is_doubtful(*pair)) {
        return path.to_owned();
    }
    let is_named = |component: &Component<'_>| *component != Component::CurDir;
    let cleaned: PathBuf = path.components().filter(is_named).collect();
    match cleaned.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => cleaned,
    }
}

/// Returns a path as reports show it, with `/` on every system.
pub(super) fn shown(path: &Path) -> String {
    let text = clean(path).to_string_lossy().into_owned();
    match std::path::MAIN_SEPARATOR {
        '/' => text,
        separator => text.replace(separator, "/"),
    }
}
