//! The blobs of a history, each with every path it ever had and the first commit that held it there.

use std::cmp::Reverse;
use std::collections::HashSet;

use git2::{ObjectType, Oid};

use super::Gaps;
use super::commits::{Commits, Holder};
use super::listing::Item;
use super::names::Names;
use super::number::{NumberMap, NumberSet};
use super::paths::{PathId, Paths};
use super::store::Store;
use super::trees::{Changes, Number, Trees};
use crate::source::Gap;
use crate::source::repository::{EntryKind, Unreadable, entries};

/// Every blob, in an order that is quick to read.
pub(super) struct Contents {
    /// By path, the youngest version first.
    pub(super) blobs: Vec<Found>,
    paths: Paths,
    names: Names,
}

/// One blob.
pub(super) struct Found {
    pub(super) oid: Oid,
    places: Places,
}

/// A path, and what held a blob there first.
type FirstAt = (PathId, Holder);

/// Most blobs stand at one path: there are many blobs, so those take no memory of their own.
#[derive(Clone)]
enum Places {
    One(FirstAt),
    Many(Vec<FirstAt>),
}

impl Found {
    /// Returns every path it had, and what held it there first.
    pub(super) fn places(&self) -> &[FirstAt] {
        match &self.places {
            Places::One(place) => std::slice::from_ref(place),
            Places::Many(places) => places,
        }
    }

    /// Returns what held it first anywhere.
    pub(super) fn first_holder(&self) -> Option<Holder> {
        self.places().iter().map(|(_, holder)| *holder).min()
    }

    fn add(&mut self, place: FirstAt) {
        match &mut self.places {
            Places::One(first) => self.places = Places::Many(vec![*first, place]),
            Places::Many(places) => places.push(place),
        }
    }
}

impl Contents {
    /// Walks the trees of all commits, the oldest first. Beyond `max_paths` a tree met before is not
    /// walked again at a new path; nothing goes unread by it.
    pub(super) fn collect(
        objects: &Store<'_>,
        trees: Trees<'_>,
        commits: &Commits,
        max_paths: usize,
        gaps: &Gaps,
    ) -> Self {
        let mut walk = Walk::new(objects, &trees, gaps, max_paths);
        for (index, commit) in commits.commits.iter().enumerate() {
            let holder = Holder::Commit(index as u32);
            walk.is_reached = commits.is_reached(holder);
            walk.tree(commit.tree, holder);
        }
        for root in &commits.roots {
            walk.is_reached = commits.is_reached(root.holder);
            match root.kind {
                ObjectType::Tree => walk.tree(root.oid, root.holder),
                _ => walk.blob(trees.number(root.oid), Paths::ROOT, root.holder),
            }
        }
        if walk.is_over_paths {
            gaps.note(Gap {
                what: format!("paths beyond the first {max_paths}"),
                why: "folders are repeated within each other; every file was scanned, but not every path is listed".to_owned(),
                remedy: "look at the repository: this is rarely an accident".to_owned(),
            });
        }
        // The versions of a file are mostly stored as differences from its next younger one. Read in
        // that order, what one needs was just read for the other.
        walk.blobs.sort_by_key(|found| {
            let first = found.places().first().copied();
            (first.map(|(path, _)| path), Reverse(first.map(|(_, holder)| holder)))
        });
        Self { blobs: walk.blobs, paths: walk.paths, names: trees.into_names() }
    }

    /// Adds blobs of which nothing is known but that they are there.
    pub(super) fn add_others(&mut self, others: impl Iterator<Item = Oid>) {
        let known: HashSet<Oid> = self.blobs.iter().map(|found| found.oid).collect();
        let others = others.filter(|oid| !known.contains(oid));
        let places = Places::One((Paths::ROOT, Holder::Nothing));
        self.blobs.extend(others.map(|oid| Found { oid, places: places.clone() }));
    }

    /// Returns a path as text; the root, where a blob without a path stands, is none.
    pub(super) fn path(&self, path: PathId) -> Option<String> {
        self.paths.path(path, &self.names)
    }
}

