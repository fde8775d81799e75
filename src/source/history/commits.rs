//! The commits and tags that the references reach, in the order in which they were made.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use git2::{ObjectType, Oid};

use super::Gaps;
use super::deliver::Deliver;
use super::remembered::Clean;
use super::store::Store;
use crate::source::pack::{self, Node, Pack, Visit};
use crate::source::repository::{self, Signature, Tag, Tip, Unreadable};
use crate::source::{Copied, Moment, Place};

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
}

/// A commit, without its message.
pub(super) struct Commit {
    pub(super) oid: Oid,
    pub(super) tree: Oid,
    pub(super) written: Written,
    pub(super) parents: Vec<Oid>,
    /// The size of its message, where that was read and nothing was found in it.
    pub(super) clean: Option<u32>,
    /// Seconds since 1970 as the committer had it; 0 where it can't be read.
    seconds: i64,
}

/// An annotated tag, without its message.
pub(super) struct Tagged {
    pub(super) oid: Oid,
    /// What it names.
    pub(super) target: Oid,
    pub(super) is_reached: bool,
    pub(super) written: Written,
}

/// A tree or blob that a reference or tag names directly.
pub(super) struct Root {
    pub(super) oid: Oid,
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

/// Who wrote a commit or tag, and when.
pub(super) struct Written {
    author: Option<Arc<str>>,
    date: Option<Moment>,
}

impl Written {
    /// Says at a place that it was there first.
    pub(super) fn stamp(&self, place: &mut Place, oid: Oid) {
        place.commit = Some(oid.to_string());
        place.author = self.author.as_deref().map(str::to_owned);
        place.date = self.date;
    }
}

impl Commits {
    /// Reads everything that the tips reach, then what only the `others` do. The parents of `shallow`
    /// commits are known to be missing.
    pub(super) fn collect(
        objects: &Store<'_>,
        tips: &[Tip],
        others: &[Oid],
        shallow: &HashSet<Oid>,
        deliver: &Deliver<'_>,
        clean: &Clean,
    ) -> Self {
        let gaps = deliver.gaps;
        let authors = Authors::default();
        let mut walk = Walk {
            shallow,
            packed: Packed::of(objects, &authors, deliver, clean),
            found: Self::default(),
            authors: &authors,
            // A tip that can't be read is named by its reference too.
            names: tips.iter().rev().map(|tip| (tip.oid, &*tip.name)).collect(),
            is_reached: true,
            seen: HashSet::new(),
            gone: HashSet::new(),
            queue: tips.iter().rev().map(Next::of).collect(),
        };
        walk.run(objects, gaps);
        let mut commits = oldest_first(std::mem::take(&mut walk.found.commits));
        walk.found.reached = commits.len();
        walk.is_reached = false;
        let others = others.iter().rev();
        walk.queue.extend(others.map(|oid| Next { may_be_gone: true, ..Next::needed(*oid) }));
        walk.run(objects, gaps);
        let mut found = walk.found;
        commits.extend(oldest_first(found.commits));
        found.commits = commits;
        found
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

    /// Returns the id of a holder, and who wrote it.
    pub(super) fn holder(&self, holder: Holder) -> Option<(Oid, &Written)> {
        match holder {
            Holder::Commit(index) => {
                let commit = &self.commits[index as usize];
                Some((commit.oid, &commit.written))
            }
            Holder::Tag(index) => {
                let tag = &self.tags[index as usize];
                Some((tag.oid, &tag.written))
            }
            Holder::Reference | Holder::Nothing => None,
        }
    }
}

/// A walk from the tips down, in one thread so that its order is always the same.
struct Walk<'a> {
    shallow: &'a HashSet<Oid>,
    packed: Packed<'a>,
    found: Commits,
    authors: &'a Authors,
    names: HashMap<Oid, &'a str>,
    /// Whether a reference or a log reaches what is walked now.
    is_reached: bool,
    seen: HashSet<Oid>,
    /// What is not there, and was named only where git promises nothing.
    gone: HashSet<Oid>,
    queue: Vec<Next>,
}

/// An object to be read.
struct Next {
    oid: Oid,
    /// What names it, where that is a tag.
    holder: Holder,
    /// Whether git may have removed it all the same.
    may_be_gone: bool,
}

impl Next {
    fn of(tip: &Tip) -> Self {
        Self { may_be_gone: tip.may_be_gone, ..Self::needed(tip.oid) }
    }

