//! Who wrote a commit or tag, and when: read where it is asked for, which is seldom.

use git2::{ObjectType, Oid};

use super::store::Store;
use crate::source::repository::{Commit, Signature, Tag};
use crate::source::{Moment, Place};

/// Who wrote a commit or tag, and when it was made; nothing where that can't be read.
#[derive(Debug, Default)]
pub(super) struct Written {
    author: Option<String>,
    date: Option<Moment>,
}

impl Written {
    /// Reads it from a commit, or from a tag.
    pub(super) fn of(kind: ObjectType, bytes: &[u8]) -> Self {
        match kind {
            ObjectType::Tag => {
                Tag::parse(bytes).map(|tag| Self::by(tag.tagger.clone(), tag.tagger))
            }
            _ => Commit::parse(bytes).map(|commit| Self::by(commit.author, commit.committer)),
        }
        .unwrap_or_default()
    }

    /// Reads it from the commit of that id.
    pub(super) fn of_commit(objects: &Store<'_>, oid: Oid) -> Self {
        let bytes = objects.read(oid, ObjectType::Commit);
        bytes.map(|bytes| Self::of(ObjectType::Commit, &bytes)).unwrap_or_default()
    }

    fn by(author: Option<Signature>, committer: Option<Signature>) -> Self {
        Self {
            author: author.map(|author| author.who),
            date: committer.and_then(|committer| committer.when),
        }
    }

    /// Says at a place that it was there first.
    pub(super) fn stamp(&self, place: &mut Place, oid: Oid) {
        place.commit = Some(oid.to_string());
        place.author = self.author.clone();
        place.date = self.date;
    }
}
