//! The commits and tags that the references reach, in the order in which they were made.

use std::collections::HashSet;

use git2::{ObjectType, Oid};

use super::deliver::Deliver;
use super::gaps::Gaps;
use super::number::{NumberBits, NumberMap, NumberSet};
use super::numbers::{Number, Numbers};
use super::remembered::Clean;
use super::stock::{Commit, Indices, Stock};
use super::store::Store;
use super::written::Written;
use crate::source::repository::{Tag, Tip, Unreadable};

/// Everything reachable but trees and blobs.
#[derive(Default)]
pub(super) struct Commits {
    /// Every commit, parents before children, and among those that could come next the oldest first.
    /// Those that no reference reaches come last.
    pub(super) commits: Vec<Commit>,
    /// How many of them a reference or a log reaches.
    pub(super) reached: usize,
    /// Every annotated tag.
    pub(super) tags: Vec<Tagged>,
    /// Trees and blobs that a reference or tag names directly.
    pub(super) roots: Vec<Root>,
    stock: Stock,
    indices: Indices,
}

/// An annotated tag, without its message.
pub(super) struct Tagged {
    pub(super) number: Number,
    /// What it names.
    pub(super) target: Number,
    pub(super) is_reached: bool,
    pub(super) written: Written,
}

/// A tree or blob that a reference or tag names directly.
pub(super) struct Root {
    pub(super) number: Number,
    pub(super) kind: ObjectType,
    pub(super) holder: Holder,
}

/// What holds a blob: the index of a commit, or of a tag, or only a reference. Ordered by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holder {
    Commit(u32),
    Tag(u32),
    Reference,
    /// It is in the repository, and no more is known.
    Nothing,
}

impl Commits {
    /// Reads everything that the tips reach, then what only the `others` do. The parents of `shallow`
    /// commits are known to be missing.
    pub(super) fn collect(
        objects: &Store<'_>,
        numbers: &Numbers<'_>,
        tips: &[Tip],
        others: &[Oid],
        shallow: &HashSet<Oid>,
        deliver: &Deliver<'_>,
        clean: &Clean,
    ) -> Self {
        let gaps = deliver.gaps;
        let stock = Stock::of_packs(numbers, objects.max_bytes(), deliver, clean);
        let number = |oid: &Oid| numbers.number(oid.as_bytes());
        let named = tips.iter().rev().map(|tip| (number(&tip.oid), tip));
        let mut walk = Walk {
            numbers,
            shallow: shallow.iter().map(number).collect(),
            packed: Indices::of(numbers, stock.commits.iter()),
            found: Self { stock, ..Self::default() },
            places: Vec::new(),
            // A tip that can't be read is named by its reference too.
            names: named.clone().map(|(number, tip)| (number, &*tip.name)).collect(),
            is_reached: true,
            seen: NumberBits::default(),
            gone: NumberSet::default(),
            queue: named.map(|(number, tip)| Next::of(number, tip)).collect(),
        };
        walk.run(objects, gaps);
        let mut commits = walk.take_oldest_first();
        walk.found.reached = commits.len();
        walk.is_reached = false;
        let others = others.iter().rev().map(number);
        let next = |number| Next { may_be_gone: true, ..Next::needed(number) };
        walk.queue.extend(others.map(next));
        walk.run(objects, gaps);
        commits.extend(walk.take_oldest_first());
        let mut found = walk.found;
        found.indices = Indices::of(numbers, commits.iter());
        found.stock.commits = Vec::new();
        found.commits = commits;
        found
    }

    /// Returns the index of a commit.
    pub(super) fn index(&self, number: Number) -> Option<u32> {
        self.indices.get(number)
    }

    /// Returns the indices of the parents of a commit, as far as they are here.
    pub(super) fn parents(&self, index: u32) -> impl Iterator<Item = u32> {
        let parents = self.stock.parents(&self.commits[index as usize]).iter();
        parents.filter_map(|parent| self.index(*parent))
    }

