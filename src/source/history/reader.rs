//! Reads what was listed, and hands it out.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use git2::{ObjectType, Oid};
use rayon::prelude::*;

use super::commits::{Commits, Holder};
use super::contents::Contents;
use super::deliver::{Deliver, Fate};
use super::gaps::Gaps;
use super::numbers::Number;
use super::places::Places;
use super::remembered::{Clean, Hit};
use super::stays;
use super::store::Store;
use super::trees::Trees;
use super::trial::Trial;
use super::visit::{Blobs, Handed, Messages};
use super::written::Written;
use crate::source::pack;
use crate::source::repository::{Objects, Unreadable};
use crate::source::{Blob, Kind, Place};

/// Reads what was listed, and hands it out.
pub(super) struct Reader<'a> {
    pub(super) objects: &'a Objects,
    pub(super) commits: &'a Commits,
    pub(super) contents: &'a Contents,
    pub(super) trees: &'a Trees<'a>,
    pub(super) gaps: &'a Gaps,
    pub(super) deliver: &'a Deliver<'a>,
    /// What need not be read, because nothing was found in it before.
    pub(super) clean: &'a Clean,
    /// What need not be read, because it was looked at already.
    pub(super) trial: &'a Trial,
    /// Stands before every path: where the repository is a submodule, its own path.
    pub(super) prefix: &'a str,
    pub(super) max_bytes: u64,
    pub(super) whole_blobs: bool,
}

/// What came of all objects.
pub(super) struct Read {
    blobs: Handed,
    commits: Handed,
    tags: Handed,
    /// Blobs that could not be read.
    unread: Vec<(usize, Unreadable)>,
}

impl Read {
    /// Returns whether something was found.
    pub(super) fn has_any(&self) -> bool {
        let mut all = [&self.blobs, &self.commits, &self.tags].into_iter();
        all.any(|handed| handed.noted().next().is_some())
    }
}

