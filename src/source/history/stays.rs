//! How long each object in which something was found stood in the history.
//!
//! Nothing is asked of one object alone: the commits are walked once from the youngest to the oldest, and
//! only through the trees that lead to one of them.

use std::collections::HashMap;
use std::sync::Arc;

use git2::{ObjectType, Oid};

use super::commits::{Commits, Holder};
use super::graph::{Graph, is_branch, is_tag};
use super::holds::{Holds, Walked};
use super::number::{NumberMap, NumberSet};
use super::numbers::{Number, Numbers};
use super::store::Store;
use crate::source::repository::{self, Tip, message};
use crate::source::stay::{Event, Record, Stay, Stays, Text};

/// The objects in which something was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Blobs, and what holds each first.
    pub(super) blobs: Vec<(Number, Holder)>,
    /// Indices of commits with something in their message.
    pub(super) commits: Vec<u32>,
    /// The same of tags.
    pub(super) tags: Vec<u32>,
}

impl Found {
    fn is_empty(&self) -> bool {
        self.blobs.is_empty() && self.commits.is_empty() && self.tags.is_empty()
    }
}

/// A history in which stays are looked up.
pub(super) struct Chronicle<'a, 's> {
    pub(super) repository: &'a str,
    pub(super) objects: &'a Store<'s>,
    pub(super) numbers: &'a Numbers<'s>,
    pub(super) commits: &'a Commits,
    pub(super) tips: &'a [Tip],
    /// The commit that is checked out.
    pub(super) head: Option<Oid>,
}

/// What is known of one blob.
#[derive(Clone, Copy, Default)]
struct Known {
    last: Option<u32>,
    is_reached: bool,
    /// The first of the other references that reaches it.
    reached_by: Option<Other>,
    is_in_head: bool,
    is_in_branch: bool,
}

/// The index of a reference that is neither branch nor tag: a note, a stash, a pull request.
type Other = u32;

/// What is known of the commits.
struct Reached<'a> {
    graph: Graph<'a>,
    head: Option<u32>,
    /// The tips of branches.
    branches: Vec<u32>,
    /// Everything that a branch or tag names, or a tag that is named so.
    named: NumberSet<Number>,
    /// By commit: whether a branch or tag reaches it.
    by_name: Vec<bool>,
    /// The names of the other references, sorted.
    others: Vec<&'a str>,
    /// What they name, or a tag that is named so, and the first of them that does.
    named_by_other: NumberMap<Number, Other>,
    /// By commit that no branch or tag reaches: the first of them that does.
    by_other: Vec<Option<Other>>,
    /// By commit: whether it is in the log of `HEAD`.
    by_head: Vec<bool>,
}

impl Chronicle<'_, '_> {
    /// Returns the stays of what was found. `holds` knows what leads to the blobs.
    pub(super) fn stays(&self, found: &Found, holds: &mut Holds<'_, '_>) -> Stays {
        if found.is_empty() {
            return Stays::new();
        }
        let reached = self.reached();
        let mut records = Records { chronicle: self, known: HashMap::new() };
        let mut stays = Stays::new();
        if !found.blobs.is_empty() {
            let known = self.blobs(found, holds, &reached);
            self.add_blobs(found, &known, &reached, &mut records, &mut stays);
        }
        for &index in &found.commits {
            let event = records.of(index);
            let id = self.id(self.commits.commits[index as usize].number);
            stays.entry(id).or_default().push(Stay {
                repository: self.repository.to_owned(),
                first: event.clone(),
                last: event,
                removed: None,
                is_reached: reached.by_name[index as usize],
                reached_by: reached.name(reached.by_other[index as usize]),
                is_in_head: reached.by_head[index as usize],
            });
        }
        for &index in &found.tags {
            let tag = &self.commits.tags[index as usize];
            let event = records.of_tag(tag.number);
            stays.entry(self.id(tag.number)).or_default().push(Stay {
                repository: self.repository.to_owned(),
                first: event.clone(),
                last: event,
                removed: None,
                is_reached: reached.named.contains(&tag.number),
                reached_by: reached.name_of(tag.number),
                is_in_head: false,
            });
        }
        stays
    }

    fn id(&self, number: Number) -> String {
        self.numbers.oid(number).to_string()
    }

