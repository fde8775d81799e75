//! Which trees hold some objects: of each tree, only the entries that lead to one.
//!
//! A tree that is stored as a difference has the entries of its base but for those of the difference. So
//! every entry of every difference is looked at once, whatever the number of commits.

use git2::ObjectType;

use super::listing::Item;
use super::number::{NumberBits, NumberMap};
use super::numbers::Number;
use super::store::Store;
use super::trees::Trees;
use crate::source::repository::entries;

/// Which list the entries of a tree are that lead to what is looked for. Many trees share one.
pub(super) type ListId = u32;

/// It was not asked yet.
const UNKNOWN: ListId = 0;
/// What the tree lists is asked first. One within itself, which only damage makes, holds nothing.
const WAITING: ListId = 1;
/// Nothing leads anywhere.
const EMPTY: ListId = 2;

/// Looks for objects in trees.
pub(super) struct Holds<'a, 's> {
    trees: &'a Trees<'a>,
    objects: &'a Store<'s>,
    wanted: NumberBits,
    /// By number.
    leads: Vec<ListId>,
    lists: Vec<Box<[Item]>>,
    /// What trees list that are in no pack.
    loose: NumberMap<Number, Vec<Item>>,
}

/// Lists of entries that were walked, whichever trees have them.
#[derive(Default)]
pub(super) struct Walked(NumberBits);

impl Walked {
    /// Notes what a tree leads to, and returns whether that is new and more than nothing.
    pub(super) fn is_new(&mut self, list: ListId) -> bool {
        list > EMPTY && self.0.insert(list)
    }

    /// Returns whether there is more to what a tree leads to than was walked.
    pub(super) fn lacks(&self, list: ListId) -> bool {
        list > EMPTY && !self.0.contains(list)
    }
}

impl<'a, 's> Holds<'a, 's> {
    pub(super) fn of(
        trees: &'a Trees<'a>,
        objects: &'a Store<'s>,
        wanted: impl Iterator<Item = Number>,
    ) -> Self {
        let lists = vec![Box::default(); EMPTY as usize + 1];
        let (wanted, loose): (NumberBits, _) = (wanted.collect(), NumberMap::default());
        if wanted.is_empty() {
            let leads = vec![EMPTY; trees.numbers.count()];
            return Self { trees, objects, wanted, leads, lists, loose };
        }
        let leads = vec![UNKNOWN; trees.numbers.count()];
        let mut holds = Self { trees, objects, wanted, leads, lists, loose };
        // In the order in which they lie in memory: in any other each would have to be waited for.
        trees.each(|tree| _ = holds.list(tree));
        holds
    }

    /// Returns whether an object is looked for.
    pub(super) fn is_wanted(&self, object: Number) -> bool {
        self.wanted.contains(object)
    }

    /// Hands every wanted object below a tree to `visit`, passing over what was walked.
    pub(super) fn each(
        &mut self,
        root: Number,
        walked: &mut Walked,
        mut visit: impl FnMut(Number),
    ) {
        let mut waiting = vec![root];
        while let Some(tree) = waiting.pop() {
            if !walked.is_new(self.list(tree)) {
                continue;
            }
            for item in self.leads(tree) {
                match item.is_tree() {
                    true => waiting.push(item.object()),
                    false => visit(item.object()),
                }
            }
        }
    }

    /// Returns the entries of a tree that lead to something.
    pub(super) fn leads(&mut self, tree: Number) -> &[Item] {
        let list = self.list(tree);
        &self.lists[list as usize]
    }

    /// Returns which list these are.
    pub(super) fn list(&mut self, tree: Number) -> ListId {
        if self.known(tree) == UNKNOWN {
            self.ask(tree);
        }
        self.known(tree)
    }

    /// Asks what a tree leads to; without recursion, because its depth is whatever someone committed.
    fn ask(&mut self, tree: Number) {
        let mut stack = vec![tree];
        while let Some(&next) = stack.last() {
            if self.known(next) == UNKNOWN {
                self.note(next, WAITING);
                let before = stack.len();
                self.needs(next, &mut stack);
                if stack.len() > before {
                    continue;
                }
            }
            stack.pop();
            if self.known(next) == WAITING {
                let leads = self.made(next);
                self.note(next, leads);
                self.loose.remove(&next);
            }
        }
    }

    fn known(&self, tree: Number) -> ListId {
        self.leads.get(tree as usize).copied().unwrap_or(UNKNOWN)
    }

    fn note(&mut self, tree: Number, leads: ListId) {
        let index = tree as usize;
        if self.leads.len() <= index {
            self.leads.resize(index + 1, UNKNOWN);
        }
        self.leads[index] = leads;
    }

    /// Adds the trees that must be known before this one.
    fn needs(&mut self, tree: Number, stack: &mut Vec<Number>) {
        if self.trees.kept(tree).is_none() && !self.loose.contains_key(&tree) {
            let listed = self.read(tree);
            self.loose.insert(tree, listed);
        }
        let is_needed = |other: Number| self.known(other) == UNKNOWN;
        let (base, listed) = match self.trees.kept(tree) {
            Some(kept) => (kept.base, kept.added),
            None => (None, self.loose.get(&tree).map_or(&[][..], Vec::as_slice)),
        };
        stack.extend(base.filter(|base| is_needed(*base)));
        let trees = listed.iter().filter(|item| item.is_tree());
        stack.extend(trees.map(|item| item.object()).filter(|tree| is_needed(*tree)));
    }

    /// Returns the leads of a tree whose needs are known.
    fn made(&mut self, tree: Number) -> ListId {
        let leads_on = |item: &&Item| {
            self.wanted.contains(item.object())
                || item.is_tree() && self.known(item.object()) > EMPTY
        };
        let Some(kept) = self.trees.kept(tree) else {
            let listed = self.loose.get(&tree).into_iter().flatten();
            let leads = listed.filter(leads_on).copied().collect();
            return self.add(leads);
        };
        let of_base = kept.base.map_or(EMPTY, |base| self.known(base)).max(EMPTY);
        let known = &self.lists[of_base as usize];
        let is_shorter = !known.is_empty() && kept.removed.iter().any(|item| known.contains(item));
        if !is_shorter && !kept.added.iter().any(|item| leads_on(&item)) {
            return of_base;
        }
        let mut leads = known.to_vec();
        for item in kept.removed {
            if let Some(at) = leads.iter().position(|lead| lead == item) {
                leads.swap_remove(at);
            }
        }
        leads.extend(kept.added.iter().filter(leads_on));
        self.add(leads)
    }

    fn add(&mut self, leads: Vec<Item>) -> ListId {
        if leads.is_empty() {
            return EMPTY;
        }
        self.lists.push(leads.into());
        self.lists.len() as ListId - 1
    }

    /// Lists a tree that is in no pack, or can't be listed there, as far as it can be read.
    fn read(&self, tree: Number) -> Vec<Item> {
        let bytes = self.objects.read(self.trees.numbers.oid(tree), ObjectType::Tree).ok();
        let bytes = bytes.as_ref().map_or(&[][..], |bytes| bytes);
        let items = entries(bytes, self.objects.id_bytes())
            .map_while(Result::ok)
            .map(|entry| self.trees.item(entry));
        items.filter(|item| *item != Item::SUBMODULE).collect()
    }
}
