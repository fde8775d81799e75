//! Repositories: where one lies, and the errors of this room.
//!
//! Only the objects, the references and the index are read. Of the configuration nothing is used that
//! could name a program; no hook, filter or monitor runs.

mod address;
mod config;
mod hooks_folder;
mod ids;
mod index;
mod loose;
mod objects;
mod obstacles;
mod packs;
mod parse;
mod reflogs;
mod refs;
mod registered;
mod remotes;
mod settings;
mod signature;
mod submodules;

pub use hooks_folder::{ConfigVariables, HooksFolder};
pub(super) use ids::{Id, parse_oid};
pub(super) use index::{Folder, Index, Staged};
pub(super) use loose::loose_objects;
pub(super) use objects::{Objects, Unreadable};
pub(super) use obstacles::in_rules as obstacle_in_rules;
pub(super) use packs::broken_packs;
pub(super) use parse::{Commit, Entry, EntryKind, Tag, entries, header, message};
pub(super) use refs::{Tip, head, merged, tips};
pub(super) use signature::Signature;
pub(super) use submodules::{Family, Member, family};

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use git2::{ErrorClass, ErrorCode, ObjectFormat, Oid};

use super::{Gap, regular};

/// Why a source could not be read at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such path, or it can't be read.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The path is in no git repository.
    #[error("{path} is not in a git repository")]
    NotARepository {
        /// Which.
        path: PathBuf,
    },
    /// The repository belongs to another user, and git's `safe.directory` doesn't name it.
    #[error("the repository {path} belongs to another user")]
    NotOwned {
        /// Which repository.
        path: PathBuf,
    },
    /// An index could not be read.
    #[error("cannot read the index {path}: {why}")]
    Index {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The repository is bare, so it has no index.
    #[error("the repository {path} is bare: it has no index, so nothing can be staged in it")]
    NoIndex {
        /// Which repository.
        path: PathBuf,
    },
    /// Something else stands where git keeps a file, so that nothing can be read that needs it.
    #[error("cannot read the repository: {path} is not a regular file")]
    NotRegular {
        /// Which path.
        path: PathBuf,
    },
    /// git data could not be read.
    #[error("cannot read the repository {path}: {why}")]
    Git {
        /// Which repository.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// No revision has that name.
    #[error("there is no revision {name:?}: {why}")]
    UnknownRevision {
        /// The name.
        name: String,
        /// Why it names none.
        why: String,
        /// Whether the repository has only the end of its history.
        is_shallow: bool,
    },
    /// What `--since` was given is no revision, and no date that is understood.
    #[error("{name:?} is neither a revision nor a date: {why}")]
    UnknownBeginning {
        /// What was given.
        name: String,
        /// Why it names no revision.
        why: String,
        /// Whether the repository has only the end of its history.
        is_shallow: bool,
    },
    /// Two revisions should have a commit in common, and have none.
    #[error("{a} and {b} have no commit in common")]
    Unrelated {
        /// One of them.
        a: String,
        /// The other.
        b: String,
        /// Whether the repository has only the end of its history.
        is_shallow: bool,
    },
    /// What stood at a place is no longer there.
    #[error("cannot read {what} again: {why}")]
    Gone {
        /// The place.
        what: String,
        /// Why.
        why: String,
    },
}

impl Error {
    /// Returns what a person can do about it, where that is known.
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::NotOwned { path } => Some(format!(
                "if you trust its owner, run `git config --global --add safe.directory {}`",
                path.display()
            )),
            Self::Git { why, .. } if why.contains("refstorage") => {
                Some("run `git refs migrate --ref-format=files`".to_owned())
            }
            // A format this program doesn't know is no damage.
            Self::Git { why, .. } if why.contains("unknown") || why.contains("unsupported") => None,
            Self::Git { .. } => Some("run `git fsck --full` in it".to_owned()),
            Self::Index { why, .. } if why.contains("split") => {
                Some("run `git update-index --no-split-index`".to_owned())
            }
            Self::Index { .. } => Some(
                "run `git status`; if it fails too, remove the file and `git reset`".to_owned(),
            ),
            Self::NoIndex { .. } => Some(
                "scan where it is checked out, or here what is committed: `--history` or `--range`"
                    .to_owned(),
            ),
            Self::NotRegular { .. } => Some(
                "remove it, or put back the file that belongs there; `git fsck` says what is missing"
                    .to_owned(),
            ),
            Self::Read { .. } => Some("check the path, and that you may read it".to_owned()),
            Self::NotARepository { .. } => Some(
                "a history and an index are only in a git repository; plain files need neither"
                    .to_owned(),
            ),
            Self::UnknownRevision { is_shallow: true, .. }
            | Self::Unrelated { is_shallow: true, .. } => Some(
                "the clone is shallow: run `git fetch --unshallow`, or check out with `fetch-depth: 0`"
                    .to_owned(),
            ),
            Self::UnknownRevision { .. } => Some(
                "`git branch --all` and `git tag` list the names there are; one of a remote must be fetched first"
                    .to_owned(),
            ),
            Self::UnknownBeginning { is_shallow, .. } => {
                let fetch = match is_shallow {
                    true => "; the clone is shallow: `git fetch --unshallow` brings older ones",
                    false => "",
                };
                Some(format!(
                    "dates are written 2026-03-01, 2026-03-01T12:00, \"2 weeks ago\", \"1 day ago\" or \"36 h ago\"; `git branch --all` and `git tag` list the revisions with names{fetch}"
                ))
            }
            Self::Unrelated { a, b, .. } => Some(format!(
                "`{a}..{b}` takes all that {b} reaches and {a} does not"
            )),
            Self::Gone { .. } => None,
        }
    }

    /// Returns the gap that is left where the rest of a scan goes on.
    pub(super) fn gap(&self, what: String) -> Gap {
        let remedy = self.remedy().unwrap_or_else(|| "run `git fsck` in it".to_owned());
        Gap { what, why: self.to_string(), remedy }
    }
}

