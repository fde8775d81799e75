//! What is kept of a scan of a history for the next one, and what must be the same for it to count.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::Path;

use git2::Oid;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::source::cache::Shelf;
use crate::source::{Event, Place, Stay, Stays};

/// How many bytes a size has, which stands behind each id.
const SIZE_BYTES: usize = 4;
/// The objects of larger histories are not kept one by one.
const MAX_ENTRIES: usize = 8_000_000;

/// What a scan came to, for as long as nothing in the repository changes.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outcome {
    /// What the repository was then.
    pub(super) state: String,
    /// How many objects there are in which nothing was found, and how many bytes they have.
    pub(super) clean: u64,
    pub(super) clean_bytes: u64,
    /// Where something was found, to be read anew.
    pub(super) hits: Vec<Hit>,
    /// The names of the objects that a partial clone leaves out.
    pub(super) left_out: Vec<String>,
    /// How long they stood in the history, by their id.
    pub(super) stays: BTreeMap<String, Vec<KeptStay>>,
}

/// An object to be read again.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Hit {
    pub(super) object: String,
    pub(super) places: Vec<Place>,
}

/// A stay with commits by their ids: their messages may hold secrets.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptStay {
    pub(super) first: Option<KeptEvent>,
    pub(super) last: Option<KeptEvent>,
    pub(super) removed: Option<KeptEvent>,
    pub(super) is_reached: bool,
    pub(super) reached_by: Option<String>,
    pub(super) is_in_head: bool,
}

/// A commit or tag, and when it comes.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptEvent {
    pub(super) order: u32,
    pub(super) id: String,
}

impl Hit {
    /// Returns a message to be read again.
    pub(super) fn message(place: Place) -> Self {
        Self { object: place.commit.clone().unwrap_or_default(), places: vec![place] }
    }
}

impl KeptStay {
    fn of(stay: &Stay) -> Self {
        let event = |event: &Option<Event>| {
            let Event { order, record } = event.as_ref()?;
            Some(KeptEvent { order: *order, id: record.id.clone() })
        };
        Self {
            first: event(&stay.first),
            last: event(&stay.last),
            removed: event(&stay.removed),
            is_reached: stay.is_reached,
            reached_by: stay.reached_by.clone(),
            is_in_head: stay.is_in_head,
        }
    }
}

impl Outcome {
    /// Returns what a scan of a repository in that state came to.
    pub(super) fn of(state: String, hits: Vec<Hit>, clean: &[(Oid, u32)], stays: &Stays) -> Self {
        let kept = |(object, stays): (&String, &Vec<Stay>)| {
            (object.clone(), stays.iter().map(KeptStay::of).collect())
        };
        let clean_bytes = clean.iter().map(|(_, size)| u64::from(*size)).sum();
        let stays = stays.iter().map(kept).collect();
        let clean = clean.len() as u64;
        Self { state, clean, clean_bytes, hits, stays, left_out: Vec::new() }
    }

    /// Returns whether something was kept, of whatever state.
    pub(super) fn may_be_in(shelf: &Shelf) -> bool {
        shelf.has("outcome")
    }

    /// Returns what was kept for a repository of that state.
    pub(super) fn read(shelf: &Shelf, state: &str) -> Option<Self> {
        let outcome: Self = serde_json::from_slice(&shelf.read("outcome")?).ok()?;
        (outcome.state == state).then_some(outcome)
    }

    /// Keeps it. A failure costs no more than time.
    pub(super) fn write(&self, shelf: &Shelf) {
        if let Ok(bytes) = serde_json::to_vec(self) {
            _ = shelf.write("outcome", &bytes);
        }
    }
}

/// Objects in which nothing was found, with their sizes.
#[derive(Debug, Default)]
pub(super) struct Clean {
    /// Ids and sizes, sorted.
    bytes: Vec<u8>,
    id_bytes: usize,
}

impl Clean {
    /// Returns what was kept of a repository whose ids have so many bytes; nothing where there is nothing.
    pub(super) fn read(shelf: &Shelf, id_bytes: usize) -> Self {
        let bytes = shelf.read("objects").unwrap_or_default();
        let is_whole = bytes.len().is_multiple_of(id_bytes + SIZE_BYTES);
        Self { bytes: if is_whole { bytes } else { Vec::new() }, id_bytes }
    }

    /// Keeps these objects, whatever was kept before.
    pub(super) fn write(shelf: &Shelf, mut objects: Vec<(Oid, u32)>) {
        objects.sort_unstable();
        objects.dedup();
        objects.truncate(MAX_ENTRIES);
        let id_bytes = objects.first().map_or(0, |(oid, _)| oid.as_bytes().len());
        let mut bytes = Vec::with_capacity(objects.len() * (id_bytes + SIZE_BYTES));
        for (oid, size) in objects {
            bytes.extend(oid.as_bytes());
            bytes.extend(size.to_be_bytes());
        }
        _ = shelf.write("objects", &bytes);
    }

    /// Returns whether nothing was kept.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns the size of an object in which nothing was found.
    pub(super) fn size(&self, oid: Oid) -> Option<u32> {
        let length = self.id_bytes + SIZE_BYTES;
        let (mut low, mut high) = (0, self.bytes.len() / length);
        while low < high {
            let middle = low + (high - low) / 2;
            let (id, size) =
                self.bytes[middle * length..(middle + 1) * length].split_at(self.id_bytes);
            match id.cmp(oid.as_bytes()) {
                Ordering::Equal => return Some(u32::from_be_bytes(size.try_into().ok()?)),
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
            }
        }
        None
    }
}

/// Everything that a scan of a history depends on, in one digest.
#[derive(Default)]
pub(super) struct State(Sha256);

impl State {
    /// Adds a text.
    pub(super) fn add(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
    }

    /// Adds the names, sizes and dates of the files of a folder.
    pub(super) fn add_folder(&mut self, folder: &Path) {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut files: Vec<_> = entries
            .map(|entry| {
                let metadata = entry.metadata().ok();
                let modified = metadata.as_ref().and_then(|metadata| metadata.modified().ok());
                let length = metadata.map(|metadata| metadata.len());
                (entry.file_name(), length, modified)
            })
            .collect();
        files.sort();
        self.add(format!("{files:?}").as_bytes());
    }

    pub(super) fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::cache::Cache;

    #[test]
    fn sizes_are_found_by_id() {
        let folder = tempfile::TempDir::new().unwrap();
        let shelf = Cache::new(folder.path(), [0; 32]).shelf(folder.path());
        let oid = |byte: u8| Oid::from_bytes(&[byte; 20]).unwrap();
        Clean::write(&shelf, [9, 3, 200, 7].map(|byte| (oid(byte), u32::from(byte))).into());
        let clean = Clean::read(&shelf, 20);
        for byte in 0..=255 {
            let expected = [3, 7, 9, 200].contains(&byte).then_some(u32::from(byte));
            assert_eq!(clean.size(oid(byte)), expected);
        }
        assert_eq!(Clean::default().size(oid(3)), None);
    }
}
