//! What any reading of a history costs at least: making its blobs and trees.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use git2::ObjectType;

use super::pack::{self, Node, Visit};
use super::repository::Objects;
use super::{Copied, DEFAULT_MAX_BYTES, Error, open_repository};

/// What was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// How many blobs and trees.
    pub objects: u64,
    /// How many bytes they have together.
    pub bytes: u64,
    /// How many bytes the packs have that they were made from.
    pub packed_bytes: u64,
}

/// Makes every blob and every tree in the packs of a repository, with the threads of the current pool, and does
/// nothing with them: what a scan takes can be measured by it.
///
/// # Errors
/// Where there is no repository, or its objects can't be read at all.
pub fn make_all(path: &Path) -> Result<Made, Error> {
    let objects = Objects::open(&open_repository(path)?, DEFAULT_MAX_BYTES)?;
    let count = Count::default();
    let mut packed_bytes = 0;
    for pack in objects.packs() {
        packed_bytes += pack.byte_count();
        for kind in [ObjectType::Blob, ObjectType::Tree] {
            pack::walk(pack, kind, DEFAULT_MAX_BYTES, &pack.of_kind(kind), &count);
        }
    }
    let Count { objects, bytes } = count;
    Ok(Made { objects: objects.into_inner(), bytes: bytes.into_inner(), packed_bytes })
}

#[derive(Default)]
struct Count {
    objects: AtomicU64,
    bytes: AtomicU64,
}

impl Visit for Count {
    type Memory = ();

    fn visit(&self, _: Node, bytes: &[u8], _: Option<(&(), &[Copied])>) {
        self.objects.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    }
}
