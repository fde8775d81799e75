//! What a file was before to which a commit of the range gave another name.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use git2::Oid;

use super::commits::Commits;
use crate::source::renames::{Gone, Removed};
use crate::source::repository::{EntryKind, Objects};

/// The files that are gone in each commit. They are looked for when something was found in a file that is new
/// there, which is seldom.
pub(super) struct Renames<'a> {
    objects: &'a Objects,
    commits: &'a Commits,
    gone: Vec<OnceLock<Vec<Gone>>>,
}

impl<'a> Renames<'a> {
    pub(super) fn new(objects: &'a Objects, commits: &'a Commits) -> Self {
        let gone = commits.commits.iter().map(|_| OnceLock::new()).collect();
        Self { objects, commits, gone }
    }

    /// Returns what a file was before that none of the commit's parents has at its path: in each of them the
    /// one that is gone and most like it, if any is.
    pub(super) fn sources(&self, commit: usize, path: &str, blob: Oid) -> Vec<Oid> {
        let Some(gone) = self.gone.get(commit) else { return Vec::new() };
        let gone = gone.get_or_init(|| self.gone_in(commit));
        let sources =
            gone.iter().filter_map(|gone| gone.source_of(self.objects, path.as_bytes(), blob));
        sources.collect()
    }

    /// Lists the files that are gone in a commit, for each of its parents.
    fn gone_in(&self, commit: usize) -> Vec<Gone> {
        let commit = &self.commits.commits[commit];
        let trees = commit.parents.iter().filter_map(|parent| self.objects.tree_of(*parent));
        let removed = trees.map(|tree| removed(self.objects, tree, commit.tree));
        removed.map(|removed| Gone::of(self.objects, removed)).collect()
    }
}

/// Lists what one tree has at a path where the other has nothing.
fn removed(objects: &Objects, before: Oid, after: Oid) -> Vec<Removed> {
    let mut removed = Vec::new();
    // Folders that are repeated within each other make paths without number, and no further file.
    let mut met = HashSet::new();
    let mut waiting = vec![(Vec::new(), before, after)];
    while let Some((folder, before, after)) = waiting.pop() {
        if before == after || !met.insert((before, after)) {
            continue;
        }
        let slash = if folder.is_empty() { &b""[..] } else { b"/" };
        let there = objects.listing(after).into_iter().map(|(name, kind, oid)| (name, (kind, oid)));
        let there: HashMap<_, _> = there.collect();
        for (name, kind, oid) in objects.listing(before) {
            let path = [&folder, slash, &name].concat();
            match there.get(&name) {
                None => removed.push(Removed { path, kind, oid }),
                Some((EntryKind::Tree, after)) if kind == EntryKind::Tree => {
                    waiting.push((path, oid, *after));
                }
                Some(_) => {}
            }
        }
    }
    removed
}