    fn needed(oid: Oid) -> Self {
        Self { oid, holder: Holder::Reference, may_be_gone: false }
    }
}

impl Walk<'_> {
    fn run(&mut self, objects: &Store<'_>, gaps: &Gaps) {
        while let Some(Next { oid, holder, may_be_gone }) = self.queue.pop() {
            // git keeps nothing of what nothing reaches: it is gone, not missing.
            let may_be_gone = may_be_gone || !self.is_reached;
            let is_missed = !may_be_gone && self.gone.remove(&oid);
            if !self.seen.insert(oid) && !is_missed {
                continue;
            }
            if let Some(commit) = self.packed.take(oid) {
                self.commit(oid, commit);
                continue;
            }
            let outcome = objects.read_any(oid);
            let noted = outcome.and_then(|(kind, bytes)| self.note(oid, kind, &bytes, holder));
            match noted {
                Ok(()) => {}
                Err(Unreadable::Absent) if may_be_gone => _ = self.gone.insert(oid),
                Err(why) => {
                    let what = match self.names.get(&oid) {
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
        oid: Oid,
        kind: ObjectType,
        bytes: &[u8],
        holder: Holder,
    ) -> Result<(), Unreadable> {
        let garbled = || Unreadable::Broken(format!("its header is no {kind}'s"));
        match kind {
            ObjectType::Commit => {
                let commit = repository::Commit::parse(bytes).ok_or_else(garbled)?;
                self.commit(oid, self.authors.commit(oid, commit));
            }
            ObjectType::Tag => {
                let tag = Tag::parse(bytes).ok_or_else(garbled)?;
                let index = self.found.tags.len() as u32;
                let date = tag.tagger.as_ref().and_then(|tagger| tagger.when);
                let written = self.authors.written(tag.tagger, date);
                let (target, is_reached) = (tag.target, self.is_reached);
                self.found.tags.push(Tagged { oid, target, is_reached, written });
                self.queue.push(Next { holder: Holder::Tag(index), ..Next::needed(tag.target) });
            }
            _ => self.found.roots.push(Root { oid, kind, holder }),
        }
        Ok(())
    }

    fn commit(&mut self, oid: Oid, mut commit: Commit) {
        if self.shallow.contains(&oid) {
            commit.parents.clear();
        }
        self.queue.extend(commit.parents.iter().rev().map(|parent| Next::needed(*parent)));
        self.found.commits.push(commit);
    }
}

/// Each author's text once: there are far fewer authors than commits.
#[derive(Default)]
struct Authors(Mutex<HashMap<String, Arc<str>>>);

impl Authors {
    fn commit(&self, oid: Oid, commit: repository::Commit) -> Commit {
        let date = commit.committer.and_then(|committer| committer.when);
        Commit {
            oid,
            tree: commit.tree,
            written: self.written(commit.author, date),
            parents: commit.parents,
            clean: None,
            seconds: date.map_or(0, |date| date.timestamp().as_second()),
        }
    }

    fn written(&self, author: Option<Signature>, date: Option<Moment>) -> Written {
        let author = author.map(|author| {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let shared = known.entry(author.who);
            let shared = shared.or_insert_with_key(|who| who.as_str().into());
            shared.clone()
        });
        Written { author, date }
    }
}

/// The commits of the packs, read from several threads; what can't be read there is none.
struct Packed<'a>(Vec<(&'a Pack, Vec<Slot>)>);

type Slot = OnceLock<Box<Commit>>;

impl<'a> Packed<'a> {
    fn of(objects: &Store<'a>, authors: &Authors, deliver: &Deliver<'_>, clean: &Clean) -> Self {
        let read = |pack: &'a Pack| {
            let mut slots = Vec::new();
            slots.resize_with(pack.len(), Slot::new);
            let reader = ReadCommits { pack, slots, authors, deliver, known: clean };
            let wanted = pack.of_kind(ObjectType::Commit);
            pack::walk(pack, ObjectType::Commit, objects.max_bytes(), &wanted, &reader);
            (pack, reader.slots)
        };
        Self(objects.packs().iter().map(read).collect())
    }

    /// Returns a commit, once.
    fn take(&mut self, oid: Oid) -> Option<Commit> {
        let mut packs = self.0.iter_mut();
        packs.find_map(|(pack, slots)| Some(*slots[pack.find(oid)? as usize].take()?))
    }
}

struct ReadCommits<'a> {
    pack: &'a Pack,
    slots: Vec<Slot>,
    authors: &'a Authors,
    deliver: &'a Deliver<'a>,
    /// What nothing was found in before.
    known: &'a Clean,
}

impl Visit for ReadCommits<'_> {
    type Memory = ();

    fn visit(&self, node: Node, bytes: &[u8], _: Option<(&(), &[Copied])>) {
        if let Some(commit) = repository::Commit::parse(bytes) {
            let mut commit = self.authors.commit(self.pack.oid(node), commit);
            if self.known.size(commit.oid).is_none() {
                commit.clean = self.deliver.clean_message(bytes);
            }
            _ = self.slots[node as usize].set(Box::new(commit));
        }
    }
}

/// Puts parents before children and, as far as that allows, the older before the younger.
fn oldest_first(mut commits: Vec<Commit>) -> Vec<Commit> {
    let places = places_by_age(&commits);
    let ordered = places.iter().filter(|place| **place != NO_PLACE).count();
    // They are many: each is moved to its place, and none is copied aside.
    let (mut places, mut others) = (places, ordered..);
    places.iter_mut().filter(|place| **place == NO_PLACE).for_each(|place| {
        *place = others.next().expect("there is always a next number");
    });
    for at in 0..commits.len() {
        while places[at] != at {
            let place = places[at];
            commits.swap(at, place);
            places.swap(at, place);
        }
    }
    commits.truncate(ordered);
    commits
}

/// The place of a commit that is its own ancestor, which only damage makes.
const NO_PLACE: usize = usize::MAX;

/// Returns where each commit belongs.
fn places_by_age(commits: &[Commit]) -> Vec<usize> {
    let index: HashMap<Oid, usize> =
        (commits.iter().enumerate()).map(|(index, commit)| (commit.oid, index)).collect();
    let mut children = vec![Vec::new(); commits.len()];
    let mut missing_parents = vec![0_usize; commits.len()];
    for (child, commit) in commits.iter().enumerate() {
        for parent in commit.parents.iter().filter_map(|oid| index.get(oid)) {
            children[*parent].push(child);
            missing_parents[child] += 1;
        }
    }
    drop(index);
    let key = |index: usize| Reverse((commits[index].seconds, commits[index].oid, index));
    let roots = (0..commits.len()).filter(|index| missing_parents[*index] == 0);
    let mut ready: BinaryHeap<_> = roots.map(key).collect();
    let mut places = vec![NO_PLACE; commits.len()];
    let mut place = 0;
    while let Some(Reverse((_, _, next))) = ready.pop() {
        places[next] = place;
        place += 1;
        for child in &children[next] {
            missing_parents[*child] -= 1;
            if missing_parents[*child] == 0 {
                ready.push(key(*child));
            }
        }
    }
    places
}
