//! What git remembers without a reference: the logs of references, and heads such as `ORIG_HEAD`.
//!
//! A commit that was reset away, amended or rebased stands here until it expires.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use git2::Oid;

use super::Repository;
use super::ids::parse_oid;
use super::refs::Tip;
use crate::source::regular;

/// Files beside `HEAD` that begin each of their lines with an object. git removes what they name when
/// it likes.
const PASSING_HEADS: [&str; 7] = [
    "AUTO_MERGE",
    "CHERRY_PICK_HEAD",
    "FETCH_HEAD",
    "MERGE_HEAD",
    "ORIG_HEAD",
    "REBASE_HEAD",
    "REVERT_HEAD",
];
/// Folders within folders beyond this are no reference's.
const MAX_DEPTH: usize = 64;

/// Returns what the logs and passing heads of the repository and its linked worktrees name, beyond
/// `known`. What is no longer there was let go by git itself: that is no gap.
pub(super) fn remembered(repository: &Repository, known: &[Tip]) -> Vec<Tip> {
    let mut found = Found { known: known.iter().map(|tip| tip.oid).collect(), tips: Vec::new() };
    let common = repository.commondir();
    found.folder(common, "");
    for (name, is_folder) in entries(&common.join("worktrees")) {
        if is_folder {
            found.folder(&common.join("worktrees").join(&name), &format!("worktrees/{name}/"));
        }
    }
    found.tips
}

struct Found {
    known: HashSet<Oid>,
    tips: Vec<Tip>,
}

impl Found {
    fn folder(&mut self, folder: &Path, prefix: &str) {
        for head in PASSING_HEADS {
            let first_word = |line: &str| line.split_whitespace().next().and_then(parse_oid);
            for line in lines(&folder.join(head)) {
                self.note(first_word(&line), &format!("{prefix}{head}"));
            }
        }
        self.logs(&folder.join("logs"), &format!("log of {prefix}"), MAX_DEPTH);
    }

    /// Reads every log below a folder: each line begins with the old object and the new one.
    fn logs(&mut self, folder: &Path, prefix: &str, depth: usize) {
        for (name, is_folder) in entries(folder) {
            let (path, name) = (folder.join(&name), format!("{prefix}{name}"));
            if is_folder && depth > 0 {
                self.logs(&path, &format!("{name}/"), depth - 1);
            } else if !is_folder {
                for line in lines(&path) {
                    let mut words = line.split(' ').take(2).map(parse_oid);
                    words.by_ref().for_each(|oid| self.note(oid, &name));
                }
            }
        }
    }

    fn note(&mut self, oid: Option<Oid>, name: &str) {
        let Some(oid) = oid.filter(|oid| !oid.is_zero()) else { return };
        if self.known.insert(oid) {
            self.tips.push(Tip { name: name.to_owned(), oid, may_be_gone: true });
        }
    }
}

/// Returns what is in a folder, sorted, and whether each is a folder itself; links are neither followed
/// nor read.
fn entries(folder: &Path) -> Vec<(String, bool)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .filter_map(|entry| {
            let kind = entry.file_type().ok()?;
            let name = entry.file_name().to_string_lossy().into_owned();
            (kind.is_dir() || kind.is_file()).then_some((name, kind.is_dir()))
        })
        .collect();
    names.sort();
    names
}

/// Returns the lines of a regular file; none where there is no such file.
fn lines(path: &Path) -> Vec<String> {
    let is_file = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
    let text = is_file.then(|| regular::read_text(path).ok()).flatten().unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}
