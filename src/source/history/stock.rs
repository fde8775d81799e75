//! Commits as they are read, and what each names: no more of them than decides their order.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use git2::ObjectType;

use super::deliver::Deliver;
use super::numbers::{Number, Numbers};
use super::remembered::Clean;
use crate::source::Copied;
use crate::source::pack::{self, Lists, Node, Pack, Visit};
use crate::source::repository::{Id, Signature, header};

/// A commit, without its message.
#[derive(Clone, Debug)]
pub(super) struct Commit {
    pub(super) number: Number,
    pub(super) tree: Number,
    /// The size of its message, where that was read and nothing was found in it.
    pub(super) clean: Option<u32>,
    /// Seconds since 1970 as the committer had it; 0 where it can't be read.
    seconds: i64,
    /// Which of the parents in the stock are its own.
    parents: Range<usize>,
}

/// Commits in any order.
#[derive(Default)]
pub(super) struct Stock {
    pub(super) commits: Vec<Commit>,
    parents: Vec<Number>,
    /// How many of the commits know the numbers of what they name.
    numbered: usize,
    /// The ids of what the others name: of each its parents, then its tree.
    ids: Vec<Id>,
}

/// The numbers of so many objects are asked for at once, which is quicker than one by one.
const ASKED_AT_ONCE: usize = 1 << 16;

impl Stock {
    /// Reads the commits of all packs, from several threads, and their messages where nothing is known of
    /// them. What can't be read there is not among them.
    pub(super) fn of_packs(
        numbers: &Numbers<'_>,
        max_bytes: u64,
        deliver: &Deliver<'_>,
        known: &Clean,
    ) -> Self {
        let shelves: Vec<_> = (0..rayon::current_num_threads()).map(|_| Mutex::default()).collect();
        for (pack, first) in numbers.packs() {
            let wanted = pack.of_kind(ObjectType::Commit);
            let reader = ReadCommits { numbers, pack, first, shelves: &shelves, deliver, known };
            pack::walk(pack, ObjectType::Commit, max_bytes, &wanted, &reader);
        }
        let mut stock = Self::default();
        for shelf in shelves {
            let mut shelf: Self = shelf.into_inner().unwrap_or_else(PoisonError::into_inner);
            shelf.number(numbers);
            stock.append(shelf);
        }
        stock
    }

    /// Reads a commit, and returns its place here; none where it names no tree. What it names is not yet
    /// [numbered](Self::number).
    pub(super) fn read(&mut self, number: Number, bytes: &[u8]) -> Option<usize> {
        let (mut tree, mut committer) = (None, None);
        let (ids, start) = (self.ids.len(), self.parents.len());
        for (name, value) in header(bytes) {
            match name {
                b"tree" if tree.is_none() => tree = Some(Id::parse(value)),
                b"parent" => self.ids.extend(Id::parse(value)),
                b"committer" if committer.is_none() => committer = Some(value),
                _ => {}
            }
        }
        let Some(tree) = tree.flatten() else {
            self.ids.truncate(ids);
            return None;
        };
        let end = start + self.ids.len() - ids;
        self.parents.resize(end, 0);
        self.ids.push(tree);
        let date = committer.and_then(Signature::when);
        self.commits.push(Commit {
            number,
            tree: 0,
            clean: None,
            seconds: date.map_or(0, |date| date.timestamp().as_second()),
            parents: start..end,
        });
        Some(self.commits.len() - 1)
    }

    /// Numbers what the commits name that were read since this was last done.
    pub(super) fn number(&mut self, numbers: &Numbers<'_>) {
        let mut named = Vec::with_capacity(self.ids.len());
        let ids: Vec<&[u8]> = self.ids.iter().map(Id::bytes).collect();
        numbers.number_all(&ids, &mut named);
        self.ids.clear();
        let mut named = named.into_iter();
        for commit in &mut self.commits[self.numbered..] {
            self.parents[commit.parents.clone()].fill_with(|| named.next().unwrap_or_default());
            commit.tree = named.next().unwrap_or_default();
        }
        self.numbered = self.commits.len();
    }

    /// Returns the parents of a commit.
    pub(super) fn parents(&self, commit: &Commit) -> &[Number] {
        &self.parents[commit.parents.clone()]
    }

    /// Makes a commit one that has no parents.
    pub(super) fn cut_off(&mut self, place: usize) {
        self.commits[place].parents = 0..0;
    }

