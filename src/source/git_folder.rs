//! The files of a git folder beside its objects: configuration, hooks, logs, messages in the making.
//!
//! The address of a remote, with a password in it, stands in `config` and in no commit. Nothing here is
//! obeyed; it is read as text.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::repository::family;
use super::tally::{Tally, too_large};
use super::{Blob, Coverage, DEFAULT_MAX_BYTES, Error, Gap, Kind, Place, Source};

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
        let unreadable = |error: io::Error| Gap {
            what: self.shown(path),
            why: error.to_string(),
            remedy: "make it readable for the user who scans, and scan it again".to_owned(),
        };
        let file = File::open(path).map_err(unreadable)?;
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
        let (members, _) = family(&self.path)?;
        let repositories: Vec<_> = members.into_iter().map(|member| member.repository).collect();
        let tally = Tally::default();
        let mut files = Vec::new();
        for repository in &repositories {
            list(repository.commondir(), MAX_DEPTH, &mut files, &tally);
        }
        files.sort();
        files.dedup();
        files.par_iter().for_each(|path| match self.read(path) {
            Ok(bytes) => {
                let places = [Place::new(Kind::GitFile, self.shown(path))];
                tally.hand(Blob::new(&bytes, &places), visit);
            }
            Err(gap) => tally.gap(gap),
        });
        Ok(tally.finish())
    }
}

/// Lists the regular files below a folder. Objects are the history's, and what submodules keep is listed
/// with them.
fn list(folder: &Path, depth: usize, files: &mut Vec<PathBuf>, tally: &Tally) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            return tally.gap(Gap {
                what: folder.display().to_string(),
                why: error.to_string(),
                remedy: "make it readable for the user who scans, and scan it again".to_owned(),
            });
        }
    };
    let is_git_folder = folder.join("HEAD").is_file();
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        let name = entry.file_name();
        // git lays samples into every repository, and runs none of them.
        let is_sample = folder.ends_with("hooks") && name.to_string_lossy().ends_with(".sample");
        if kind.is_file() && !is_sample {
            files.push(entry.path());
        } else if kind.is_dir() && depth > 0 {
            let is_elsewhere = ["lfs", "modules", "objects"].iter().any(|other| name == *other);
            if !(is_git_folder && is_elsewhere) {
                list(&entry.path(), depth - 1, files, tally);
            }
        }
    }
}
