//! Which of the files that git ignores are tracked all the same.
//!
//! A file that was added before it was ignored, or with `git add --force`, is part of every clone.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use git2::Index;

use crate::source::{Error, Gap, Repository, regular};

/// Returns the tracked files below a folder that was given to scan, spelled as the walk spells them.
pub(super) fn tracked_below(root: &Path) -> Result<HashSet<PathBuf>, Gap> {
    let repository = match Repository::discover(root) {
        Ok(repository) => repository,
        Err(Error::NotARepository { .. }) => return Ok(HashSet::new()),
        Err(error) => return Err(error.gap(root.display().to_string())),
    };
    let Some(workdir) = repository.workdir() else {
        return Ok(HashSet::new());
    };
    let same = |path: &Path| fs::canonicalize(path).map_err(|error| gap(root, &error.to_string()));
    let (real_root, real_workdir) = (same(root)?, same(workdir)?);
    let Ok(below) = real_root.strip_prefix(real_workdir) else {
        return Ok(HashSet::new());
    };
    let tracked = tracked(&repository)?.into_iter();
    Ok(tracked.filter_map(|path| Some(root.join(path.strip_prefix(below).ok()?))).collect())
}

/// Returns the paths of the index, relative to the root of the worktree.
fn tracked(repository: &Repository) -> Result<Vec<PathBuf>, Gap> {
    let path = repository.path().join("index");
    // libgit2 would wait for who writes to a pipe.
    if regular::is_obstacle(&path) {
        return Err(regular::not_regular(path.display().to_string()));
    }
    let index =
        Index::open_ext(&path, repository.format()).map_err(|error| gap(&path, error.message()))?;
    Ok(index.iter().map(|entry| to_path(&entry.path)).collect())
}

#[cfg(unix)]
fn to_path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(bytes).into()
}

#[cfg(not(unix))]
fn to_path(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}

fn gap(path: &Path, why: &str) -> Gap {
    Gap {
        what: path.display().to_string(),
        why: format!("its list of tracked files can't be read, so ignored ones may be missing: {why}"),
        remedy: "run `git status` there, and `git sparse-checkout reapply --no-sparse-index` in a sparse checkout".to_owned(),
    }
}
