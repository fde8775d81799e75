//! What a push brings and none of its references reaches: git takes it in all the same.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use git2::{ObjectType, Oid};
use rayon::prelude::*;

use super::Reader;
use super::blobs::Found;
use super::commits::Written;
use crate::source::repository::{Objects, loose_objects, message};
use crate::source::{Blob, Gap, Kind, Place, pack::Pack};

/// Reads the objects of the quarantine that were not read so far and that the repository has not. A pack
/// that was sent without the objects it builds on was completed with them, and those are not new.
pub(super) fn read_others(
    quarantine: &Path,
    repository: &Objects,
    blobs: &[Found],
    reader: &Reader<'_>,
) {
    let commits = reader.commits;
    let mut known: HashSet<Oid> = blobs.iter().map(|found| found.oid).collect();
    known.extend(commits.commits.iter().map(|commit| commit.oid));
    known.extend(commits.tags.iter().map(|tag| tag.oid));
    let (mut others, gaps) = objects_in(quarantine, repository.id_bytes());
    gaps.into_iter().for_each(|gap| reader.gaps.tally.gap(gap));
    others.retain(|oid| !known.contains(oid));
    others.par_iter().filter(|oid| !repository.contains(**oid)).for_each(|oid| read(*oid, reader));
}

/// Lists the objects of one folder, packed and loose, each once; with what can't be listed.
fn objects_in(folder: &Path, id_bytes: usize) -> (Vec<Oid>, Vec<Gap>) {
    let folders: [PathBuf; 1] = [folder.to_owned()];
    let packs = Pack::open_all(&folders, id_bytes);
    let packed = packs.iter().flat_map(Pack::oids);
    let (loose, gaps) = loose_objects(&folders);
    let mut found: Vec<Oid> = packed.chain(loose.into_keys()).collect();
    found.sort();
    found.dedup();
    (found, gaps)
}

fn read(oid: Oid, reader: &Reader<'_>) {
    let (kind, bytes) = match reader.objects.read_any(oid) {
        Ok(object) => object,
        Err(why) => return reader.gaps.object(format!("object {oid}"), why),
    };
    let hand = |place: Place, bytes: &[u8]| {
        reader.gaps.tally.hand(Blob::new(bytes, &[place]), reader.visit);
    };
    match kind {
        ObjectType::Blob => {
            let mut place = Place::new(Kind::Blob, None);
            place.blob = Some(oid.to_string());
            hand(place, &bytes);
        }
        ObjectType::Commit | ObjectType::Tag => {
            let is_commit = kind == ObjectType::Commit;
            let kind = if is_commit { Kind::CommitMessage } else { Kind::TagMessage };
            let mut place = Place::new(kind, None);
            Written::default().stamp(&mut place, oid);
            hand(place, message(&bytes));
        }
        // What a tree lists is named elsewhere or nowhere.
        _ => {}
    }
}
