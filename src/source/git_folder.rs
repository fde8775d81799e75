//! The files of a git folder beside its objects: configuration, hooks, logs, messages in the making.
//!
//! The address of a remote, with a password in it, stands in `config` and in no commit. Nothing here is
//! obeyed; it is read as text.

use std::fs::{self, FileType};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::repository::family;
use super::tally::{Tally, too_large};
use super::{Blob, Coverage, DEFAULT_MAX_BYTES, Error, Gap, Kind, Place, Source, regular};

/// Folders within folders beyond this are not git's.
const MAX_DEPTH: usize = 64;

/// The files of the git folder of a repository and of its submodules.
#[derive(Clone, Debug)]
pub struct GitFolder {
    path: PathBuf,
    max_bytes: u64,
}

impl GitFolder {
    /// Returns the git folder of the repository that `path` is in.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), max_bytes: DEFAULT_MAX_BYTES }
    }

    /// Sets how large a file may be to be read, in bytes.
    #[must_use]
    pub fn max_bytes(mut self, max_bytes: u64) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// Returns a path as it is seen from the folder that was named.
    fn shown(&self, path: &Path) -> String {
        let real = |path: &Path| fs::canonicalize(path).ok();
        let below = || Some(real(path)?.strip_prefix(real(&self.path)?).ok()?.to_owned());
        let path = below().map_or_else(|| path.to_owned(), |below| self.path.join(below));
        super::worktree::shown(&path)
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, Gap> {
        let unreadable = |error: io::Error| regular::unreadable(self.shown(path), &error);
        let file = regular::open(path).map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        if size > self.max_bytes {
            return Err(too_large(self.shown(path), size, self.max_bytes));
        }
        let mut bytes = Vec::new();
        file.take(self.max_bytes).read_to_end(&mut bytes).map_err(unreadable)?;
        Ok(bytes)
    }
}

impl Source for GitFolder {
    fn walk(&self, visit: &(dyn Fn(Blob<'_>) + Sync)) -> Result<Coverage, Error> {
        let members = family(&self.path)?.members.into_iter();
        let repositories: Vec<_> = members.map(|member| member.repository).collect();
        let tally = Tally::default();
        let mut listing = Listing::default();
        for repository in &repositories {
            listing.add(repository.commondir(), MAX_DEPTH, &tally);
        }
        listing.files.sort();
        listing.files.dedup();
        let others = listing.others.iter();
        others.for_each(|path| tally.gap(regular::not_regular(self.shown(path))));
        listing.files.par_iter().for_each(|path| match self.read(path) {
            Ok(bytes) => {
                let places = [Place::new(Kind::GitFile, self.shown(path))];
                tally.hand(Blob::new(&bytes, &places), visit);
            }
            Err(gap) => tally.gap(gap),
        });
        Ok(tally.finish())
    }
}

/// What lies in git folders.
#[derive(Default)]
struct Listing {
    files: Vec<PathBuf>,
    /// Pipes, sockets and devices: where they are a file should be.
    others: Vec<PathBuf>,
}

impl Listing {
    /// Adds what is below a folder. Objects are the history's, and what submodules keep is listed with them.
    fn add(&mut self, folder: &Path, depth: usize, tally: &Tally) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                return tally.gap(regular::unreadable(folder.display().to_string(), &error));
            }
        };
        let is_git_folder = folder.join("HEAD").is_file();
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            let name = entry.file_name();
            // git lays samples into every repository, and runs none of them.
            let is_sample =
                folder.ends_with("hooks") && name.to_string_lossy().ends_with(".sample");
            if kind.is_file() && !is_sample {
                self.files.push(entry.path());
            } else if kind.is_dir() && depth > 0 {
                let is_elsewhere = ["lfs", "modules", "objects"].iter().any(|other| name == *other);
                if !(is_git_folder && is_elsewhere) {
                    self.add(&entry.path(), depth - 1, tally);
                }
            } else if is_other(kind) && name != MONITOR {
                self.others.push(entry.path());
            }
        }
    }
}

/// Where git's own monitor of the worktree listens: a socket that holds nothing.
const MONITOR: &str = "fsmonitor--daemon.ipc";

fn is_other(kind: FileType) -> bool {
    !kind.is_file() && !kind.is_dir() && !kind.is_symlink()
}
