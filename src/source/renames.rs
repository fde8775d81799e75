//! Files that were renamed: of one that is new at its path and was at another before, only what is new in
//! it counts.

use std::collections::HashSet;

use git2::{ObjectType, Oid};

use super::lines::shared;
use super::repository::{EntryKind, Objects};

/// So many files that are gone are looked at. In a commit that moves more, a file that was renamed and
/// changed counts whole, which finds more and not less.
const MAX_GONE: usize = 1000;
/// With so many of them a file that is new is compared, those of the same name first.
const MAX_COMPARED: usize = 32;

/// A file or folder that is gone.
pub(super) struct Removed {
    pub(super) path: Vec<u8>,
    pub(super) kind: EntryKind,
    pub(super) oid: Oid,
}

/// A file that is gone.
struct File {
    path: Vec<u8>,
    blob: Oid,
}

/// The files that are gone from a commit.
pub(super) struct Gone(Vec<File>);

impl Gone {
    /// Lists the files that are gone, those in folders too.
    pub(super) fn of(objects: &Objects, removed: Vec<Removed>) -> Self {
        let mut waiting = removed;
        waiting.sort_by(|a, b| b.path.cmp(&a.path));
        let mut gone = Vec::new();
        // A folder that is there again has the same files under the same names.
        let mut met = HashSet::new();
        while let Some(Removed { path, kind, oid }) = waiting.pop() {
            if gone.len() == MAX_GONE {
                break;
            }
            match kind {
                EntryKind::Blob => gone.push(File { path, blob: oid }),
                EntryKind::Tree if met.insert(oid) => {
                    let inner = objects.listing(oid).into_iter().map(|(name, kind, oid)| Removed {
                        path: [&path, &b"/"[..], &name].concat(),
                        kind,
                        oid,
                    });
                    waiting.extend(inner);
                }
                EntryKind::Tree | EntryKind::Submodule => {}
            }
        }
        Self(gone)
    }

    /// Finds what a file was before that is new at its path: it is gone, and at least half of the lines are
    /// its.
    pub(super) fn source_of(&self, objects: &Objects, path: &[u8], blob: Oid) -> Option<Oid> {
        match self.0.iter().any(|gone| gone.blob == blob) {
            true => Some(blob),
            false => self.most_alike(objects, path, blob),
        }
    }

    fn most_alike(&self, objects: &Objects, path: &[u8], blob: Oid) -> Option<Oid> {
        let name = |path: &[u8]| path.rsplit(|byte| *byte == b'/').next().map(<[u8]>::to_vec);
        let mut candidates: Vec<&File> = self.0.iter().collect();
        if candidates.is_empty() {
            return None;
        }
        candidates.sort_by_key(|gone| name(&gone.path) != name(path));
        let new = objects.read(blob, ObjectType::Blob).ok()?;
        let alike = candidates.into_iter().take(MAX_COMPARED).filter_map(|gone| {
            let old = objects.read(gone.blob, ObjectType::Blob).ok()?;
            let (shared, all) = shared(&new, &old);
            (shared > 0 && shared * 2 >= all).then_some((shared, gone.blob))
        });
        // Of those equally alike the first one, which has the same name if any has.
        alike.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, blob)| blob)
    }
}
