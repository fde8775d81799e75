//! Counts what a source hands out and what it could not read, from several threads at once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Blob, Coverage, Gap, Stays};

/// A [`Coverage`] in the making.
#[derive(Debug, Default)]
pub(super) struct Tally {
    blobs: AtomicU64,
    bytes: AtomicU64,
    gaps: Mutex<Vec<Gap>>,
}

impl Tally {
    /// Hands a blob to `visit` and counts it.
    pub(super) fn hand(&self, blob: Blob<'_>, visit: &(dyn Fn(Blob<'_>) + Sync)) {
        self.hand_and_ask(blob, visit);
    }

    /// Hands a blob to `visit` and counts it; returns whether something was found in it.
    pub(super) fn hand_and_ask(&self, blob: Blob<'_>, visit: &(dyn Fn(Blob<'_>) + Sync)) -> bool {
        let noted = AtomicBool::new(false);
        visit(Blob { noted: Some(&noted), ..blob });
        let is_first = blob.window.is_none_or(|window| window.offset + window.own.start == 0);
        self.blobs.fetch_add(is_first.into(), Ordering::Relaxed);
        self.bytes.fetch_add(blob.own().len() as u64, Ordering::Relaxed);
        noted.into_inner()
    }

    /// Hands a blob to `visit` of which it is not known where it stands, and counts it; returns whether
    /// something was found in it, or none where it is to be handed out again.
    pub(super) fn hand_early(
        &self,
        blob: Blob<'_>,
        visit: &(dyn Fn(Blob<'_>) + Sync),
    ) -> Option<bool> {
        let (noted, put_off) = (AtomicBool::new(false), AtomicBool::new(false));
        visit(Blob { noted: Some(&noted), put_off: Some(&put_off), ..blob });
        if put_off.into_inner() {
            return None;
        }
        self.count(1, blob.bytes.len() as u64);
        Some(noted.into_inner())
    }

    /// Counts blobs that need not be handed out.
    pub(super) fn count(&self, blobs: u64, bytes: u64) {
        self.blobs.fetch_add(blobs, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Notes something that could not be read.
    pub(super) fn gap(&self, gap: Gap) {
        self.lock().push(gap);
    }

    /// Returns what was counted.
    pub(super) fn finish(self) -> Coverage {
        let mut gaps = self.gaps.into_inner().unwrap_or_else(PoisonError::into_inner);
        gaps.sort();
        gaps.dedup();
        Coverage {
            blobs: self.blobs.into_inner(),
            bytes: self.bytes.into_inner(),
            left_out_ignored: 0,
            left_out_submodules: None,
            gaps,
            places: BTreeMap::new(),
            stays: Stays::new(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Gap>> {
        self.gaps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns whether nothing is found in a blob that may not count at all. It is not counted.
pub(super) fn is_clean(blob: Blob<'_>, visit: &(dyn Fn(Blob<'_>) + Sync)) -> bool {
    let (is_clean, put_off) = (AtomicBool::new(false), AtomicBool::new(false));
    visit(Blob { trial: Some(&is_clean), put_off: Some(&put_off), ..blob });
    is_clean.into_inner() && !put_off.into_inner()
}

/// Returns the gap of a file or object of `size` bytes, where no more than `max` are read.
pub(super) fn too_large(what: String, size: u64, max: u64) -> Gap {
    Gap {
        what,
        why: format!("it is too large: {size} bytes, where at most {max} are read"),
        remedy: "raise the limit with `--max-size`".to_owned(),
    }
}
