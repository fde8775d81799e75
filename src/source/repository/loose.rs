//! Objects that are not in a pack: one compressed file each.
//!
//! libgit2 never comes back from such a file when it was cut off, which is what a full disk or a lost
//! power supply leaves behind. So these are read here.

use std::collections::HashMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::ZlibDecoder;
use git2::{ObjectType, Oid};

use super::Unreadable;
use super::ids::parse_oid;
use crate::source::{Gap, regular};

/// How far alternates of alternates are followed, as in git.
const MAX_ALTERNATES_DEPTH: usize = 5;

/// Kind and size stand in front of the content and take no more than this many bytes.
const MAX_HEADER: u64 = 32;

/// Returns an object folder and those of its alternates.
pub(super) fn object_folders(objects_dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut waiting = vec![(objects_dir.to_owned(), 0)];
    while let Some((folder, depth)) = waiting.pop() {
        if found.contains(&folder) {
            continue;
        }
        if depth < MAX_ALTERNATES_DEPTH {
            let text = regular::read_text(&folder.join("info/alternates")).unwrap_or_default();
            let alternates = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
            waiting.extend(alternates.map(|line| (folder.join(line), depth + 1)));
        }
        found.push(folder);
    }
    found
}

/// Lists the loose objects of these object folders, and notes which folders of them can't be read.
pub(in crate::source) fn loose_objects(folders: &[PathBuf]) -> (HashMap<Oid, PathBuf>, Vec<Gap>) {
    let (mut found, mut gaps) = (HashMap::new(), Vec::new());
    for (place, folder) in folders.iter().enumerate() {
        let listed = names(folder);
        // Of the others, which are borrowed from, it is said elsewhere.
        if let (0, Err(error)) = (place, &listed) {
            gaps.extend(unreadable(folder, error));
        }
        let listed = listed.unwrap_or_default();
        for fan_out in listed.into_iter().filter(|name| is_fan_out(name)) {
            let path = folder.join(&fan_out);
            match names(&path) {
                Ok(rests) => found.extend(rests.into_iter().filter_map(|rest| {
                    let oid = parse_oid(&format!("{fan_out}{rest}"))?;
                    (rest.len() >= 38).then(|| (oid, path.join(rest)))
                })),
                Err(error) => gaps.extend(unreadable(&path, &error)),
            }
        }
    }
    (found, gaps)
}

fn is_fan_out(name: &str) -> bool {
    name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns the gap of a folder of loose objects that can't be read, unless git has just removed it.
fn unreadable(folder: &Path, error: &io::Error) -> Option<Gap> {
    let remedy = match error.kind() {
        io::ErrorKind::NotFound => return None,
        io::ErrorKind::PermissionDenied => "let your user read it, and scan again",
        _ => "run `git fsck --full`, and restore the folder from another clone",
    };
    Some(Gap {
        what: folder.display().to_string(),
        why: format!(
            "objects that are in no pack lie in this folder, and it can't be read: {error}"
        ),
        remedy: remedy.to_owned(),
    })
}

/// Returns the names in a folder.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    Ok(entries.into_iter().filter_map(|entry| entry.file_name().into_string().ok()).collect())
}

/// Reads a loose object of at most `max` bytes, and checks that it is the one it is named as.
pub(super) fn read_loose(
    path: &Path,
    oid: Oid,
    max: u64,
) -> Result<(ObjectType, Vec<u8>), Unreadable> {
    let broken = |error: io::Error| Unreadable::Broken(error.to_string());
    let file = match regular::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Unreadable::Absent),
        file => file.map_err(broken)?,
    };
    let mut content = BufReader::new(ZlibDecoder::new(BufReader::new(file)));
    let (kind, size) = header(&mut content).map_err(broken)?;
    if size > max {
        return Err(Unreadable::TooLarge { size, max });
    }
    let mut bytes = Vec::new();
    // One byte more than there should be, so that a longer one shows.
    let mut bounded = content.take(size.saturating_add(1));
    bounded.read_to_end(&mut bytes).map_err(broken)?;
    let hash = Oid::hash_object_ext(kind, &bytes, oid.object_format());
    if bytes.len() as u64 == size && hash.is_ok_and(|hash| hash == oid) {
        Ok((kind, bytes))
    } else {
        Err(Unreadable::Broken("its content has another id".to_owned()))
    }
}

/// Returns of what kind a loose object says it is.
pub(super) fn kind_of_loose(path: &Path) -> io::Result<ObjectType> {
    let content = ZlibDecoder::new(BufReader::new(regular::open(path)?));
    Ok(header(&mut BufReader::with_capacity(MAX_HEADER as usize, content))?.0)
}

/// Reads `blob 123` and the zero behind it.
fn header(content: &mut impl BufRead) -> io::Result<(ObjectType, u64)> {
    let mut header = Vec::new();
    content.take(MAX_HEADER).read_until(0, &mut header)?;
    let text = std::str::from_utf8(&header).unwrap_or_default();
    let parsed = || -> Option<_> {
        let (kind, size) = text.strip_suffix('\0')?.split_once(' ')?;
        Some((ObjectType::from_str(kind)?, size.parse().ok()?))
    };
    parsed().ok_or_else(|| io::Error::other("its header is no object's"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_may_not_be_read_is_a_gap_and_one_that_is_gone_is_none() {
        let gap = |kind: io::ErrorKind| unreadable(Path::new("objects/ab"), &kind.into());
        assert_eq!(gap(io::ErrorKind::NotFound), None);
        let denied = gap(io::ErrorKind::PermissionDenied).unwrap();
        assert!(denied.what.ends_with("ab") && denied.remedy.contains("let your user read it"));
        let (_, gaps) = loose_objects(&[PathBuf::from(file!()), PathBuf::from(file!())]);
        assert_eq!(gaps.len(), 1);
        assert!(gap(io::ErrorKind::NotADirectory).unwrap().remedy.contains("git fsck"));
    }
}