    fn reached(&self) -> Reached<'_> {
        let graph = Graph::of(self.commits);
        let number = |oid: Oid| self.numbers.number(oid.as_bytes());
        let of = |tips: &dyn Fn(&Tip) -> bool| -> Vec<u32> {
            let tips = self.tips.iter().filter(|tip| tips(tip));
            tips.filter_map(|tip| graph.commit(number(tip.oid))).collect()
        };
        let (branches, tags) = (of(&is_branch), of(&is_tag));
        let head = self.head.and_then(|head| graph.commit(number(head)));
        let by_name = graph.reached_from(branches.iter().chain(&tags).copied());
        let by_head = graph.reached_from(head.into_iter());
        let named = self.tips.iter().filter(|tip| is_branch(tip) || is_tag(tip));
        let named = named.flat_map(|tip| graph.named(number(tip.oid))).collect();
        let (others, named_by_other) = self.others(&graph);
        let by_other = self.by_other(&named_by_other, &by_name);
        Reached { head, branches, named, by_name, others, named_by_other, by_other, by_head, graph }
    }

    /// Returns the references that are neither branch nor tag, in order of name, and what they name.
    fn others(&self, graph: &Graph<'_>) -> (Vec<&str>, NumberMap<Number, Other>) {
        // An older stash is in a log, and has no name that a reference may have.
        let is_other = |tip: &&Tip| {
            let is_reference = !tip.may_be_gone && !tip.name.contains(' ');
            is_reference && !is_branch(tip) && !is_tag(tip)
        };
        let mut others: Vec<&Tip> = self.tips.iter().filter(is_other).collect();
        others.sort_by_key(|tip| &tip.name);
        let mut named = NumberMap::default();
        for (other, tip) in (0..).zip(&others) {
            for number in graph.named(self.numbers.number(tip.oid.as_bytes())) {
                named.entry(number).or_insert(other);
            }
        }
        (others.into_iter().map(|tip| &*tip.name).collect(), named)
    }

    /// Returns of each commit that no branch or tag reaches the first of the others that does.
    fn by_other(&self, named: &NumberMap<Number, Other>, by_name: &[bool]) -> Vec<Option<Other>> {
        let starts =
            named.iter().filter_map(|(number, other)| Some((*other, self.commits.index(*number)?)));
        let mut starts: Vec<(Other, u32)> = starts.collect();
        starts.sort_unstable();
        let mut by_other = vec![None; by_name.len()];
        for (other, start) in starts {
            let mut waiting = vec![start];
            while let Some(commit) = waiting.pop() {
                let known = &mut by_other[commit as usize];
                if !by_name[commit as usize] && known.is_none() {
                    *known = Some(other);
                    waiting.extend(self.commits.parents(commit));
                }
            }
        }
        by_other
    }

    /// Walks the commits for what holds each blob.
    fn blobs(&self, found: &Found, holds: &mut Holds<'_, '_>, reached: &Reached<'_>) -> Vec<Known> {
        let mut known = vec![Known::default(); found.blobs.len()];
        let numbers = found.blobs.iter().map(|(number, _)| *number);
        let places: NumberMap<Number, usize> = numbers.zip(0..).collect();
        let commits = &self.commits.commits;
        let mut each = |commits_with_trees: &mut dyn Iterator<Item = u32>,
                        note: &mut dyn FnMut(&mut Known, u32)| {
            let mut walked = Walked::default();
            for index in commits_with_trees {
                holds.each(commits[index as usize].tree, &mut walked, |number| {
                    if let Some(place) = places.get(&number) {
                        note(&mut known[*place], index);
                    }
                });
            }
        };
        let youngest_first = || (0..commits.len() as u32).rev();
        each(&mut youngest_first(), &mut |known, index| _ = known.last.get_or_insert(index));
        let mut named = youngest_first().filter(|index| reached.by_name[*index as usize]);
        each(&mut named, &mut |known, _| known.is_reached = true);
        let mut others = reached.by_first_other().into_iter();
        each(&mut others, &mut |known, index| {
            known.reached_by = known.reached_by.or(reached.by_other[index as usize]);
        });
        each(&mut reached.head.into_iter(), &mut |known, _| known.is_in_head = true);
        each(&mut reached.branches.iter().copied(), &mut |known, _| known.is_in_branch = true);
        known
    }

    fn add_blobs(
        &self,
        found: &Found,
        known: &[Known],
        reached: &Reached<'_>,
        records: &mut Records<'_, '_, '_>,
        stays: &mut Stays,
    ) {
        let is_gone = |known: &&Known| !known.is_in_branch && !known.is_in_head;
        let ends: Vec<u32> = known.iter().filter(is_gone).filter_map(|known| known.last).collect();
        let children = reached.graph.first_children(&ends, &reached.by_name);
        for ((number, holder), known) in found.blobs.iter().zip(known) {
            let first = match holder {
                Holder::Commit(index) => records.of(*index),
                Holder::Tag(index) => records.of_tag(self.commits.tags[*index as usize].number),
                Holder::Reference | Holder::Nothing => None,
            };
            let end = known.last.filter(|_| is_gone(&known));
            let removed = end.and_then(|last| children.get(&last));
            let is_reached = known.is_reached || reached.named.contains(number);
            let others = [known.reached_by, reached.named_by_other.get(number).copied()];
            let reached_by = others.into_iter().flatten().min().filter(|_| !is_reached);
            stays.entry(self.id(*number)).or_default().push(Stay {
                repository: self.repository.to_owned(),
                first,
                last: known.last.and_then(|last| records.of(last)),
                removed: removed.and_then(|child| records.of(*child)),
                is_reached,
                reached_by: reached.name(reached_by),
                is_in_head: known.is_in_head,
            });
        }
    }
}

