//! Notices packs that don't match their index, so that the damaged file itself is named.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::Repository;
use super::loose::object_folders;
use crate::source::{Gap, regular};

/// Returns a gap for every pack that was cut off or overwritten, and for every alternate that can't be
/// read.
///
/// Only the checksums at the ends are compared: a change in the middle shows when the object there is
/// read.
pub(in crate::source) fn broken_packs(repository: &Repository) -> Vec<Gap> {
    let folders = object_folders(&repository.objects_dir());
    let missing = folders.iter().skip(1).filter_map(|folder| {
        let error = fs::read_dir(folder).err()?;
        Some(Gap {
            what: folder.display().to_string(),
            why: format!("the repository borrows objects there, and it can't be read: {error}"),
            remedy: "put it back, or correct `objects/info/alternates`".to_owned(),
        })
    });
    let packs = folders.iter().flat_map(|folder| fs::read_dir(folder.join("pack")));
    let paths = packs.flatten().flatten().map(|entry| entry.path());
    let packs = paths.filter(|path| path.extension().is_some_and(|extension| extension == "pack"));
    let broken = packs.filter_map(|pack| {
        // One that git has replaced since it was listed is no damage.
        let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound && !pack.exists();
        let why = match why_broken(&pack, repository.id_bytes()) {
            Err(error) if gone(&error) => None,
            why => why.unwrap_or_else(|error| Some(error.to_string())),
        }?;
        Some(Gap {
            what: pack.display().to_string(),
            why,
            remedy: "run `git fsck --full`, and restore the pack from another clone".to_owned(),
        })
    });
    missing.chain(broken).collect()
}

fn why_broken(pack: &Path, id_bytes: usize) -> io::Result<Option<String>> {
    let index = pack.with_extension("idx");
    if !index.exists() && pack.exists() {
        return Ok(Some("the pack has no index, so its objects can't be found".to_owned()));
    }
    // An index ends with the checksum of its pack and then its own.
    let expected = tail(&index, 2 * id_bytes)?;
    let found = tail(pack, id_bytes)?;
    let whole = expected.is_some_and(|expected| found.as_deref() == Some(&expected[..id_bytes]));
    Ok((!whole)
        .then(|| "the pack does not match its index: it was cut off or overwritten".to_owned()))
}

/// Returns the last bytes of a file, or none where it is shorter.
fn tail(path: &Path, length: usize) -> io::Result<Option<Vec<u8>>> {
    let mut file = regular::open(path)?;
    if file.metadata()?.len() < length as u64 {
        return Ok(None);
    }
    file.seek(SeekFrom::End(-(length as i64)))?;
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}
