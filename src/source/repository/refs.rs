//! What the references point to: every branch, tag, note, stash and head, and what their logs remember.
//!
//! The files are read directly, because libgit2 passes over a damaged reference without a word.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use git2::Oid;

use super::ids::parse_oid;
use super::{Repository, reflogs};
use crate::source::{Gap, regular};

/// An object that a reference points to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::source) struct Tip {
    /// The name of the reference.
    pub(in crate::source) name: String,
    /// The object.
    pub(in crate::source) oid: Oid,
    /// Whether git may have removed the object: only a log or a passing head names it.
    pub(in crate::source) may_be_gone: bool,
}

/// What a reference holds.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    Object(Oid),
    Reference(String),
}

/// What was read so far; a loose reference replaces a packed one of its name.
#[derive(Default)]
struct Found {
    objects: BTreeMap<String, Oid>,
    gaps: Vec<Gap>,
}

/// Returns what every reference of the repository and its linked worktrees points to, sorted, then what
/// their logs remember; and the references that can't be read.
pub(in crate::source) fn tips(repository: &Repository) -> (Vec<Tip>, Vec<Gap>) {
    let common = repository.commondir();
    let mut found = Found::default();
    found.packed(common);
    found.loose(&common.join("refs"), "refs");
    found.file(&common.join("HEAD"), "HEAD");
    for worktree in sorted_names(&common.join("worktrees")).unwrap_or_default() {
        let folder = common.join("worktrees").join(&worktree);
        found.file(&folder.join("HEAD"), &format!("worktrees/{worktree}/HEAD"));
        found.loose(&folder.join("refs"), &format!("worktrees/{worktree}/refs"));
    }
    found.stashes(common);
    let tips = found.objects.into_iter();
    let tips = tips.map(|(name, oid)| Tip { name, oid, may_be_gone: false });
    let mut tips: Vec<Tip> = tips.collect();
    let remembered = reflogs::remembered(repository, &tips);
    tips.extend(remembered);
    (tips, found.gaps)
}

/// Returns the commits that the next commit is made on: the one that is checked out, and in a merge those
/// that are merged.
pub(in crate::source) fn merged(repository: &Repository) -> Vec<Oid> {
    let merging = regular::read_text(&repository.path().join("MERGE_HEAD")).unwrap_or_default();
    let merging = merging.lines().filter_map(parse_oid);
    head(repository).into_iter().chain(merging).collect()
}

/// Returns the commit that is checked out, or none before the first commit.
pub(in crate::source) fn head(repository: &Repository) -> Option<Oid> {
    // git itself stops at five steps, so a circle ends.
    const MAX_STEPS: usize = 5;
    let mut packed = Found::default();
    packed.packed(repository.commondir());
    let mut target = read(&repository.path().join("HEAD")).ok()??;
    for _ in 0..MAX_STEPS {
        let name = match target {
            Target::Object(oid) => return Some(oid),
            Target::Reference(name) => name,
        };
        let own = read(&repository.path().join(&name)).ok().flatten();
        let shared = || read(&repository.commondir().join(&name)).ok().flatten();
        let from_pack = || packed.objects.get(&name).copied().map(Target::Object);
        target = own.or_else(shared).or_else(from_pack)?;
    }
    None
}

impl Found {
    /// Reads `packed-refs`: an id and a name on each line, `^` before the target of the tag above.
    fn packed(&mut self, common: &Path) {
        let path = common.join("packed-refs");
        let text = match regular::read_text(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return self.gap("packed-refs", &error.to_string()),
        };
        for line in text.lines() {
            if line.is_empty() || line.starts_with(['#', '^']) {
                continue;
            }
            match line.split_once(' ').map(|(oid, name)| (parse_oid(oid), name)) {
                Some((Some(oid), name)) => _ = self.objects.insert(name.to_owned(), oid),
                _ => self.gap("packed-refs", "a line of it is not a reference"),
            }
        }
    }

    /// Reads all files below a folder. The nesting of folders is bounded by what a path can hold.
    fn loose(&mut self, folder: &Path, name: &str) {
        let entries = match sorted_names(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return self.gap(name, &error.to_string()),
        };
        for entry in entries {
            let (path, name) = (folder.join(&entry), format!("{name}/{entry}"));
            if path.is_dir() {
                self.loose(&path, &name);
            } else if !entry.ends_with(".lock") {
                self.file(&path, &name);
            }
        }
    }

    /// Reads one loose reference. One that names another needs nothing: the other is read too.
    fn file(&mut self, path: &Path, name: &str) {
        match read(path) {
            Ok(Some(Target::Object(oid))) => _ = self.objects.insert(name.to_owned(), oid),
            Ok(Some(Target::Reference(_))) => {}
            Ok(None) => self.gap(name, "it is not a reference"),
            Err(error) => self.gap(name, &error.to_string()),
        }
    }

    /// Reads the older stashes: `refs/stash` is only the latest, the log of it is the list.
    fn stashes(&mut self, common: &Path) {
        if !self.objects.contains_key("refs/stash") {
            return;
        }
        let log = regular::read_text(&common.join("logs/refs/stash")).unwrap_or_default();
        for (number, line) in log.lines().enumerate() {
            if let Some(oid) = line.split(' ').nth(1).and_then(parse_oid) {
                self.objects.insert(format!("refs/stash, entry {number}"), oid);
            }
        }
    }

    fn gap(&mut self, name: &str, why: &str) {
        self.gaps.push(Gap {
            what: name.to_owned(),
            why: why.to_owned(),
            remedy: "run `git fsck`, and set the reference again with `git update-ref`".to_owned(),
        });
    }
}

/// Reads a reference file, or none where it holds no reference.
fn read(path: &Path) -> io::Result<Option<Target>> {
    let text = regular::read_text(path)?;
    let text = text.trim_end();
    Ok(match text.strip_prefix("ref:") {
        Some(name) => Some(Target::Reference(name.trim_start().to_owned())),
        None => parse_oid(text).map(Target::Object),
    })
}

fn sorted_names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}
