//! Files that were renamed: of one that is new at its path and was at another before, only what is new in
//! it counts.

use git2::{ObjectType, Oid};

use super::changes::{Change, Changes, Removed};
use crate::source::lines::shared;
use crate::source::repository::{EntryKind, Objects, entries};

/// So many files that are gone are looked at. In a commit that moves more, a file that was renamed and
/// changed counts whole, which finds more and not less.
const MAX_GONE: usize = 1000;
/// With so many of them a file that is new is compared, those of the same name first.
const MAX_COMPARED: usize = 32;

/// A file that is gone.
struct Gone {
    path: Vec<u8>,
    blob: Oid,
}

/// Finds for each file that is new at its path the one it was before: it is gone, and at least half of
/// the lines are its.
pub(super) fn find(objects: &Objects, changes: &mut Changes) {
    let is_new = |change: &&mut Change| change.earlier.is_empty();
    let mut added = changes.list.iter_mut().filter(is_new).peekable();
    if added.peek().is_none() || changes.removed.is_empty() {
        return;
    }
    let gone = gone(objects, &changes.removed);
    for change in added {
        let before = match gone.iter().find(|gone| gone.blob == change.blob) {
            Some(unchanged) => Some(unchanged.blob),
            None => most_alike(objects, change, &gone),
        };
        change.earlier.extend(before);
    }
}

/// Returns the files that are gone, those in folders too.
fn gone(objects: &Objects, removed: &[Removed]) -> Vec<Gone> {
    let path = |removed: &Removed| removed.path.clone();
    let mut waiting: Vec<_> =
        removed.iter().map(|removed| (path(removed), removed.kind, removed.oid)).collect();
    waiting.sort_by(|a, b| b.0.cmp(&a.0));
    let mut gone = Vec::new();
    while let Some((path, kind, oid)) = waiting.pop() {
        if gone.len() == MAX_GONE {
            break;
        }
        match kind {
            EntryKind::Blob => gone.push(Gone { path, blob: oid }),
            EntryKind::Submodule => {}
            EntryKind::Tree => {
                let bytes = objects.read(oid, ObjectType::Tree).unwrap_or_default();
                for entry in entries(&bytes, objects.id_bytes()).map_while(Result::ok) {
                    waiting.push((
                        [&path, &b"/"[..], entry.name].concat(),
                        entry.kind,
                        entry.oid(),
                    ));
                }
            }
        }
    }
    gone
}

fn most_alike(objects: &Objects, change: &Change, gone: &[Gone]) -> Option<Oid> {
    let name = |path: &[u8]| path.rsplit(|byte| *byte == b'/').next().map(<[u8]>::to_vec);
    let mut candidates: Vec<&Gone> = gone.iter().collect();
    candidates.sort_by_key(|gone| name(&gone.path) != name(&change.path));
    let new = objects.read(change.blob, ObjectType::Blob).ok()?;
    let alike = candidates.into_iter().take(MAX_COMPARED).filter_map(|gone| {
        let old = objects.read(gone.blob, ObjectType::Blob).ok()?;
        let (shared, all) = shared(&new, &old);
        (shared > 0 && shared * 2 >= all).then_some((shared, gone.blob))
    });
    // Of those equally alike the first one, which has the same name if any has.
    alike.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, blob)| blob)
}
