//! The blobs of a history, each with every path it ever had and the first commit that held it there.

use std::cmp::{Ordering, Reverse};
use std::collections::{HashMap, HashSet};

use git2::{ObjectType, Oid};

use super::Gaps;
use super::commits::{Commits, Holder};
use super::paths::{PathId, Paths};
use crate::source::Gap;
use crate::source::repository::{Entry, EntryKind, Objects, Unreadable, entries, split_entry};

/// How many bytes of trees are kept to compare later ones with. Beyond that more work is done, no less.
const MAX_KEPT_BYTES: usize = 256 * 1024 * 1024;

/// Every blob, in an order that is quick to read.
pub(super) struct Contents {
    /// By path, the youngest version first.
    pub(super) blobs: Vec<Found>,
    paths: Paths,
}

/// One blob.
pub(super) struct Found {
    pub(super) oid: Oid,
    /// Every path it had, and what held it there first.
    pub(super) places: Vec<(PathId, Holder)>,
}

impl Contents {
    /// Walks the trees of all commits, the oldest first. Beyond `max_paths` a tree met before is not
    /// walked again at a new path; nothing goes unread by it.
    pub(super) fn collect(
        objects: &Objects,
        commits: &Commits,
        max_paths: usize,
        gaps: &Gaps,
    ) -> Self {
        let mut walk = Walk::new(objects, gaps, max_paths);
        for (index, commit) in commits.commits.iter().enumerate() {
            walk.tree(commit.tree, Holder::Commit(index as u32));
        }
        for root in &commits.roots {
            match root.kind {
                ObjectType::Tree => walk.tree(root.oid, root.holder),
                _ => walk.blob(root.oid, Paths::ROOT, root.holder),
            }
        }
        if walk.is_over_paths {
            gaps.tally.gap(Gap {
                what: format!("paths beyond the first {max_paths}"),
                why: "folders are repeated within each other; every file was scanned, but not every path is listed".to_owned(),
                remedy: "look at the repository: this is rarely an accident".to_owned(),
            });
        }
        // The versions of a file are mostly stored as differences from its next younger one. Read in
        // that order, what one needs was just read for the other.
        walk.blobs.sort_by_key(|found| {
            let first = found.places.first().copied();
            (first.map(|(path, _)| path), Reverse(first.map(|(_, holder)| holder)))
        });
        Self { blobs: walk.blobs, paths: walk.paths }
    }

    /// Returns a path as text; the root, where a blob without a path stands, is none.
    pub(super) fn path(&self, path: PathId) -> Option<String> {
        self.paths.path(path)
    }
}

struct Walk<'a> {
    objects: &'a Objects,
    gaps: &'a Gaps,
    paths: Paths,
    blobs: Vec<Found>,
    blob_numbers: HashMap<Oid, u32>,
    /// Which blob was met at which path.
    blob_paths: HashSet<(u32, PathId)>,
    tree_numbers: HashMap<Oid, u32>,
    /// Which tree was walked at which path.
    tree_paths: HashSet<(u32, PathId)>,
    /// The tree walked last at each path: what it shares with the next one there is passed over.
    latest: HashMap<PathId, Vec<u8>>,
    kept_bytes: usize,
    max_paths: usize,
    is_over_paths: bool,
}

impl<'a> Walk<'a> {
    fn new(objects: &'a Objects, gaps: &'a Gaps, max_paths: usize) -> Self {
        Self {
            objects,
            gaps,
            paths: Paths::new(),
            blobs: Vec::new(),
            blob_numbers: HashMap::new(),
            blob_paths: HashSet::new(),
            tree_numbers: HashMap::new(),
            tree_paths: HashSet::new(),
            latest: HashMap::new(),
            kept_bytes: 0,
            max_paths,
            is_over_paths: false,
        }
    }

    /// Walks a tree from the root down, without recursion: its depth is whatever someone committed.
    fn tree(&mut self, root: Oid, holder: Holder) {
        let mut waiting = vec![(root, Paths::ROOT)];
        while let Some((oid, path)) = waiting.pop() {
            if self.is_new(oid, path) {
                self.folder(oid, path, holder, &mut waiting);
            }
        }
    }

    /// Notes that a tree stands at a path, and returns whether it is to be walked there.
    fn is_new(&mut self, oid: Oid, path: PathId) -> bool {
        let next = self.tree_numbers.len() as u32;
        let number = *self.tree_numbers.entry(oid).or_insert(next);
        let met_before = number != next;
        if met_before && self.paths.len() > self.max_paths {
            self.is_over_paths = true;
            return false;
        }
        self.tree_paths.insert((number, path))
    }