    fn append(&mut self, mut other: Self) {
        let before = self.parents.len();
        for commit in &mut other.commits {
            let Range { start, end } = commit.parents;
            commit.parents = start + before..end + before;
        }
        self.commits.append(&mut other.commits);
        self.parents.append(&mut other.parents);
        self.numbered = self.commits.len();
    }

    /// Puts the commits at these places in order: parents before children and, as far as that allows, the
    /// older before the younger. One that is its own ancestor, which only damage makes, is left out.
    pub(super) fn oldest_first(&self, numbers: &Numbers<'_>, places: &[usize]) -> Vec<Commit> {
        let commits = || places.iter().map(|place| &self.commits[*place]);
        let indices = Indices::of(numbers, commits());
        let parents =
            |commit| self.parents(commit).iter().filter_map(|parent| indices.get(*parent));
        let edges = || {
            let children = commits().zip(0_u32..);
            children.flat_map(|(commit, child)| parents(commit).map(move |parent| (parent, child)))
        };
        let children = Lists::of(places.len(), edges);
        let mut missing_parents: Vec<_> = commits().map(|commit| parents(commit).count()).collect();
        let key = |index: u32| {
            let Commit { seconds, number, .. } = self.commits[places[index as usize]];
            Reverse((seconds, ById { numbers, number }, index))
        };
        let roots = (0..).zip(&missing_parents).filter(|(_, missing)| **missing == 0);
        let mut ready: BinaryHeap<_> = roots.map(|(index, _)| key(index)).collect();
        let mut ordered = Vec::with_capacity(places.len());
        while let Some(Reverse((_, _, next))) = ready.pop() {
            ordered.push(self.commits[places[next as usize]].clone());
            for child in children.get(next) {
                let missing = &mut missing_parents[*child as usize];
                *missing -= 1;
                if *missing == 0 {
                    ready.push(key(*child));
                }
            }
        }
        ordered
    }
}

/// An object among others that go by their ids. Few of them are looked at: mostly dates decide.
struct ById<'a, 'n> {
    numbers: &'a Numbers<'n>,
    number: Number,
}

impl Ord for ById<'_, '_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers.oid(self.number).cmp(&self.numbers.oid(other.number))
    }
}

impl PartialOrd for ById<'_, '_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ById<'_, '_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ById<'_, '_> {}

/// Where the commit of each number stands in a list.
#[derive(Default)]
pub(super) struct Indices(Vec<u32>);

/// It stands nowhere.
const NOWHERE: u32 = u32::MAX;

impl Indices {
    /// Returns where these stand; of two of the same number, the first.
    pub(super) fn of<'a>(numbers: &Numbers<'_>, commits: impl Iterator<Item = &'a Commit>) -> Self {
        let mut indices = vec![NOWHERE; numbers.count()];
        for (commit, index) in commits.zip(0..) {
            let place = &mut indices[commit.number as usize];
            if *place == NOWHERE {
                *place = index;
            }
        }
        Self(indices)
    }

    pub(super) fn get(&self, number: Number) -> Option<u32> {
        self.0.get(number as usize).copied().filter(|index| *index != NOWHERE)
    }
}

/// Reads the commits of a pack.
struct ReadCommits<'a> {
    numbers: &'a Numbers<'a>,
    pack: &'a Pack,
    /// The number of its first object.
    first: Number,
    /// One for each thread.
    shelves: &'a [Mutex<Stock>],
    deliver: &'a Deliver<'a>,
    /// What nothing was found in before.
    known: &'a Clean,
}

impl ReadCommits<'_> {
    fn shelf(&self) -> MutexGuard<'_, Stock> {
        let thread = rayon::current_thread_index().unwrap_or(0) % self.shelves.len();
        self.shelves[thread].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, number: Number, bytes: &[u8]) -> Option<usize> {
        let mut shelf = self.shelf();
        let place = shelf.read(number, bytes);
        if shelf.ids.len() > ASKED_AT_ONCE {
            shelf.number(self.numbers);
        }
        place
    }
}

impl Visit for ReadCommits<'_> {
    type Memory = ();

    fn visit(&self, node: Node, bytes: &[u8], _: Option<(&(), &[Copied])>) {
        let number = self.numbers.number_of(self.pack, self.first, node);
        let Some(place) = self.read(number, bytes) else { return };
        let is_known = !self.known.is_empty() && self.known.size(self.pack.oid(node)).is_some();
        // Whoever looks for something may look in other threads, and this one must not keep its shelf.
        let clean = if is_known { None } else { self.deliver.clean_message(bytes) };
        self.shelf().commits[place].clean = clean;
    }
}
