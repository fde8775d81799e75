//! Reads the bytes of a place again, for a containment that comes long after the scan.

use std::fs;
use std::path::Path;

use git2::{ObjectType, Oid};

use super::repository::{Objects, message, open_repository};
use super::{Error, Kind, Place};

/// Reads again the bytes of a place.
///
/// `root` is what the place is relative to: the folder the scan ran in for a file, any path within the
/// repository for all else.
///
/// # Errors
/// Where they are no longer there.
pub fn read_blob(root: &Path, place: &Place) -> Result<Vec<u8>, Error> {
    match place.kind {
        Kind::File => read_file(root, place),
        Kind::Stdin => Err(gone("standard input", "a stream is read once")),
        Kind::Staged | Kind::Blob => read_object(root, &place.blob, ObjectType::Blob),
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
    fs::read(&path).map_err(failed)
}

fn read_message(root: &Path, place: &Place, kind: ObjectType) -> Result<Vec<u8>, Error> {
    let bytes = read_object(root, &place.commit, kind)?;
    Ok(message(&bytes).to_owned())
}

fn read_object(root: &Path, id: &Option<String>, kind: ObjectType) -> Result<Vec<u8>, Error> {
    let id = id.as_deref().unwrap_or_default();
    let what = format!("{kind} {id}");
    let oid = Oid::from_str(id).map_err(|_| gone(&what, "that is not an object id"))?;
    let objects = Objects::open(&open_repository(root)?, u64::MAX)?;
    let outcome = objects.read(oid, kind);
    outcome.map_err(|why| gone(&what, &why.why()))
}

fn gone(what: &str, why: &str) -> Error {
    Error::Gone { what: what.to_owned(), why: why.to_owned() }
}
