//! The blobs of a history: every one that a commit, a tag or a reference leads to.
//!
//! Each tree is looked at once, and of one that is stored as a difference only what its base does not list.
//! Where they stand and since when is asked later, of those alone in which something was found.

use git2::ObjectType;

use super::commits::Commits;
use super::listing::Item;
use super::number::NumberBits;
use super::numbers::Number;
use super::store::Store;
use super::trees::Trees;
use crate::source::repository::{Unreadable, entries};

/// Everything that the trees of a history lead to.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) blobs: Vec<Number>,
    /// How many of them git keeps: a reference or a log leads to them.
    pub(super) kept: usize,
    /// Trees that can't be read, or not to their end.
    pub(super) missing: Vec<(Number, Unreadable)>,
}

impl Contents {
    /// Walks the trees of all commits.
    pub(super) fn collect(objects: &Store<'_>, trees: &Trees<'_>, commits: &Commits) -> Self {
        let mut walk = Walk {
            objects,
            trees,
            contents: Self::default(),
            seen_trees: NumberBits::default(),
            seen_blobs: NumberBits::default(),
            based: Vec::new(),
        };
        for is_kept in [true, false] {
            let (reached, others) = commits.commits.split_at(commits.reached);
            let commits_here = if is_kept { reached } else { others };
            commits_here.iter().for_each(|commit| walk.tree(commit.tree));
            let roots = commits.roots.iter();
            for root in roots.filter(|root| commits.is_reached(root.holder) == is_kept) {
                match root.kind {
                    ObjectType::Tree => walk.tree(root.number),
                    _ => walk.item(Item::new(0, false, root.number), &mut Vec::new()),
                }
            }
            walk.finish_trees();
            if is_kept {
                walk.contents.kept = walk.contents.blobs.len();
            }
        }
        walk.contents
    }

    /// Adds blobs of which nothing is known but that they are there.
    pub(super) fn add_others(&mut self, others: impl Iterator<Item = Number>) {
        let mut known: NumberBits = self.blobs.iter().copied().collect();
        self.blobs.extend(others.filter(|blob| known.insert(*blob)));
    }
}

struct Walk<'a, 's> {
    objects: &'a Store<'s>,
    trees: &'a Trees<'a>,
    contents: Contents,
    seen_trees: NumberBits,
    seen_blobs: NumberBits,
    /// Trees of which only the difference was looked at, and their bases.
    based: Vec<(Number, Number)>,
}

impl Walk<'_, '_> {
    /// Walks a tree from the root down, without recursion: its depth is whatever someone committed.
    fn tree(&mut self, root: Number) {
        let mut waiting = Vec::new();
        self.item(Item::new(0, true, root), &mut waiting);
        self.below(waiting);
    }

    /// Walks trees that were just met, and all below them.
    fn below(&mut self, mut waiting: Vec<Number>) {
        while let Some(tree) = waiting.pop() {
            match self.trees.kept(tree) {
                Some(kept) => {
                    // What the base lists is looked at with the base, if anything leads to that.
                    self.based.extend(kept.base.map(|base| (tree, base)));
                    kept.added.iter().for_each(|item| self.item(*item, &mut waiting));
                }
                None => self.whole(tree, &mut waiting),
            }
        }
    }

    /// Walks what trees share with bases that nothing leads to.
    fn finish_trees(&mut self) {
        loop {
            let mut based = std::mem::take(&mut self.based);
            based.retain(|(_, base)| !self.seen_trees.contains(*base));
            if based.is_empty() {
                return;
            }
            for (tree, _) in based {
                let mut waiting = Vec::new();
                self.whole(tree, &mut waiting);
                self.below(waiting);
            }
        }
    }

    /// Looks at an entry.
    fn item(&mut self, item: Item, waiting: &mut Vec<Number>) {
        let object = item.object();
        match item.is_tree() {
            true if self.seen_trees.insert(object) => waiting.push(object),
            false if self.seen_blobs.insert(object) => self.contents.blobs.push(object),
            _ => {}
        }
    }

    /// Reads a tree whole, as far as that goes.
    fn whole(&mut self, tree: Number, waiting: &mut Vec<Number>) {
        let bytes = match self.objects.read(self.trees.numbers.oid(tree), ObjectType::Tree) {
            Ok(bytes) => bytes,
            Err(why) => return self.contents.missing.push((tree, why)),
        };
        for entry in entries(&bytes, self.objects.id_bytes()) {
            let Ok(entry) = entry else {
                let why = Unreadable::Broken("an entry of it can't be read".to_owned());
                return self.contents.missing.push((tree, why));
            };
            let item = self.trees.item(entry);
            if item != Item::SUBMODULE {
                self.item(item, waiting);
            }
        }
    }
}
