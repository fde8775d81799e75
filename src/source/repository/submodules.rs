//! The submodules of a repository: their own repositories, as far as they are here, and which are not.

use std::collections::HashSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::registered::{registered, staged};
use super::{Error, Repository, open_repository};
use crate::source::Gap;

/// Names of submodules have no more parts than this.
const MAX_DEPTH: usize = 16;

/// The repository of a submodule.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Submodule {
    /// Where it can be opened.
    path: PathBuf,
    /// Where it stands in the repository it belongs to: its path, or else its name.
    prefix: String,
}

/// Returns the submodules whose repositories are here: those checked out, then those that only the git
/// folder still holds, sorted.
fn submodules(repository: &Repository) -> Vec<Submodule> {
    let mut found = checked_out(repository, staged(repository).unwrap_or_default().iter());
    let mut known: HashSet<PathBuf> = found.iter().filter_map(git_folder).collect();
    for modules in module_folders(repository) {
        let mut kept = Vec::new();
        kept_below(&modules, "", MAX_DEPTH, &mut kept);
        let is_new = |module: &Submodule| git_folder(module).is_some_and(|at| known.insert(at));
        found.extend(kept.into_iter().filter(is_new));
    }
    found
}

/// Returns the paths of the submodules that are registered and whose repositories are not here.
fn absent(repository: &Repository) -> Vec<String> {
    let mut absent = registered(repository);
    let found = checked_out(repository, absent.keys());
    found.iter().for_each(|module| _ = absent.remove(&module.prefix));
    let mut kept = Vec::new();
    for modules in module_folders(repository) {
        kept_below(&modules, "", MAX_DEPTH, &mut kept);
    }
    absent.retain(|_, name| kept.iter().all(|module| module.prefix != *name));
    absent.into_keys().collect()
}

/// Returns the submodules that have a repository in the worktree.
fn checked_out<'a>(
    repository: &Repository,
    paths: impl Iterator<Item = &'a String>,
) -> Vec<Submodule> {
    let Some(workdir) = repository.workdir() else { return Vec::new() };
    let modules = paths.filter_map(|prefix| {
        let prefix = prefix.clone();
        let path = workdir.join(&prefix);
        let is_below = Path::new(&prefix).components().all(|c| matches!(c, Component::Normal(_)));
        // A link on the way would lead out of the worktree.
        let real = fs::canonicalize(&path).ok()?;
        let is_real = real == fs::canonicalize(workdir).ok()?.join(&prefix);
        (is_below && is_real && path.join(".git").exists()).then_some(Submodule { path, prefix })
    });
    modules.collect()
}

/// Returns the folders in which git keeps the repositories of submodules.
fn module_folders(repository: &Repository) -> Vec<PathBuf> {
    let common = repository.commondir();
    let mut folders = vec![common.join("modules")];
    let worktrees = fs::read_dir(common.join("worktrees")).into_iter().flatten().flatten();
    let mut worktrees: Vec<_> = worktrees.map(|entry| entry.path().join("modules")).collect();
    worktrees.sort();
    folders.extend(worktrees);
    folders
}

/// Collects the repositories below a folder; those within them are their own submodules.
fn kept_below(folder: &Path, prefix: &str, depth: usize, found: &mut Vec<Submodule>) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut folders: Vec<PathBuf> = folders.map(|entry| entry.path()).collect();
    folders.sort();
    for path in folders {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let prefix = format!("{prefix}{name}");
        if path.join("HEAD").is_file() && path.join("objects").is_dir() {
            found.push(Submodule { path, prefix });
        } else if depth > 0 {
            kept_below(&path, &format!("{prefix}/"), depth - 1, found);
        }
    }
}

/// Returns the real git folder of a submodule, by which it is known however it is reached.
fn git_folder(module: &Submodule) -> Option<PathBuf> {
    let path = match Repository::discover(&module.path) {
        Ok(repository) => repository.commondir().to_owned(),
        Err(_) => module.path.clone(),
    };
    fs::canonicalize(path).ok()
}

/// A repository, and where it stands in the one that was asked for.
#[derive(Clone, Debug)]
pub(in crate::source) struct Member {
    pub(in crate::source) repository: Repository,
    /// Empty, or the path of a submodule with a slash behind it.
    pub(in crate::source) prefix: String,
}

/// A repository and its submodules, theirs among them.
#[derive(Debug, Default)]
pub(in crate::source) struct Family {
    /// The repository itself, then those of its submodules that are here.
    pub(in crate::source) members: Vec<Member>,
    /// One for each that is here and can't be opened.
    pub(in crate::source) gaps: Vec<Gap>,
}

impl Family {
    /// Returns the paths of the submodules that are registered and not here.
    pub(in crate::source) fn absent(&self) -> Vec<String> {
        let of = |member: &Member| {
            let paths = absent(&member.repository).into_iter();
            paths.map(|path| format!("{}{path}", member.prefix)).collect::<Vec<_>>()
        };
        self.members.iter().flat_map(of).collect()
    }
}

/// Returns the repository that `path` is in and all its submodules.
///
/// # Errors
/// Where the repository itself can't be opened.
pub(in crate::source) fn family(path: &Path) -> Result<Family, Error> {
    let first = Member { repository: open_repository(path)?, prefix: String::new() };
    let mut known = HashSet::from([real(first.repository.commondir())]);
    let mut family = Family { members: vec![first], ..Family::default() };
    let mut next = 0;
    while let Some(member) = family.members.get(next).cloned() {
        next += 1;
        for module in submodules(&member.repository) {
            let prefix = format!("{}{}/", member.prefix, module.prefix);
            match open_repository(&module.path) {
                Ok(repository) => {
                    // A `.git` file may name a repository that was met before, even the first one.
                    if known.insert(real(repository.commondir())) {
                        family.members.push(Member { repository, prefix });
                    }
                }
                Err(error) => family.gaps.push(Gap {
                    what: format!("the submodule {prefix}"),
                    why: error.to_string(),
                    remedy: error.remedy().unwrap_or_else(|| {
                        format!("run `git submodule update --init {}`", module.prefix)
                    }),
                }),
            }
        }
    }
    Ok(family)
}

fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