/// Where the parts of a repository lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    path: PathBuf,
    commondir: PathBuf,
    workdir: Option<PathBuf>,
    is_foreign: bool,
    format: ObjectFormat,
}

impl Repository {
    /// Returns the git folder: `.git`, a bare repository, or a linked worktree's own folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the git folder that all linked worktrees share; mostly the same as [`Self::path`].
    pub fn commondir(&self) -> &Path {
        &self.commondir
    }

    /// Returns the root of the worktree, or none where the repository is bare.
    pub fn workdir(&self) -> Option<&Path> {
        self.workdir.as_deref()
    }

    /// Returns whether it belongs to another user, and git's `safe.directory` doesn't name it. git then
    /// refuses to work with it, because its configuration could name programs. None of it is run here, so it
    /// is read all the same; but nothing should be written to it.
    pub fn is_foreign(&self) -> bool {
        self.is_foreign
    }

    /// Returns the hash that its objects are named by.
    pub(super) fn format(&self) -> ObjectFormat {
        self.format
    }

    /// Returns how many bytes the ids of its objects have.
    pub(super) fn id_bytes(&self) -> usize {
        ids::id_bytes(self.format)
    }

    /// Returns where its own objects lie.
    pub(super) fn objects_dir(&self) -> PathBuf {
        self.commondir.join("objects")
    }

    /// Returns the commits whose parents a shallow clone left out.
    pub(super) fn shallow_commits(&self) -> HashSet<Oid> {
        let text = regular::read_text(&self.commondir.join("shallow")).unwrap_or_default();
        text.lines().filter_map(|line| parse_oid(line.trim())).collect()
    }

    /// Returns whether it is a partial clone, which leaves objects at its remote until they are needed.
    pub(super) fn is_partial_clone(&self) -> bool {
        let packs = fs::read_dir(self.objects_dir().join("pack"));
        packs.into_iter().flatten().flatten().any(|entry| {
            let path = entry.path();
            path.extension().is_some_and(|extension| extension == "promisor")
        })
    }