    fn folder(&mut self, oid: Oid, path: PathId, holder: Holder, waiting: &mut Vec<(Oid, PathId)>) {
        let bytes = match self.objects.read(oid, ObjectType::Tree) {
            Ok(bytes) => bytes,
            Err(why) => return self.unreadable(oid, path, why),
        };
        let before = self.latest.remove(&path).unwrap_or_default();
        self.kept_bytes -= before.len();
        for entry in changed(&before, &bytes) {
            let Ok(entry) = entry else {
                let why = Unreadable::Broken("an entry of it can't be read".to_owned());
                // Not kept to compare with: what stands behind that entry was not walked.
                return self.unreadable(oid, path, why);
            };
            let child = self.paths.child(path, entry.name);
            match entry.kind {
                EntryKind::Tree => waiting.push((entry.oid, child)),
                EntryKind::Blob => self.blob(entry.oid, child, holder),
                EntryKind::Submodule => {}
            }
        }
        if self.kept_bytes + bytes.len() <= MAX_KEPT_BYTES {
            self.kept_bytes += bytes.len();
            self.latest.insert(path, bytes);
        }
    }

    fn blob(&mut self, oid: Oid, path: PathId, holder: Holder) {
        let number = *self.blob_numbers.entry(oid).or_insert_with(|| {
            self.blobs.push(Found { oid, places: Vec::new() });
            self.blobs.len() as u32 - 1
        });
        if self.blob_paths.insert((number, path)) {
            self.blobs[number as usize].places.push((path, holder));
        }
    }

    fn unreadable(&self, oid: Oid, path: PathId, why: Unreadable) {
        let what = match self.paths.path(path) {
            Some(path) => format!("tree {oid} ({path}/)"),
            None => format!("tree {oid}"),
        };
        self.gaps.object(what, why);
    }
}

/// Returns the entries of `new` that `old` does not have.
///
/// Both are sorted as git sorts. Where one is not, more is returned, never less. What stands in both at
/// the same turn is compared as it is, unread: of a large tree that is nearly all.
fn changed<'a>(
    mut old: &'a [u8],
    mut new: &'a [u8],
) -> impl Iterator<Item = Result<Entry<'a>, ()>> {
    std::iter::from_fn(move || {
        loop {
            while let Some((unchanged, rest)) = split_entry(new)
                && let Some(old_rest) = old.strip_prefix(unchanged)
            {
                (old, new) = (old_rest, rest);
            }
            let entry = entries(new).next()?;
            let Ok(entry) = entry else {
                new = &[];
                return Some(Err(()));
            };
            match entries(old).next() {
                Some(Ok(before)) if git_order(&before, &entry).is_lt() => {
                    old = split_entry(old).map_or(&[], |(_, rest)| rest);
                }
                _ => {
                    new = split_entry(new).map_or(&[], |(_, rest)| rest);
                    return Some(Ok(entry));
                }
            }
        }
    })
}

/// git sorts a folder as if its name ended with a slash.
fn git_order(a: &Entry<'_>, b: &Entry<'_>) -> Ordering {
    let slash = |entry: &Entry<'_>| (entry.kind == EntryKind::Tree).then_some(b'/');
    let (a_end, b_end) = (slash(a), slash(b));
    a.name.iter().chain(&a_end).cmp(b.name.iter().chain(&b_end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(entries: &[(&str, u8)]) -> Vec<u8> {
        let lines = entries.iter().map(|(name, oid)| {
            let mode = if name.ends_with('/') { "40000" } else { "100644" };
            let mut line = format!("{mode} {}\0", name.trim_end_matches('/')).into_bytes();
            line.extend([*oid; 20]);
            line
        });
        lines.flatten().collect()
    }

    fn names_changed(old: &[(&str, u8)], new: &[(&str, u8)]) -> Vec<String> {
        let (old, new) = (tree(old), tree(new));
        let changed = changed(&old, &new).map(Result::unwrap);
        let names = changed.map(|entry| String::from_utf8_lossy(entry.name).into_owned());
        names.collect()
    }

    #[test]
    fn only_what_is_new_or_different_is_walked() {
        let old = [("a", 1), ("b", 2), ("lib.rs", 3), ("lib/", 4), ("z", 5)];
        assert_eq!(names_changed(&[], &old).len(), 5);
        assert_eq!(names_changed(&old, &old), [""; 0]);
        let new = [("a", 1), ("b", 9), ("lib.rs", 3), ("lib/", 8), ("lib0", 7), ("z", 5)];
        assert_eq!(names_changed(&old, &new), ["b", "lib", "lib0"]);
        assert_eq!(names_changed(&new, &old), ["b", "lib"]);
        assert_eq!(names_changed(&old, &[("z", 5)]), [""; 0]);
    }

    #[test]
    fn of_an_unsorted_tree_more_is_walked_and_never_less() {
        let old = [("a", 1), ("b", 2), ("c", 3)];
        let changed = names_changed(&old, &[("c", 3), ("new", 4), ("a", 1)]);
        assert!(changed.contains(&"new".to_owned()), "{changed:?}");
        let changed = names_changed(&[("c", 3), ("a", 1)], &[("a", 9), ("c", 3)]);
        assert!(changed.contains(&"a".to_owned()), "{changed:?}");
    }

    #[test]
    fn a_tree_that_is_cut_off_ends_with_an_error() {
        let whole = tree(&[("a", 1), ("b", 2)]);
        let read: Vec<_> = changed(&whole, &whole[..whole.len() - 1]).collect();
        assert_eq!(read, [Err(())]);
        assert_eq!(changed(&whole[..30], &whole).count(), 1);
    }
}
