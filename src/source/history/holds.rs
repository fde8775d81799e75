//! Which trees hold some objects: of each tree, only the entries that lead to one.
//!
//! A tree that is stored as a difference has the entries of its base but for those of the difference. So
//! every entry of every difference is looked at once, whatever the number of commits.

use std::rc::Rc;

use git2::{ObjectType, Oid};

use super::listing::Item;
use super::number::{NumberMap, NumberSet};
use super::store::Store;
use super::trees::{Number, Trees};
use crate::source::repository::{EntryKind, entries};

/// The entries of a tree that lead to what is looked for.
type Leads = Rc<[Item]>;

/// Looks for objects in trees.
pub(super) struct Holds<'a, 's> {
    trees: &'a Trees<'a>,
    objects: &'a Store<'s>,
    wanted: NumberSet<Number>,
    /// By number; none where it was not asked yet.
    leads: Vec<Option<Leads>>,
    /// Trees that wait for what they list. One within itself, which only damage makes, holds nothing.
    waiting: NumberSet<Number>,
    /// What trees list that are in no pack.
    loose: NumberMap<Number, Vec<Item>>,
    nothing: Leads,
}

/// Trees that were walked.
#[derive(Default)]
pub(super) struct Walked(NumberSet<Number>);

impl<'a, 's> Holds<'a, 's> {
    pub(super) fn of(
        trees: &'a Trees<'a>,
        objects: &'a Store<'s>,
        wanted: impl Iterator<Item = Oid>,
    ) -> Self {
        let wanted = wanted.map(|oid| trees.number(oid)).collect();
        let (leads, waiting) = (Vec::new(), NumberSet::default());
        let (loose, nothing) = (NumberMap::default(), Leads::default());
        Self { trees, objects, wanted, leads, waiting, loose, nothing }
    }

    /// Hands every wanted object below a tree to `visit`, passing over trees that were walked.
    pub(super) fn each(&mut self, root: Oid, walked: &mut Walked, mut visit: impl FnMut(Number)) {
        let mut waiting = vec![self.trees.number(root)];
        while let Some(tree) = waiting.pop() {
            if !walked.0.insert(tree) {
                continue;
            }
            for item in self.leads(tree).iter() {
                match item.kind {
                    EntryKind::Tree => waiting.push(item.object),
                    _ => visit(item.object),
                }
            }
        }
    }

    /// Returns the entries of a tree that lead to something; without recursion, because its depth is
    /// whatever someone committed.
    fn leads(&mut self, tree: Number) -> Leads {
        let mut stack = vec![tree];
        while let Some(&next) = stack.last() {
            if self.known(next).is_none() {
                self.waiting.insert(next);
                let before = stack.len();
                self.needs(next, &mut stack);
                if stack.len() > before {
                    continue;
                }
                let leads = self.made(next);
                self.note(next, leads);
                self.waiting.remove(&next);
            }
            stack.pop();
        }
        self.known(tree).cloned().unwrap_or_default()
    }

    fn known(&self, tree: Number) -> Option<&Leads> {
        self.leads.get(tree as usize)?.as_ref()
    }

    fn note(&mut self, tree: Number, leads: Leads) {
        let index = tree as usize;
        if self.leads.len() <= index {
            self.leads.resize(index + 1, None);
        }
        self.leads[index] = Some(leads);
        self.loose.remove(&tree);
    }

    /// Adds the trees that must be known before this one.
    fn needs(&mut self, tree: Number, stack: &mut Vec<Number>) {
        let is_needed =
            |other: Number| self.known(other).is_none() && !self.waiting.contains(&other);
        let below = |items: &[Item], stack: &mut Vec<Number>| {
            let trees = items.iter().filter(|item| item.kind == EntryKind::Tree);
            stack.extend(trees.map(|item| item.object).filter(|tree| is_needed(*tree)));
        };
        match self.trees.difference(tree) {
            Some((base, difference)) => {
                stack.extend(base.filter(|base| is_needed(*base)));
                below(&difference.added, stack);
            }
            None => {
                let listed = self.loose.get(&tree).cloned();
                let listed = listed.unwrap_or_else(|| self.read(tree));
                below(&listed, stack);
                self.loose.insert(tree, listed);
            }
        }
    }

    /// Returns the leads of a tree whose needs are known.
    fn made(&self, tree: Number) -> Leads {
        let leads_on = |item: &&Item| match item.kind {
            EntryKind::Tree => self.known(item.object).is_some_and(|leads| !leads.is_empty()),
            EntryKind::Blob => self.wanted.contains(&item.object),
            EntryKind::Submodule => false,
        };
        let Some((base, difference)) = self.trees.difference(tree) else {
            let listed = self.loose.get(&tree).into_iter().flatten();
            return listed.filter(leads_on).copied().collect();
        };
        let of_base = base.and_then(|base| self.known(base)).unwrap_or(&self.nothing);
        let added: Vec<Item> = difference.added.iter().filter(leads_on).copied().collect();
        let removed = difference.removed.iter().filter(|item| of_base.contains(item));
        let removed: Vec<Item> = match of_base.is_empty() {
            true => Vec::new(),
            false => removed.copied().collect(),
        };
        if added.is_empty() && removed.is_empty() {
            return Rc::clone(of_base);
        }
        let mut leads = of_base.to_vec();
        for item in removed {
            if let Some(at) = leads.iter().position(|lead| *lead == item) {
                leads.swap_remove(at);
            }
        }
        leads.extend(added);
        leads.into()
    }

    /// Lists a tree that is in no pack, or can't be listed there. What can't be read was said before.
    fn read(&self, tree: Number) -> Vec<Item> {
        let bytes = self.objects.read(self.trees.oid(tree), ObjectType::Tree).ok();
        let bytes = bytes.as_ref().map_or(&[][..], |bytes| bytes);
        entries(bytes).flatten().map(|entry| self.trees.item(entry)).collect()
    }
}
