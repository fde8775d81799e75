//! Reads the bytes of a place again, for a containment that comes long after the scan.

use std::fs;
use std::path::Path;

use git2::ObjectType;

use super::lfs::{self, Lfs};
use super::repository::{Objects, Unreadable, family, message, parse_oid};
use super::{Error, Kind, Place, Repository, regular};

/// Reads again the bytes of a place.
///
/// `root` is what the place is relative to: the folder the scan ran in for a file, any path within the
/// repository for all else.
///
/// # Errors
/// Where they are no longer there.
pub fn read_blob(root: &Path, place: &Place) -> Result<Vec<u8>, Error> {
    match place.kind {
        Kind::File | Kind::GitFile => read_file(root, place),
        Kind::Stdin => Err(gone("standard input", "a stream is read once")),
        Kind::Staged | Kind::Blob => read_object(root, &place.blob, ObjectType::Blob),
        Kind::Lfs => read_lfs(root, &place.blob),
        Kind::CommitMessage => read_message(root, place, ObjectType::Commit),
        Kind::TagMessage => read_message(root, place, ObjectType::Tag),
    }
}

fn read_file(root: &Path, place: &Place) -> Result<Vec<u8>, Error> {
    let name = place.path.as_deref();
    let path = root.join(name.ok_or_else(|| gone("a file", "its place has no path"))?);
    let failed = |source| Error::Read { path: path.clone(), source };
    if !fs::metadata(&path).map_err(failed)?.is_file() {
        return Err(gone(&path.display().to_string(), "it is no longer a file"));
    }
    regular::read(&path).map_err(failed)
}

fn read_message(root: &Path, place: &Place, kind: ObjectType) -> Result<Vec<u8>, Error> {
    let bytes = read_object(root, &place.commit, kind)?;
    Ok(message(&bytes).to_owned())
}

/// Reads an object of a repository, or of one of its submodules.
fn read_object(root: &Path, id: &Option<String>, kind: ObjectType) -> Result<Vec<u8>, Error> {
    find_object(root, id, kind).map(|(_, bytes)| bytes)
}

fn find_object(
    root: &Path,
    id: &Option<String>,
    kind: ObjectType,
) -> Result<(Repository, Vec<u8>), Error> {
    let id = id.as_deref().unwrap_or_default();
    let what = format!("{kind} {id}");
    let oid = parse_oid(id).ok_or_else(|| gone(&what, "that is not an object id"))?;
    let mut why = Unreadable::Absent;
    for member in family(root)?.members {
        match Objects::open(&member.repository, u64::MAX)?.read(oid, kind) {
            Ok(bytes) => return Ok((member.repository, bytes)),
            Err(Unreadable::Absent) => {}
            Err(other) => why = other,
        }
    }
    Err(gone(&what, &why.why()))
}

fn read_lfs(root: &Path, id: &Option<String>) -> Result<Vec<u8>, Error> {
    let (repository, bytes) = find_object(root, id, ObjectType::Blob)?;
    let what = || format!("the LFS file of blob {}", id.as_deref().unwrap_or_default());
    let id = lfs::pointer(&bytes).ok_or_else(|| gone(&what(), "the blob is no pointer"))?;
    let lfs = Lfs::of(&repository, u64::MAX);
    let read = lfs.read(id).map_err(|why| gone(&what(), &why.why()))?;
    read.ok_or_else(|| gone(&what(), "it is not in the local store"))
}

fn gone(what: &str, why: &str) -> Error {
    Error::Gone { what: what.to_owned(), why: why.to_owned() }
}
