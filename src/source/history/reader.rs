//! Reads what was listed, and hands it out.

use git2::{ObjectType, Oid};
use rayon::prelude::*;

use super::Gaps;
use super::commits::{Commits, Written};
use super::contents::{Contents, Found};
use super::deliver::{Deliver, Fate};
use super::remembered::{Clean, Hit};
use super::stays;
use super::visit::{Blobs, Handed, Messages};
use crate::source::pack;
use crate::source::repository::{Objects, Unreadable};
use crate::source::{Blob, Kind, Place};

/// Reads what was listed, and hands it out.
pub(super) struct Reader<'a> {
    pub(super) objects: &'a Objects,
    pub(super) commits: &'a Commits,
    pub(super) contents: &'a Contents,
    pub(super) gaps: &'a Gaps,
    pub(super) deliver: &'a Deliver<'a>,
    /// What need not be read, because nothing was found in it before.
    pub(super) clean: &'a Clean,
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
}

impl Reader<'_> {
    /// Reads everything.
    pub(super) fn read_all(&self) -> Read {
        Read { blobs: self.blobs(), commits: self.commit_messages(), tags: self.tag_messages() }
    }

    /// Returns where something was found.
    pub(super) fn found(&self, read: &Read) -> stays::Found {
        let blobs = read.blobs.noted().map(|index| &self.contents.blobs[index as usize]);
        let blobs = blobs.filter_map(|found| Some((found.oid, found.first_holder()?)));
        let (commits, tags) = (read.commits.noted().collect(), read.tags.noted().collect());
        stays::Found { blobs: blobs.collect(), commits, tags }
    }

    /// Returns the objects that must be read again whenever they are asked for.
    pub(super) fn hits(&self, read: &Read) -> Vec<Hit> {
        let blobs = read.blobs.unsettled().map(|index| {
            let found = &self.contents.blobs[index as usize];
            Hit { object: found.oid.to_string(), places: self.places(found) }
        });
        let commits = read.commits.unsettled().map(|index| {
            let commit = &self.commits.commits[index as usize];
            Hit::message(message_place(Kind::CommitMessage, commit.oid, &commit.written))
        });
        let tags = read.tags.unsettled().map(|index| {
            let tag = &self.commits.tags[index as usize];
            Hit::message(message_place(Kind::TagMessage, tag.oid, &tag.written))
        });
        blobs.chain(commits).chain(tags).collect()
    }

    /// Returns the objects in which nothing was found, with their sizes.
    pub(super) fn cleared(&self, read: &Read) -> Vec<(Oid, u32)> {
        let blobs = read.blobs.clean().map(|(index, size)| (self.contents.blobs[index].oid, size));
        let commits = &self.commits.commits;
        let messages = read.commits.clean().map(|(index, size)| (commits[index].oid, size));
        let tags = read.tags.clean().map(|(index, size)| (self.commits.tags[index].oid, size));
        blobs.chain(messages).chain(tags).collect()
    }

    fn blobs(&self) -> Handed {
        let blobs = &self.contents.blobs;
        let handed = self.but_known(blobs.len(), |index| blobs[index].oid);
        for pack in self.objects.packs() {
            let wanted = handed.wanted(pack, blobs.iter().map(|found| found.oid));
            let visitor = Blobs { reader: self, wanted: &wanted, handed: &handed };
            pack::walk(pack, ObjectType::Blob, self.max_bytes, &wanted.nodes(), &visitor);
        }
        handed.each_other(|index| self.blob(&blobs[index]));
        handed
    }

    fn commit_messages(&self) -> Handed {
        let commits = &self.commits.commits;
        let handed = self.but_known(commits.len(), |index| commits[index].oid);
        for pack in self.objects.packs() {
            let wanted = handed.wanted(pack, commits.iter().map(|commit| commit.oid));
            let visitor = Messages { reader: self, wanted: &wanted, handed: &handed };
            pack::walk(pack, ObjectType::Commit, self.max_bytes, &wanted.nodes(), &visitor);
        }
        handed.each_other(|index| {
            let commit = &commits[index];
            self.message(Kind::CommitMessage, ObjectType::Commit, commit.oid, &commit.written)
        });
        handed
    }

    fn tag_messages(&self) -> Handed {
        let tags = &self.commits.tags;
        let handed = self.but_known(tags.len(), |index| tags[index].oid);
        handed.each_other(|index| {
            let tag = &tags[index];
            self.message(Kind::TagMessage, ObjectType::Tag, tag.oid, &tag.written)
        });
        handed
    }

    /// Returns a list of so many objects, of which those are done in which nothing was found before.
    fn but_known(&self, length: usize, oid: impl Fn(usize) -> Oid + Sync) -> Handed {
        let handed = Handed::none_of(length);
        if self.clean.is_empty() {
            return handed;
        }
        (0..length).into_par_iter().for_each(|index| {
            let oid = oid(index);
            let size = self.clean.size(oid).filter(|size| u64::from(*size) <= self.max_bytes);
            if let Some(size) = size.filter(|_| self.objects.has(oid)) {
                self.gaps.tally.count(1, u64::from(size));
                handed.note(index, Fate { is_noted: false, clean: Some(size) });
            }
        });
        handed
    }

    fn blob(&self, found: &Found) -> Option<Fate> {
        match self.objects.read(found.oid, ObjectType::Blob) {
            Ok(bytes) => Some(self.deliver.blob(Blob::new(&bytes, &self.places(found)))),
            Err(Unreadable::Absent) if !self.is_reached(found) => None,
            Err(why) => {
                let path = found.places().first().map(|(path, _)| self.contents.path(*path));
                let what = match path.flatten() {
                    Some(path) => format!("blob {} ({path})", found.oid),
                    None => format!("blob {}", found.oid),
                };
                self.gaps.object(what, why);
                None
            }
        }
    }

    fn is_reached(&self, found: &Found) -> bool {
        found.places().iter().any(|(_, holder)| self.commits.is_reached(*holder))
    }

    /// Returns the places of a blob, the oldest first.
    pub(super) fn places(&self, found: &Found) -> Vec<Place> {
        let mut places: Vec<_> = (found.places().iter())
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

    fn message(&self, kind: Kind, object: ObjectType, oid: Oid, written: &Written) -> Option<Fate> {
        match self.objects.read(oid, object) {
            Ok(bytes) => Some(self.deliver.message(message_place(kind, oid, written), &bytes)),
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
