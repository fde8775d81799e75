//! Where some objects stand: every path each ever had, and the first commit that held it there.

use std::collections::BTreeMap;

use super::commits::{Commits, Holder};
use super::holds::{Holds, Walked};
use super::number::{NumberBits, NumberMap, NumberSet};
use super::numbers::Number;
use super::paths::{PathId, Paths};
use super::store::Store;
use super::trees::Trees;
use super::written::Written;

/// A path, and what held an object there first.
pub(super) type FirstAt = (PathId, Holder);

/// The places of the objects that were asked for.
pub(super) struct Places {
    found: BTreeMap<Number, Vec<FirstAt>>,
    paths: Paths,
    /// What the commits say that held something first, by their index.
    written: NumberMap<u32, Written>,
    /// Whether there are more paths than were followed.
    pub(super) is_cut_off: bool,
}

impl Places {
    /// Walks the trees that lead to a wanted object, of all commits, the oldest first. Beyond `max_paths` a
    /// tree met before is not walked again at a new path.
    pub(super) fn of(
        holds: &mut Holds<'_, '_>,
        objects: &Store<'_>,
        trees: &Trees<'_>,
        commits: &Commits,
        max_paths: usize,
    ) -> Self {
        let mut walk = Walk {
            places: Self {
                found: BTreeMap::new(),
                paths: Paths::new(),
                written: NumberMap::default(),
                is_cut_off: false,
            },
            at_root: Walked::default(),
            met: NumberBits::default(),
            met_at: NumberSet::default(),
            max_paths,
        };
        for (commit, index) in commits.commits.iter().zip(0..) {
            walk.tree(holds, commit.tree, Holder::Commit(index));
        }
        for root in &commits.roots {
            match root.kind {
                git2::ObjectType::Tree => walk.tree(holds, root.number, root.holder),
                _ if holds.is_wanted(root.number) => {
                    walk.note(root.number, Paths::ROOT, root.holder)
                }
                _ => {}
            }
        }
        let mut places = walk.places;
        for (_, holder) in places.found.values().flatten() {
            if let Holder::Commit(index) = *holder {
                let oid = || trees.numbers.oid(commits.commits[index as usize].number);
                let written = || Written::of_commit(objects, oid());
                places.written.entry(index).or_insert_with(written);
            }
        }
        places
    }

    /// Returns every path an object had, and what held it there first.
    pub(super) fn at(&self, object: Number) -> &[FirstAt] {
        self.found.get(&object).map_or(&[], Vec::as_slice)
    }

    /// Returns who wrote a commit that held an object first.
    pub(super) fn written(&self, commit: u32) -> Option<&Written> {
        self.written.get(&commit)
    }

    /// Returns a path as text; the root, where a blob without a path stands, is none.
    pub(super) fn path(&self, path: PathId, trees: &Trees<'_>) -> Option<String> {
        self.paths.path(path, trees.names())
    }
}

struct Walk {
    places: Places,
    /// What was met in the trees of commits.
    at_root: Walked,
    met: NumberBits,
    /// Which object was met at which path.
    met_at: NumberSet<(Number, PathId)>,
    max_paths: usize,
}

impl Walk {
    /// Walks a tree from the root down, without recursion: its depth is whatever someone committed.
    fn tree(&mut self, holds: &mut Holds<'_, '_>, root: Number, holder: Holder) {
        // Most commits change nothing of what is looked for: all of it was met with an older one.
        if !self.at_root.is_new(holds.list(root)) && !holds.is_wanted(root) {
            return;
        }
        let mut waiting = vec![(root, Paths::ROOT)];
        while let Some((tree, path)) = waiting.pop() {
            let leads_nowhere = holds.leads(tree).is_empty() && !holds.is_wanted(tree);
            if leads_nowhere || !self.is_new(tree, path) {
                continue;
            }
            if holds.is_wanted(tree) {
                self.places.found.entry(tree).or_default().push((path, holder));
            }
            for item in holds.leads(tree) {
                let child = self.places.paths.child(path, item.name);
                match item.is_tree() {
                    true => waiting.push((item.object(), child)),
                    false => self.note(item.object(), child, holder),
                }
            }
        }
    }

    /// Notes that a tree stands at a path, and returns whether it is to be walked there.
    fn is_new(&mut self, tree: Number, path: PathId) -> bool {
        let met_before = !self.met.insert(tree);
        if met_before && self.places.paths.len() > self.max_paths {
            self.places.is_cut_off = true;
            return false;
        }
        self.met_at.insert((tree, path))
    }

    /// Notes that a blob stands at a path.
    fn note(&mut self, blob: Number, path: PathId, holder: Holder) {
        if self.met_at.insert((blob, path)) {
            self.places.found.entry(blob).or_default().push((path, holder));
        }
    }
}
