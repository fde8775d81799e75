//! Notices packs that don't match their index, so that the damaged file itself is named.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::Repository;
use crate::source::Gap;

/// The length of the checksum at the end of a pack.
const CHECKSUM: usize = 20;

/// Returns a gap for every pack that was cut off or overwritten.
///
/// Only the checksums at the ends are compared: a change in the middle shows when the object there is
/// read.
pub(in crate::source) fn broken_packs(repository: &Repository) -> Vec<Gap> {
    let packs = fs::read_dir(repository.objects_dir().join("pack"));
    let paths = packs.into_iter().flatten().flatten().map(|entry| entry.path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "pack"))
        .filter_map(|pack| {
            let why = why_broken(&pack).unwrap_or_else(|error| Some(error.to_string()))?;
            Some(Gap {
                what: pack.display().to_string(),
                why,
                remedy: "run `git fsck --full`, and restore the pack from another clone".to_owned(),
            })
        })
        .collect()
}

fn why_broken(pack: &Path) -> io::Result<Option<String>> {
    let index = pack.with_extension("idx");
    if !index.exists() {
        return Ok(Some("the pack has no index, so its objects can't be found".to_owned()));
    }
    // An index ends with the checksum of its pack and then its own.
    let expected = tail(&index, 2 * CHECKSUM)?;
    let found = tail(pack, CHECKSUM)?;
    let whole = expected.is_some_and(|expected| found.as_deref() == Some(&expected[..CHECKSUM]));
    Ok((!whole)
        .then(|| "the pack does not match its index: it was cut off or overwritten".to_owned()))
}

/// Returns the last bytes of a file, or none where it is shorter.
fn tail(path: &Path, length: usize) -> io::Result<Option<Vec<u8>>> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() < length as u64 {
        return Ok(None);
    }
    file.seek(SeekFrom::End(-(length as i64)))?;
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}