struct Walk<'a, 's> {
    objects: &'a Store<'s>,
    trees: &'a Trees<'a>,
    gaps: &'a Gaps,
    paths: Paths,
    blobs: Vec<Found>,
    /// Which of the blobs an object is.
    blob_places: NumberMap<Number, u32>,
    /// Which blob was met at which path.
    blob_paths: NumberSet<(Number, PathId)>,
    met_trees: NumberSet<Number>,
    /// Which tree was walked at which path.
    tree_paths: NumberSet<(Number, PathId)>,
    /// The tree walked last at each path: what it shares with the next one there is passed over.
    latest: NumberMap<PathId, Number>,
    changes: Changes,
    max_paths: usize,
    is_over_paths: bool,
    /// Whether git keeps what is walked now.
    is_reached: bool,
}

impl<'a, 's> Walk<'a, 's> {
    fn new(objects: &'a Store<'s>, trees: &'a Trees<'a>, gaps: &'a Gaps, max_paths: usize) -> Self {
        Self {
            objects,
            trees,
            gaps,
            paths: Paths::new(),
            blobs: Vec::new(),
            blob_places: NumberMap::default(),
            blob_paths: NumberSet::default(),
            met_trees: NumberSet::default(),
            tree_paths: NumberSet::default(),
            latest: NumberMap::default(),
            changes: Changes::default(),
            max_paths,
            is_over_paths: false,
            is_reached: true,
        }
    }

    /// Walks a tree from the root down, without recursion: its depth is whatever someone committed.
    fn tree(&mut self, root: Oid, holder: Holder) {
        let mut waiting = vec![(self.trees.number(root), Paths::ROOT)];
        while let Some((tree, path)) = waiting.pop() {
            if self.is_new(tree, path) {
                self.folder(tree, path, holder, &mut waiting);
            }
        }
    }

    /// Notes that a tree stands at a path, and returns whether it is to be walked there.
    fn is_new(&mut self, tree: Number, path: PathId) -> bool {
        let met_before = !self.met_trees.insert(tree);
        if met_before && self.paths.len() > self.max_paths {
            self.is_over_paths = true;
            return false;
        }
        self.tree_paths.insert((tree, path))
    }

    fn folder(
        &mut self,
        tree: Number,
        path: PathId,
        holder: Holder,
        waiting: &mut Vec<(Number, PathId)>,
    ) {
        if !self.trees.is_known(tree) {
            self.latest.remove(&path);
            for item in self.unknown(tree, path) {
                self.item(item, path, holder, waiting);
            }
            return;
        }
        let latest = self.latest.insert(path, tree);
        let mut changes = std::mem::take(&mut self.changes);
        self.trees.compare(latest, tree, &mut changes);
        changes.gained().for_each(|item| self.item(item, path, holder, waiting));
        self.changes = changes;
    }

    fn item(
        &mut self,
        item: Item,
        path: PathId,
        holder: Holder,
        waiting: &mut Vec<(Number, PathId)>,
    ) {
        let child = self.paths.child(path, item.name);
        match item.kind {
            EntryKind::Tree => waiting.push((item.object, child)),
            EntryKind::Blob => self.blob(item.object, child, holder),
            EntryKind::Submodule => {}
        }
    }

    /// Reads a tree that is in no pack, or can't be listed there, as far as that goes.
    fn unknown(&self, tree: Number, path: PathId) -> Vec<Item> {
        let oid = self.trees.oid(tree);
        let bytes = match self.objects.read(oid, ObjectType::Tree) {
            Ok(bytes) => bytes,
            Err(why) => {
                self.unreadable(oid, path, why);
                return Vec::new();
            }
        };
        let mut items = Vec::new();
        for entry in entries(&bytes) {
            let Ok(entry) = entry else {
                let why = Unreadable::Broken("an entry of it can't be read".to_owned());
                self.unreadable(oid, path, why);
                break;
            };
            items.push(self.trees.item(entry));
        }
        items
    }

    fn blob(&mut self, blob: Number, path: PathId, holder: Holder) {
        let next = self.blobs.len() as u32;
        let known = *self.blob_places.entry(blob).or_insert(next);
        let is_new = self.blob_paths.insert((blob, path));
        if known == next {
            let places = Places::One((path, holder));
            self.blobs.push(Found { oid: self.trees.oid(blob), places });
        } else if is_new {
            self.blobs[known as usize].add((path, holder));
        }
    }

    fn unreadable(&self, oid: Oid, path: PathId, why: Unreadable) {
        if why == Unreadable::Absent && !self.is_reached {
            return;
        }
        let what = match self.paths.path(path, self.trees.names()) {
            Some(path) => format!("tree {oid} ({path}/)"),
            None => format!("tree {oid}"),
        };
        self.gaps.object(what, why);
    }
}