    /// Returns whether a reference or a log reaches a holder.
    pub(super) fn is_reached(&self, holder: Holder) -> bool {
        match holder {
            Holder::Commit(index) => (index as usize) < self.reached,
            Holder::Tag(index) => self.tags[index as usize].is_reached,
            Holder::Reference => true,
            Holder::Nothing => false,
        }
    }
}

/// A walk from the tips down, in one thread so that its order is always the same.
struct Walk<'a> {
    numbers: &'a Numbers<'a>,
    shallow: NumberSet<Number>,
    /// Where the commits of the packs stand in the stock.
    packed: Indices,
    found: Commits,
    /// Where those that were met stand in the stock.
    places: Vec<usize>,
    names: NumberMap<Number, &'a str>,
    /// Whether a reference or a log reaches what is walked now.
    is_reached: bool,
    seen: NumberBits,
    /// What is not there, and was named only where git promises nothing.
    gone: NumberSet<Number>,
    queue: Vec<Next>,
}

/// An object to be read.
struct Next {
    number: Number,
    /// What names it, where that is a tag.
    holder: Holder,
    /// Whether git may have removed it all the same.
    may_be_gone: bool,
}

impl Next {
    fn of(number: Number, tip: &Tip) -> Self {
        Self { may_be_gone: tip.may_be_gone, ..Self::needed(number) }
    }

    fn needed(number: Number) -> Self {
        Self { number, holder: Holder::Reference, may_be_gone: false }
    }
}

impl Walk<'_> {
    fn run(&mut self, objects: &Store<'_>, gaps: &Gaps) {
        while let Some(Next { number, holder, may_be_gone }) = self.queue.pop() {
            // git keeps nothing of what nothing reaches: it is gone, not missing.
            let may_be_gone = may_be_gone || !self.is_reached;
            let is_missed = !may_be_gone && self.gone.remove(&number);
            if !self.seen.insert(number) && !is_missed {
                continue;
            }
            if let Some(place) = self.packed.get(number) {
                self.commit(number, place as usize);
                continue;
            }
            let oid = self.numbers.oid(number);
            let outcome = objects.read_any(oid);
            let noted = outcome.and_then(|(kind, bytes)| self.note(number, kind, &bytes, holder));
            match noted {
                Ok(()) => {}
                Err(Unreadable::Absent) if may_be_gone => _ = self.gone.insert(number),
                Err(why) => {
                    let what = match self.names.get(&number) {
                        Some(name) => format!("object {oid} ({name})"),
                        None => format!("object {oid}"),
                    };
                    gaps.object(what, why);
                }
            }
        }
    }

    fn note(
        &mut self,
        number: Number,
        kind: ObjectType,
        bytes: &[u8],
        holder: Holder,
    ) -> Result<(), Unreadable> {
        let garbled = || Unreadable::Broken(format!("its header is no {kind}'s"));
        match kind {
            ObjectType::Commit => {
                let place = self.found.stock.read(number, bytes).ok_or_else(garbled)?;
                self.found.stock.number(self.numbers);
                self.commit(number, place);
            }
            ObjectType::Tag => {
                let tag = Tag::parse(bytes).ok_or_else(garbled)?;
                let index = self.found.tags.len() as u32;
                let target = self.numbers.number(tag.target.as_bytes());
                let (is_reached, written) = (self.is_reached, Written::of(kind, bytes));
                self.found.tags.push(Tagged { number, target, is_reached, written });
                self.queue.push(Next { holder: Holder::Tag(index), ..Next::needed(target) });
            }
            _ => self.found.roots.push(Root { number, kind, holder }),
        }
        Ok(())
    }

    fn commit(&mut self, number: Number, place: usize) {
        let stock = &mut self.found.stock;
        if !self.shallow.is_empty() && self.shallow.contains(&number) {
            stock.cut_off(place);
        }
        let parents = stock.parents(&stock.commits[place]).iter();
        self.queue.extend(parents.rev().map(|parent| Next::needed(*parent)));
        self.places.push(place);
    }

    /// Takes the commits that were met, in order.
    fn take_oldest_first(&mut self) -> Vec<Commit> {
        let places = std::mem::take(&mut self.places);
        self.found.stock.oldest_first(self.numbers, &places)
    }
}
