//! Hands out what was read, and asks what came of it.

use super::gaps::Gaps;
use crate::source::lfs::{self, Lfs};
use crate::source::repository::message;
use crate::source::{Blob, Kind, Place, tally};

/// Hands things out.
pub(super) struct Deliver<'a> {
    pub(super) gaps: &'a Gaps,
    pub(super) lfs: Lfs,
    pub(super) visit: &'a (dyn Fn(Blob<'_>) + Sync),
}

/// What came of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    /// Whether something was found in it, or in what it stands for.
    pub(super) is_noted: bool,
    /// Its size, where nothing was found and nothing ever will be.
    pub(super) clean: Option<u32>,
}

impl Fate {
    fn of(is_noted: bool, is_final: bool, size: usize) -> Self {
        let clean = u32::try_from(size).ok().filter(|_| is_final && !is_noted);
        Self { is_noted, clean }
    }
}

impl Deliver<'_> {
    /// Hands out a blob of which it is not known where it stands; none where that must be known first.
    pub(super) fn early(&self, blob: Blob<'_>) -> Option<Fate> {
        // The file behind a pointer of git LFS is named after it.
        if lfs::pointer(blob.bytes).is_some() {
            return None;
        }
        let is_noted = self.gaps.tally.hand_early(blob, self.visit)?;
        Some(Fate::of(is_noted, true, blob.bytes.len()))
    }

    /// Returns the size of a blob if nothing is found in it, before it is known whether anything leads to it.
    pub(super) fn clean_blob(&self, blob: Blob<'_>) -> Option<u32> {
        let is_pointer = lfs::pointer(blob.bytes).is_some();
        let is_clean = !is_pointer && tally::is_clean(blob, self.visit);
        u32::try_from(blob.bytes.len()).ok().filter(|_| is_clean)
    }

    /// Hands out a blob, and the file that it stands for if it is a pointer of git LFS.
    pub(super) fn blob(&self, blob: Blob<'_>) -> Fate {
        let is_noted = self.gaps.tally.hand_and_ask(blob, self.visit);
        match lfs::pointer(blob.bytes) {
            None => Fate::of(is_noted, true, blob.bytes.len()),
            // The file may come or change.
            Some(id) => Fate::of(self.behind_pointer(id, blob) || is_noted, false, 0),
        }
    }

    /// Returns the size of a commit's message if nothing is found in it, before it is known who reaches it.
    pub(super) fn clean_message(&self, object: &[u8]) -> Option<u32> {
        let message = message(object);
        let places = [Place::new(Kind::CommitMessage, None)];
        let is_clean = tally::is_clean(Blob::new(message, &places), self.visit);
        u32::try_from(message.len()).ok().filter(|_| is_clean)
    }

    /// Hands out the message of a commit or tag.
    pub(super) fn message(&self, place: Place, object: &[u8]) -> Fate {
        let message = message(object);
        let is_noted = self.gaps.tally.hand_and_ask(Blob::new(message, &[place]), self.visit);
        Fate::of(is_noted, true, message.len())
    }

    fn behind_pointer(&self, id: &str, blob: Blob<'_>) -> bool {
        match self.lfs.behind(id, blob.places) {
            Ok(Some(file)) => {
                let file = Blob::new(&file.bytes, &file.places);
                self.gaps.tally.hand_and_ask(file, self.visit)
            }
            Ok(None) => false,
            Err((what, why)) => {
                self.gaps.object(what, why);
                false
            }
        }
    }
}
