//! How long each object in which something was found stood in the history.
//!
//! Nothing is asked of one object alone: the commits are walked once from the youngest to the oldest, and
//! only through the trees that lead to one of them.

use std::collections::HashMap;
use std::sync::Arc;

use git2::{ObjectType, Oid};

use super::commits::{Commits, Holder};
use super::holds::{Holds, ListId, Walked};
use super::number::NumberMap;
use super::numbers::{Number, Numbers};
use super::reached::{Other, Reached};
use super::store::Store;
use crate::source::repository::{self, message};
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
    pub(super) fn is_empty(&self) -> bool {
        self.blobs.is_empty() && self.commits.is_empty() && self.tags.is_empty()
    }
}

/// A history in which stays are looked up.
pub(super) struct Chronicle<'a, 's> {
    pub(super) repository: &'a str,
    pub(super) objects: &'a Store<'s>,
    pub(super) numbers: &'a Numbers<'s>,
    pub(super) commits: &'a Commits,
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

impl Chronicle<'_, '_> {
    /// Returns the stays of what was found. `holds` knows what leads to the blobs.
    pub(super) fn stays(
        &self,
        found: &Found,
        reached: &Reached<'_>,
        holds: &mut Holds<'_, '_>,
    ) -> Stays {
        let mut records = Records { chronicle: self, known: HashMap::new() };
        let mut stays = Stays::new();
        if !found.blobs.is_empty() {
            let known = self.blobs(found, holds, reached);
            self.add_blobs(found, &known, reached, &mut records, &mut stays);
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

    /// Walks the commits for what holds each blob.
    fn blobs(&self, found: &Found, holds: &mut Holds<'_, '_>, reached: &Reached<'_>) -> Vec<Known> {
        let mut known = vec![Known::default(); found.blobs.len()];
        let numbers = found.blobs.iter().map(|(number, _)| *number);
        let places: NumberMap<Number, usize> = numbers.zip(0..).collect();
        let commits = &self.commits.commits;
        let lists: Vec<ListId> = commits.iter().map(|commit| holds.list(commit.tree)).collect();
        let mut each = |commits_with_trees: &mut dyn Iterator<Item = u32>,
                        note: &mut dyn FnMut(&mut Known, u32)| {
            let mut walked = Walked::default();
            for index in commits_with_trees {
                if !walked.lacks(lists[index as usize]) {
                    continue;
                }
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
        for root in self.commits.roots.iter().filter(|root| root.kind == ObjectType::Tree) {
            let is_named = reached.named.contains(&root.number);
            let by_other = reached.named_by_other.get(&root.number).copied();
            holds.each(root.number, &mut Walked::default(), |number| {
                if let Some(known) = places.get(&number).map(|place| &mut known[*place]) {
                    known.is_reached |= is_named;
                    known.reached_by = known.reached_by.into_iter().chain(by_other).min();
                }
            });
        }
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
