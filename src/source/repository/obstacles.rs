//! Looks for pipes, sockets and devices where libgit2 reads files before it is asked for anything: it would
//! wait for whoever writes to them.

use std::fs;
use std::path::{Path, PathBuf};

use super::settings::{Setting, settings};
use crate::source::regular;

/// What libgit2 reads of a git folder, or of a linked worktree's own.
const OWN: [&str; 4] = ["HEAD", "commondir", "gitdir", "config.worktree"];
/// What it reads of the git folder that linked worktrees share.
const SHARED: [&str; 3] = ["config", "info/grafts", "shallow"];
/// What it reads of an object folder.
const OF_OBJECTS: [&str; 2] = ["info/alternates", "pack/multi-pack-index"];

/// Returns what stands in the way of finding and opening the repository that `path` is in, if anything does.
pub(super) fn above(path: &Path) -> Option<PathBuf> {
    let path = fs::canonicalize(path).ok()?;
    for folder in path.ancestors() {
        let link = folder.join(".git");
        if regular::is_obstacle(&link) {
            return Some(link);
        }
        for folder in [git_folder(link), folder.to_owned()] {
            let shared = shared_folder(&folder);
            if folder.join("HEAD").exists() && shared.join("objects").is_dir() {
                let obstacle = in_git_folder(&folder, &shared);
                let is_found = folder.join("HEAD").is_file() && shared.join("refs").is_dir();
                if obstacle.is_some() || is_found {
                    return obstacle;
                }
            }
        }
    }
    None
}

fn in_git_folder(folder: &Path, shared: &Path) -> Option<PathBuf> {
    let files = SHARED.iter().map(|name| shared.join(name));
    let files = OWN.iter().map(|name| folder.join(name)).chain(files);
    let included = included(&[folder.join("config.worktree"), shared.join("config")]);
    files.chain(included).find(|path| regular::is_obstacle(path))
}

/// Returns files of configuration and those that they name to be read with them, as far as they are there.
fn included(configs: &[PathBuf]) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = configs.to_vec();
    let mut next = 0;
    while let Some(config) = found.get(next).cloned() {
        next += 1;
        let text = regular::read_text(&config).unwrap_or_default();
        let settings = settings(&text).into_iter();
        let is_include =
            |setting: &Setting| setting.section.starts_with("include") && setting.key == "path";
        for setting in settings.filter(is_include) {
            let path = fs::canonicalize(config.with_file_name(setting.value));
            found.extend(path.ok().filter(|path| !found.contains(path)));
        }
    }
    found
}

/// Returns the folder that a `.git` is, or names.
fn git_folder(link: PathBuf) -> PathBuf {
    let text = regular::read_text(&link).ok();
    let named = text.as_deref().and_then(|text| text.strip_prefix("gitdir:")).map(str::trim);
    match (named, link.parent()) {
        (Some(named), Some(folder)) => folder.join(named),
        _ => link,
    }
}

/// Returns the git folder that a linked worktree's own names as the shared one; of any other, itself.
fn shared_folder(folder: &Path) -> PathBuf {
    match regular::read_text(&folder.join("commondir")) {
        Ok(named) => folder.join(named.trim_end()),
        Err(_) => folder.to_owned(),
    }
}

/// Returns what stands in the way of reading what git ignores in a folder, as far as its own files say that.
pub(in crate::source) fn in_rules(folder: &Path) -> Option<PathBuf> {
    let own = git_folder(folder.join(".git"));
    let excluded = shared_folder(&own).join("info/exclude");
    let files = [folder.join(".gitignore"), own.join("commondir"), excluded];
    files.into_iter().find(|path| regular::is_obstacle(path))
}

/// Returns what stands in the way of reading the objects of these object folders, if anything does.
pub(super) fn in_objects(folders: &[PathBuf]) -> Option<PathBuf> {
    let named = folders.iter().flat_map(|folder| OF_OBJECTS.map(|name| folder.join(name)));
    let packs = folders.iter().flat_map(|folder| fs::read_dir(folder.join("pack")));
    let packs = packs.flatten().flatten().map(|entry| entry.path()).filter(|path| {
        path.extension().is_some_and(|extension| extension == "idx" || extension == "pack")
    });
    named.chain(packs).find(|path| regular::is_obstacle(path))
}