impl Reader<'_> {
    /// Reads everything.
    pub(super) fn read_all(&self) -> Read {
        let (blobs, unread) = self.blobs();
        Read { blobs, commits: self.commit_messages(), tags: self.tag_messages(), unread }
    }

    /// Returns the objects whose places must be known.
    pub(super) fn wanted(&self, read: &Read) -> Vec<Number> {
        let indices = read.blobs.unsettled().chain(read.blobs.put_off());
        let indices = indices.map(|index| index as usize);
        let indices = indices.chain(read.unread.iter().map(|(index, _)| *index));
        let blobs = indices.map(|index| self.contents.blobs[index]);
        blobs.chain(self.contents.missing.iter().map(|(tree, _)| *tree)).collect()
    }

    /// Hands out what had to wait until it is known where it stands, and says what could not be read.
    pub(super) fn finish(&self, read: &Read, places: &Places) {
        for (tree, why) in &self.contents.missing {
            for (path, holder) in places.at(*tree) {
                if *why != Unreadable::Absent || self.commits.is_reached(*holder) {
                    let oid = self.oid(*tree);
                    let what = match places.path(*path, self.trees) {
                        Some(path) => format!("tree {oid} ({path}/)"),
                        None => format!("tree {oid}"),
                    };
                    self.gaps.object(what, why.clone());
                }
            }
        }
        for (index, why) in &read.unread {
            self.unread(*index, why.clone(), places);
        }
        let put_off: Vec<u32> = read.blobs.put_off().collect();
        let store = || Store::new(self.objects, self.max_bytes);
        put_off.into_par_iter().for_each_init(store, |store, index| {
            let index = index as usize;
            let blob = self.contents.blobs[index];
            match store.read(self.oid(blob), ObjectType::Blob) {
                Ok(bytes) => {
                    let blob_places = self.places(blob, places);
                    let fate = self.deliver.blob(Blob::new(&bytes, &blob_places));
                    read.blobs.note(index, fate);
                }
                Err(why) => self.unread(index, why, places),
            }
        });
    }

    /// Returns where something was found.
    pub(super) fn found(&self, read: &Read, places: &Places) -> stays::Found {
        let blobs = read.blobs.noted().map(|index| self.contents.blobs[index as usize]);
        let blobs = blobs.map(|blob| {
            let at = places.at(blob);
            (blob, at.iter().map(|(_, holder)| *holder).min().unwrap_or(Holder::Nothing))
        });
        let (commits, tags) = (read.commits.noted().collect(), read.tags.noted().collect());
        stays::Found { blobs: blobs.collect(), commits, tags }
    }

    /// Returns every place of the blobs in which something was found, by id.
    pub(super) fn noted(&self, read: &Read, places: &Places) -> BTreeMap<String, Vec<Place>> {
        let blobs = read.blobs.noted().map(|index| self.contents.blobs[index as usize]);
        blobs.map(|blob| (self.oid(blob).to_string(), self.places(blob, places))).collect()
    }

    /// Returns the objects that must be read again whenever they are asked for.
    pub(super) fn hits(&self, read: &Read, places: &Places, objects: &Store<'_>) -> Vec<Hit> {
        let blobs = read.blobs.unsettled().map(|index| {
            let blob = self.contents.blobs[index as usize];
            Hit { object: self.oid(blob).to_string(), places: self.places(blob, places) }
        });
        let commits = read.commits.unsettled().map(|index| {
            let oid = self.oid(self.commits.commits[index as usize].number);
            let written = Written::of_commit(objects, oid);
            Hit::message(message_place(Kind::CommitMessage, oid, &written))
        });
        let tags = read.tags.unsettled().map(|index| {
            let tag = &self.commits.tags[index as usize];
            Hit::message(message_place(Kind::TagMessage, self.oid(tag.number), &tag.written))
        });
        blobs.chain(commits).chain(tags).collect()
    }

    /// Returns the objects in which nothing was found, with their sizes.
    pub(super) fn cleared(&self, read: &Read) -> Vec<(Oid, u32)> {
        let (commits, tags) = (&self.commits.commits, &self.commits.tags);
        let blobs = read.blobs.clean().map(|(index, size)| (self.contents.blobs[index], size));
        let messages = read.commits.clean().map(|(index, size)| (commits[index].number, size));
        let tags = read.tags.clean().map(|(index, size)| (tags[index].number, size));
        let all = blobs.chain(messages).chain(tags);
        all.map(|(number, size)| (self.oid(number), size)).collect()
    }

    fn blobs(&self) -> (Handed, Vec<(usize, Unreadable)>) {
        let blobs = &self.contents.blobs;
        let handed = self.but_known(blobs.len(), |index| blobs[index]);
        for (index, blob) in blobs.iter().enumerate() {
            if let Some(size) = self.trial.clean(*blob) {
                self.note_clean(&handed, index, size);
            }
        }
        for (pack, first) in self.trees.numbers.packs() {
            let node = |index: usize| self.trees.numbers.node(pack, first, blobs[index]);
            let wanted = handed.wanted(pack, node);
            let visitor = Blobs { reader: self, wanted: &wanted, handed: &handed };
            pack::walk(pack, ObjectType::Blob, self.max_bytes, &wanted.nodes, &visitor);
        }
        let unread = Mutex::default();
        handed.each_other(|index| {
            match self.objects.read(self.oid(blobs[index]), ObjectType::Blob) {
                Ok(bytes) => {
                    let places = [self.nowhere(blobs[index])];
                    handed.note_early(index, self.deliver.early(Blob::new(&bytes, &places)));
                }
                Err(why) => {
                    let mut unread: MutexGuard<'_, Vec<_>> =
                        unread.lock().unwrap_or_else(PoisonError::into_inner);
                    unread.push((index, why));
                }
            }
        });
        (handed, unread.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn commit_messages(&self) -> Handed {
        let commits = &self.commits.commits;
        let handed = self.but_known(commits.len(), |index| commits[index].number);
        for (index, commit) in commits.iter().enumerate() {
            if let Some(size) = commit.clean {
                self.note_clean(&handed, index, size);
            }
        }
        for (pack, first) in self.trees.numbers.packs() {
            let number = |index: usize| commits[index].number;
            let node = |index| self.trees.numbers.node(pack, first, number(index));
            let wanted = handed.wanted(pack, node);
            let visitor = Messages { reader: self, wanted: &wanted, handed: &handed };
            pack::walk(pack, ObjectType::Commit, self.max_bytes, &wanted.nodes, &visitor);
        }
        handed.each_other(|index| {
            let (kind, object) = (Kind::CommitMessage, ObjectType::Commit);
            let fate = self.message(kind, object, commits[index].number);
            fate.into_iter().for_each(|fate| handed.note(index, fate));
        });
        handed
    }

    fn tag_messages(&self) -> Handed {
        let tags = &self.commits.tags;
        let handed = self.but_known(tags.len(), |index| tags[index].number);
        handed.each_other(|index| {
            let fate = self.message(Kind::TagMessage, ObjectType::Tag, tags[index].number);
            fate.into_iter().for_each(|fate| handed.note(index, fate));
        });
        handed
    }

    /// Returns a list of so many objects, of which those are done in which nothing was found before.
    fn but_known(&self, length: usize, number: impl Fn(usize) -> Number + Sync) -> Handed {
        let handed = Handed::none_of(length);
        if self.clean.is_empty() {
            return handed;
        }
        (0..length).into_par_iter().for_each(|index| {
            let oid = self.oid(number(index));
            let size = self.clean.size(oid).filter(|size| u64::from(*size) <= self.max_bytes);
            if let Some(size) = size.filter(|_| self.objects.has(oid)) {
                self.note_clean(&handed, index, size);
            }
        });
        handed
    }

    /// Counts an object of which it is known that there is nothing in it.
    fn note_clean(&self, handed: &Handed, index: usize, size: u32) {
        self.gaps.tally.count(1, u64::from(size));
        handed.note(index, Fate { is_noted: false, clean: Some(size) });
    }

    /// Says that a blob could not be read, unless git was free to remove it.
    fn unread(&self, index: usize, why: Unreadable, places: &Places) {
        if why == Unreadable::Absent && index >= self.contents.kept {
            return;
        }
        let blob = self.contents.blobs[index];
        let (oid, first) = (self.oid(blob), places.at(blob).first());
        let what = match first.and_then(|(path, _)| places.path(*path, self.trees)) {
            Some(path) => format!("blob {oid} ({path})"),
            None => format!("blob {oid}"),
        };
        self.gaps.object(what, why);
    }

    /// Returns the place of a blob of which it is not known where it stands.
    pub(super) fn nowhere(&self, blob: Number) -> Place {
        Place { blob: Some(self.oid(blob).to_string()), ..Place::new(Kind::Blob, None) }
    }

    /// Returns the places of a blob, the oldest first.
    fn places(&self, blob: Number, places: &Places) -> Vec<Place> {
        let at = places.at(blob).iter();
        let mut found: Vec<_> = at
            .map(|(path, holder)| {
                let path = places.path(*path, self.trees);
                let mut place = self.nowhere(blob);
                place.path = path.map(|path| format!("{}{path}", self.prefix));
                if let Some((number, written)) = self.holder(*holder, places) {
                    written.stamp(&mut place, self.oid(number));
                }
                (*holder, place)
            })
            .collect();
        found.sort();
        let found: Vec<_> = found.into_iter().map(|(_, place)| place).collect();
        if found.is_empty() { vec![self.nowhere(blob)] } else { found }
    }

    /// Returns a commit or tag that holds something, and who wrote it.
    fn holder<'p>(&'p self, holder: Holder, places: &'p Places) -> Option<(Number, &'p Written)> {
        match holder {
            Holder::Commit(index) => {
                Some((self.commits.commits[index as usize].number, places.written(index)?))
            }
            Holder::Tag(index) => {
                let tag = &self.commits.tags[index as usize];
                Some((tag.number, &tag.written))
            }
            Holder::Reference | Holder::Nothing => None,
        }
    }

    /// Returns the id of an object.
    pub(super) fn oid(&self, number: Number) -> Oid {
        self.trees.numbers.oid(number)
    }

    fn message(&self, kind: Kind, object: ObjectType, number: Number) -> Option<Fate> {
        let oid = self.oid(number);
        match self.objects.read(oid, object) {
            Ok(bytes) => {
                let place = message_place(kind, oid, &Written::of(object, &bytes));
                Some(self.deliver.message(place, &bytes))
            }
            Err(why) => {
                self.gaps.object(format!("{object} {oid}"), why);
                None
            }
        }
    }
}

/// Returns the place of a message.
pub(super) fn message_place(kind: Kind, oid: Oid, written: &Written) -> Place {
    let mut place = Place::new(kind, None);
    written.stamp(&mut place, oid);
    place
}
