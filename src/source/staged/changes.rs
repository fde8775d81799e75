//! Which files of the index differ from the commits that the next one is made on.

use std::collections::HashMap;

use git2::Oid;

use crate::source::renames::{Gone, Removed};
use crate::source::repository::{EntryKind, Folder, Index, Objects, Staged};

/// What differs.
pub(super) struct Changes {
    /// Every file that is as in none of the commits.
    pub(super) list: Vec<Change>,
    /// What each commit has and the index does not.
    pub(super) removed: Vec<Vec<Removed>>,
}

/// A file that differs.
pub(super) struct Change {
    pub(super) path: Vec<u8>,
    pub(super) blob: Oid,
    /// What the commits have at that path.
    pub(super) earlier: Vec<Oid>,
}

/// Compares the index with commits. What can't be read of a commit counts as not there: then more is
/// scanned than need be, and nothing is left out.
pub(super) fn changes(objects: &Objects, index: &Index, commits: &[Oid]) -> Changes {
    let trees: Vec<_> = commits.iter().filter_map(|commit| objects.tree_of(*commit)).collect();
    let removed = trees.iter().map(|_| Vec::new()).collect();
    let found = Changes { list: Vec::new(), removed };
    let mut walk = Walk { objects, index, entries: &index.entries, found };
    let trees: Vec<_> = trees.into_iter().map(Some).collect();
    walk.folder(0, index.root.as_ref(), &trees);
    walk.found
}

impl Changes {
    /// Takes for each file that none of the commits has at its path what it was before in each of them, if it
    /// was renamed, for what they have there.
    pub(super) fn follow_renames(&mut self, objects: &Objects) {
        let mut added = self.list.iter_mut().filter(|change| change.earlier.is_empty()).peekable();
        if added.peek().is_none() {
            return;
        }
        let removed = std::mem::take(&mut self.removed).into_iter();
        let gone: Vec<Gone> = removed.map(|removed| Gone::of(objects, removed)).collect();
        for change in added {
            let sources =
                gone.iter().filter_map(|gone| gone.source_of(objects, &change.path, change.blob));
            change.earlier = sources.collect();
        }
    }
}

struct Walk<'a> {
    objects: &'a Objects,
    index: &'a Index,
    /// What is left of the index.
    entries: &'a [Staged],
    found: Changes,
}

impl Walk<'_> {
    /// Compares the folder whose name takes that many bytes of the next entry's path. Of each commit it is
    /// known which tree stands there, if any.
    fn folder(&mut self, prefix: usize, noted: Option<&Folder>, trees: &[Option<Oid>]) {
        if let Some((tree, count)) = noted.and_then(|noted| noted.tree)
            && trees.contains(&Some(tree))
            && let Some(rest) = self.entries.get(count..)
        {
            self.entries = rest;
            return;
        }
        let index = self.index;
        let Some(first) = self.entries.first() else { return };
        let folder = &index.path(first)[..prefix];
        let listings: Vec<_> = trees.iter().map(|tree| self.listing(*tree)).collect();
        let mut met = Vec::new();
        while let Some(entry) = self.entries.first() {
            let Some(rest) = index.path(entry).strip_prefix(folder) else { break };
            let slash = rest.iter().position(|byte| *byte == b'/');
            let name = &rest[..slash.unwrap_or(rest.len())];
            let here = listings.iter().map(|listing| listing.get(name).copied());
            let here: Vec<Option<(EntryKind, Oid)>> = here.collect();
            met.push(name);
            match slash {
                Some(length) if entry.mode & 0o170_000 != 0o040_000 || length + 1 < rest.len() => {
                    let noted = noted.and_then(|noted| noted.folders.get(name));
                    let trees: Vec<_> = here.iter().map(|entry| of_kind(entry, true)).collect();
                    self.folder(prefix + length + 1, noted, &trees);
                }
                // Of a folder that a sparse checkout leaves out only the tree is known.
                Some(length) => {
                    let path = index.path(entry)[..prefix + length].to_vec();
                    let trees: Vec<_> = here.iter().map(|entry| of_kind(entry, true)).collect();
                    self.tree(path, entry.oid, &trees);
                    self.entries = &self.entries[1..];
                }
                None => {
                    let blobs = here.iter().filter_map(|entry| of_kind(entry, false)).collect();
                    self.entry(entry, blobs);
                    self.entries = &self.entries[1..];
                }
            }
        }
        for (mut listing, removed) in listings.into_iter().zip(&mut self.found.removed) {
            met.iter().for_each(|name| _ = listing.remove(*name));
            removed.extend(listing.into_iter().map(|(name, (kind, oid))| {
                let path = [folder, &name].concat();
                Removed { path, kind, oid }
            }));
        }
    }

    /// Compares a tree instead of entries of the index.
    fn tree(&mut self, path: Vec<u8>, tree: Oid, trees: &[Option<Oid>]) {
        let mut waiting = vec![(path, tree, trees.to_vec())];
        while let Some((path, tree, trees)) = waiting.pop() {
            if trees.contains(&Some(tree)) {
                continue;
            }
            let listings: Vec<_> = trees.iter().map(|tree| self.listing(*tree)).collect();
            for (name, (kind, oid)) in self.listing(Some(tree)) {
                let here = listings.iter().map(|listing| listing.get(&name).copied());
                let path = [&path, &b"/"[..], &name].concat();
                match kind {
                    EntryKind::Submodule => {}
                    EntryKind::Tree => {
                        let trees = here.map(|entry| of_kind(&entry, true)).collect();
                        waiting.push((path, oid, trees));
                    }
                    EntryKind::Blob => {
                        let earlier: Vec<_> =
                            here.filter_map(|entry| of_kind(&entry, false)).collect();
                        if !earlier.contains(&oid) {
                            self.found.list.push(Change { path, blob: oid, earlier });
                        }
                    }
                }
            }
        }
    }

    fn entry(&mut self, entry: &Staged, earlier: Vec<Oid>) {
        let is_file = EntryKind::of_mode(entry.mode) == EntryKind::Blob;
        // The common ancestor in a conflict is in the history already.
        let is_ancestor = entry.stage == 1;
        if is_file && !is_ancestor && !entry.is_announced && !earlier.contains(&entry.oid) {
            let (path, blob) = (self.index.path(entry).to_vec(), entry.oid);
            self.found.list.push(Change { path, blob, earlier });
        }
    }

    fn listing(&self, tree: Option<Oid>) -> HashMap<Vec<u8>, (EntryKind, Oid)> {
        let listing = tree.map(|tree| self.objects.listing(tree)).unwrap_or_default();
        listing.into_iter().map(|(name, kind, oid)| (name, (kind, oid))).collect()
    }
}

fn of_kind(entry: &Option<(EntryKind, Oid)>, is_tree: bool) -> Option<Oid> {
    let kind = if is_tree { EntryKind::Tree } else { EntryKind::Blob };
    entry.filter(|(found, _)| *found == kind).map(|(_, oid)| oid)
}
