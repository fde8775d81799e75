//! Reads what was listed, and hands it out.

use std::sync::{Mutex, PoisonError};

use git2::{ObjectType, Oid};
use rayon::prelude::*;

use super::Gaps;
use super::commits::{Commits, Written};
use super::contents::{self, Contents};
use super::stays::Found;
use super::visit::{Blobs, Handed, Messages};
use crate::source::lfs::{self, Lfs};
use crate::source::pack;
use crate::source::repository::{Objects, Unreadable, message};
use crate::source::{Blob, Kind, Place};

/// Reads what was listed, and hands it out.
pub(super) struct Reader<'a> {
    pub(super) objects: &'a Objects,
    pub(super) commits: &'a Commits,
    pub(super) contents: &'a Contents,
    pub(super) gaps: &'a Gaps,
    pub(super) lfs: Lfs,
    /// Stands before every path: where the repository is a submodule, its own path.
    pub(super) prefix: &'a str,
    pub(super) max_bytes: u64,
    pub(super) whole_blobs: bool,
    pub(super) visit: &'a (dyn Fn(Blob<'_>) + Sync),
    /// Where whoever visits found something.
    pub(super) found: Mutex<Found>,
}

impl Reader<'_> {
    /// Reads everything, and returns where something was found.
    pub(super) fn read_all(self) -> Found {
        let blobs = &self.contents.blobs;
        let handed = Handed::none_of(blobs.len());
        for pack in self.objects.packs() {
            let wanted = handed.wanted(pack, blobs.iter().map(|found| found.oid));
            let visitor = Blobs { reader: &self, wanted: &wanted, handed: &handed };
            pack::walk(pack, ObjectType::Blob, self.max_bytes, &wanted.nodes(), &visitor);
        }
        handed.each_other(|index| self.blob(&blobs[index]));
        self.commit_messages();
        self.commits.tags.par_iter().enumerate().for_each(|(index, tag)| {
            if self.message(Kind::TagMessage, ObjectType::Tag, tag.oid, &tag.written) {
                self.note(|found| found.tags.push(index as u32));
            }
        });
        self.lfs.gap().into_iter().for_each(|gap| self.gaps.note(gap));
        let mut found = self.found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.sort();
        found
    }

    fn commit_messages(&self) {
        let commits = &self.commits.commits;
        let handed = Handed::none_of(commits.len());
        for pack in self.objects.packs() {
            let wanted = handed.wanted(pack, commits.iter().map(|commit| commit.oid));
            let visitor = Messages { reader: self, wanted: &wanted, handed: &handed };
            pack::walk(pack, ObjectType::Commit, self.max_bytes, &wanted.nodes(), &visitor);
        }
        handed.each_other(|index| {
            let commit = &commits[index];
            let kind = (Kind::CommitMessage, ObjectType::Commit);
            if self.message(kind.0, kind.1, commit.oid, &commit.written) {
                self.note(|found| found.commits.push(index as u32));
            }
        });
    }

    /// Notes where something was found.
    pub(super) fn note(&self, note: impl FnOnce(&mut Found)) {
        note(&mut self.found.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Hands out a blob, and the file that it stands for if it is a pointer of git LFS.
    pub(super) fn hand(&self, found: &contents::Found, blob: Blob<'_>) {
        let is_noted = self.gaps.tally.hand_and_ask(blob, self.visit);
        let is_noted = self.behind_pointer(blob) || is_noted;
        let first = found.places.iter().map(|(_, holder)| *holder).min();
        if let (true, Some(first)) = (is_noted, first) {
            self.note(|notes| notes.blobs.push((found.oid, first)));
        }
    }

    fn blob(&self, found: &contents::Found) {
        match self.objects.read(found.oid, ObjectType::Blob) {
            Ok(bytes) => {
                let places = self.places(found);
                self.hand(found, Blob::new(&bytes, &places));
            }
            Err(Unreadable::Absent) if !self.is_reached(found) => {}
            Err(why) => {
                let path = found.places.first().map(|(path, _)| self.contents.path(*path));
                let what = match path.flatten() {
                    Some(path) => format!("blob {} ({path})", found.oid),
                    None => format!("blob {}", found.oid),
                };
                self.gaps.object(what, why);
            }
        }
    }

    fn is_reached(&self, found: &contents::Found) -> bool {
        found.places.iter().any(|(_, holder)| self.commits.is_reached(*holder))
    }

    /// Hands out the file that a pointer of git LFS stands for, if the blob is one; returns whether
    /// something was found in it.
    fn behind_pointer(&self, blob: Blob<'_>) -> bool {
        let Some(id) = lfs::pointer(blob.bytes) else { return false };
        let mut places = blob.places.to_vec();
        places.iter_mut().for_each(|place| place.kind = Kind::Lfs);
        let path = places.first().and_then(|place| place.path.clone());
        let name = path.unwrap_or_else(|| format!("LFS object {id}"));
        match self.lfs.read(id, &name) {
            Ok(Some(bytes)) => self.gaps.tally.hand_and_ask(Blob::new(&bytes, &places), self.visit),
            Ok(None) => false,
            Err(why) => {
                self.gaps.object(format!("LFS object {id} ({name})"), why);
                false
            }
        }
    }

    /// Returns the places of a blob, the oldest first.
    pub(super) fn places(&self, found: &contents::Found) -> Vec<Place> {
        let mut places: Vec<_> = (found.places.iter())
            .map(|(path, holder)| {
                let path = self.contents.path(*path).map(|path| format!("{}{path}", self.prefix));
                let mut place = Place::new(Kind::Blob, path);
                place.blob = Some(found.oid.to_string());
                if let Some((oid, written)) = self.commits.holder(*holder) {
                    written.stamp(&mut place, oid);
                }
                (*holder, place)
            })
            .collect();
        places.sort();
        places.into_iter().map(|(_, place)| place).collect()
    }

    fn message(&self, kind: Kind, object: ObjectType, oid: Oid, written: &Written) -> bool {
        match self.objects.read(oid, object) {
            Ok(bytes) => self.hand_message(kind, oid, written, &bytes),
            Err(why) => {
                self.gaps.object(format!("{object} {oid}"), why);
                false
            }
        }
    }

    /// Hands out a message, and returns whether something was found in it.
    pub(super) fn hand_message(
        &self,
        kind: Kind,
        oid: Oid,
        written: &Written,
        bytes: &[u8],
    ) -> bool {
        let mut place = Place::new(kind, None);
        written.stamp(&mut place, oid);
        self.gaps.tally.hand_and_ask(Blob::new(message(bytes), &[place]), self.visit)
    }
}