impl Reached<'_> {
    fn name(&self, other: Option<Other>) -> Option<String> {
        other.map(|other| self.others[other as usize].to_owned())
    }

    /// Returns the first of the other references that names an object which no branch or tag does.
    fn name_of(&self, object: Number) -> Option<String> {
        let other = self.named_by_other.get(&object).copied();
        self.name(other.filter(|_| !self.named.contains(&object)))
    }

    /// Returns the commits that only other references reach, those of the first of them first.
    fn by_first_other(&self) -> Vec<u32> {
        let commits = (0..).zip(&self.by_other).filter(|(_, other)| other.is_some());
        let mut commits: Vec<u32> = commits.map(|(commit, _)| commit).collect();
        commits.sort_by_key(|commit| self.by_other[*commit as usize]);
        commits
    }
}

/// What commits say of themselves, each read once.
struct Records<'c, 'a, 's> {
    chronicle: &'c Chronicle<'a, 's>,
    known: HashMap<u32, Option<Event>>,
}

/// A tag comes after all commits.
pub(super) const TAG_ORDER: u32 = u32::MAX;

impl Records<'_, '_, '_> {
    /// Returns the event of a commit; none where it can't be read again.
    fn of(&mut self, index: u32) -> Option<Event> {
        let chronicle = self.chronicle;
        let read = || {
            let number = chronicle.commits.commits[index as usize].number;
            let oid = chronicle.numbers.oid(number);
            let bytes = chronicle.objects.read(oid, ObjectType::Commit).ok()?;
            let record = record_of(oid, ObjectType::Commit, &bytes)?;
            Some(Event { order: index, record: Arc::new(record) })
        };
        self.known.entry(index).or_insert_with(read).clone()
    }

    /// Returns the event of an annotated tag.
    fn of_tag(&self, number: Number) -> Option<Event> {
        let oid = self.chronicle.numbers.oid(number);
        let bytes = self.chronicle.objects.read(oid, ObjectType::Tag).ok()?;
        let record = record_of(oid, ObjectType::Tag, &bytes)?;
        Some(Event { order: TAG_ORDER, record: Arc::new(record) })
    }
}

/// Returns what a commit or tag says of itself.
pub(super) fn record_of(oid: Oid, kind: ObjectType, bytes: &[u8]) -> Option<Record> {
    let (author, committer) = match kind {
        ObjectType::Tag => {
            let tagger = repository::Tag::parse(bytes)?.tagger;
            (tagger.clone(), tagger)
        }
        _ => {
            let commit = repository::Commit::parse(bytes)?;
            (commit.author, commit.committer)
        }
    };
    let (author, authored) = author.map(|by| (by.who, by.when)).unzip();
    let (committer, committed) = committer.map(|by| (by.who, by.when)).unzip();
    let (authored, committed) = (authored.flatten(), committed.flatten());
    let message = Text(message(bytes).to_owned());
    Some(Record { id: oid.to_string(), author, authored, committer, committed, message })
}