    /// Finds the repository that `path` is in, without asking whose it is.
    pub(super) fn discover(path: &Path) -> Result<Self, Error> {
        fs::metadata(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        if let Some(path) = obstacles::above(path) {
            return Err(Error::NotRegular { path });
        }
        let found = git2::Repository::discover_path(path, [] as [&Path; 0]);
        found.map(Self::of_git_dir).map_err(|error| explain(path, &error))
    }

    /// Returns the repository of a git folder, from its layout alone.
    fn of_git_dir(path: PathBuf) -> Self {
        let pointer = |name: &str| -> Option<PathBuf> {
            let text = String::from_utf8(regular::read(&path.join(name)).ok()?).ok()?;
            Some(path.join(text.trim_end_matches(['\r', '\n'])))
        };
        let workdir = match pointer("gitdir") {
            Some(link) => link.parent().map(Path::to_owned),
            None if path.ends_with(".git") => path.parent().map(Path::to_owned),
            None => None,
        };
        let commondir = pointer("commondir").unwrap_or_else(|| path.clone());
        let format = format_in(&commondir).unwrap_or(ObjectFormat::Sha1);
        Self { commondir, workdir, path, is_foreign: false, format }
    }
}

/// Opens the repository that `path` is in: the folder itself or one above it, bare or not, or a linked
/// worktree.
///
/// # Errors
/// Where there is none, it belongs to another user, or it can't be read.
pub fn open_repository(path: &Path) -> Result<Repository, Error> {
    let found = Repository::discover(path)?;
    match git2::Repository::open(found.path()) {
        Ok(opened) => Ok(Repository {
            path: opened.path().to_owned(),
            commondir: opened.commondir().to_owned(),
            workdir: opened.workdir().map(Path::to_owned),
            is_foreign: false,
            format: opened.object_format(),
        }),
        // It is only read: nothing of another user's is run.
        Err(error) if error.code() == ErrorCode::Owner && has_only_known_extensions(&found) => {
            Ok(Repository { is_foreign: true, ..found })
        }
        // libgit2 refuses every partial clone because it can't fetch what is missing; all that is
        // there reads as in any other.
        Err(error) if is_merely_partial(&found, &error) => Ok(found),
        // git knows a repository by its worktree where it has one, without a slash at the end.
        Err(error) => {
            let known_as = found.workdir().unwrap_or(found.path());
            Err(explain(&known_as.components().collect::<PathBuf>(), &error))
        }
    }
}

/// Returns whether the only thing libgit2 does not know about the repository is that it is partial.
fn is_merely_partial(repository: &Repository, error: &git2::Error) -> bool {
    error.message().contains("extensions.partialclone") && has_only_known_extensions(repository)
}

/// Returns whether the repository is stored in no way but those that are read here.
fn has_only_known_extensions(repository: &Repository) -> bool {
    const KNOWN: [&str; 5] = [
        "extensions.noop",
        "extensions.partialclone",
        "extensions.preciousobjects",
        "extensions.relativeworktrees",
        "extensions.worktreeconfig",
    ];
    let only_known = || -> Result<bool, git2::Error> {
        let config = git2::Config::open(&repository.commondir.join("config"))?;
        let mut only_known = true;
        config.entries(Some("^extensions\\."))?.for_each(|entry| {
            let is_format = entry.name() == Ok("extensions.objectformat");
            let format = is_format.then(|| entry.value().ok().and_then(named_format)).flatten();
            only_known &= format.is_some() || entry.name().is_ok_and(|name| KNOWN.contains(&name));
        })?;
        Ok(only_known)
    };
    only_known().unwrap_or(false)
}

/// Returns the hash that the configuration in a folder names.
fn format_in(commondir: &Path) -> Option<ObjectFormat> {
    let config = git2::Config::open(&commondir.join("config")).ok()?;
    named_format(&config.get_string("extensions.objectformat").ok()?)
}

fn named_format(name: &str) -> Option<ObjectFormat> {
    let formats = [ObjectFormat::Sha1, ObjectFormat::Sha256];
    formats.into_iter().find(|format| name.eq_ignore_ascii_case(format.str()))
}

/// Says what an error of libgit2 about a whole repository means.
fn explain(path: &Path, error: &git2::Error) -> Error {
    let path = path.to_owned();
    match (error.code(), error.class()) {
        (ErrorCode::Owner, _) => Error::NotOwned { path },
        (ErrorCode::NotFound, ErrorClass::Repository) => Error::NotARepository { path },
        _ => Error::Git { path, why: error.message().to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_owner_is_an_error_of_its_own_with_the_command_that_helps() {
        let raw = git2::Error::new(ErrorCode::Owner, ErrorClass::Config, "not owned");
        let error = explain(Path::new("/srv/code"), &raw);
        assert!(matches!(error, Error::NotOwned { .. }));
        let remedy = error.remedy().unwrap();
        assert!(remedy.contains("safe.directory /srv/code"), "{remedy}");
    }
}
