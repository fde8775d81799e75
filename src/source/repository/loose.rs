//! Objects that are not in a pack: one compressed file each.
//!
//! libgit2 never comes back from such a file when it was cut off, which is what a full disk or a lost
//! power supply leaves behind. So these are read here.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::ZlibDecoder;
use git2::{ObjectType, Oid};

use super::Unreadable;
use super::ids::parse_oid;

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
            let text = fs::read_to_string(folder.join("info/alternates")).unwrap_or_default();
            let alternates = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
            waiting.extend(alternates.map(|line| (folder.join(line), depth + 1)));
        }
        found.push(folder);
    }
    found
}

/// Lists the loose objects of these object folders.
pub(in crate::source) fn loose_objects(folders: &[PathBuf]) -> HashMap<Oid, PathBuf> {
    let mut found = HashMap::new();
    for folder in folders {
        for fan_out in names(folder).filter(|name| name.len() == 2) {
            for rest in names(&folder.join(&fan_out)).filter(|name| name.len() >= 38) {
                if let Some(oid) = parse_oid(&format!("{fan_out}{rest}")) {
                    found.insert(oid, folder.join(&fan_out).join(rest));
                }
            }
        }
    }
    found
}

/// Returns the names in a folder, or nothing where it can't be read: an object that should be there is
/// then missed by whoever asks for it.
fn names(folder: &Path) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok())
}

/// Reads a loose object of at most `max` bytes, and checks that it is the one it is named as.
pub(super) fn read_loose(
    path: &Path,
    oid: Oid,
    max: u64,
) -> Result<(ObjectType, Vec<u8>), Unreadable> {
    let broken = |error: io::Error| Unreadable::Broken(error.to_string());
    let file = match File::open(path) {
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
    let content = ZlibDecoder::new(BufReader::new(File::open(path)?));
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
