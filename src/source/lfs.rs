//! Files that git LFS keeps beside the objects: a small pointer is committed in their place.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::repository::Unreadable;
use super::{Gap, Kind, Place, Repository, regular};

/// No pointer is larger: <https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>
const MAX_POINTER_BYTES: usize = 1024;
/// A SHA-256 in hexadecimal.
const ID_LENGTH: usize = 64;

/// The local LFS store of a repository.
pub(super) struct Lfs {
    /// Where its files lie; or what the configuration says instead, where that is outside of the git folder.
    folder: Result<PathBuf, String>,
    max_bytes: u64,
    /// The places of pointers whose content is not here.
    missing: Mutex<BTreeSet<String>>,
}

/// Returns the id of the file that a blob stands for, if it is a pointer.
pub(super) fn pointer(bytes: &[u8]) -> Option<&str> {
    if bytes.len() > MAX_POINTER_BYTES || !bytes.starts_with(b"version ") {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let version = text.lines().next()?;
    let is_known = ["git-lfs", "git-media", "hawser"].iter().any(|name| version.contains(name));
    let id = text.lines().find_map(|line| line.strip_prefix("oid sha256:"))?;
    let is_id = id.len() == ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_known && is_id).then_some(id)
}

/// A file of the store, and every place where a pointer to it stands.
pub(super) struct Stored {
    pub(super) bytes: Vec<u8>,
    pub(super) places: Vec<Place>,
}

impl Lfs {
    /// Returns the store of a repository.
    pub(super) fn of(repository: &Repository, max_bytes: u64) -> Self {
        let folder = storage(repository.commondir()).map(|folder| folder.join("objects"));
        Self { folder, max_bytes, missing: Mutex::default() }
    }

    /// Reads the file behind a pointer that stands at these places, or notes that it is missed. An error comes
    /// with the name of what can't be read.
    pub(super) fn behind(
        &self,
        id: &str,
        places: &[Place],
    ) -> Result<Option<Stored>, (String, Unreadable)> {
        let path = places.first().and_then(|place| place.path.clone());
        let name = path.unwrap_or_else(|| format!("LFS object {id}"));
        match self.read(id) {
            Ok(Some(bytes)) => {
                let mut places = places.to_vec();
                places.iter_mut().for_each(|place| place.kind = Kind::Lfs);
                Ok(Some(Stored { bytes, places }))
            }
            Ok(None) => {
                self.missing.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
                Ok(None)
            }
            Err(why) => Err((format!("LFS object {id} ({name})"), why)),
        }
    }

    /// Returns what a blob stands for: the file behind it if it is a pointer and the file is here, or else the
    /// blob itself.
    pub(super) fn resolve(&self, blob: Vec<u8>) -> Vec<u8> {
        let file = pointer(&blob).and_then(|id| self.read(id).ok().flatten());
        file.unwrap_or(blob)
    }

    /// Reads a file of the store, if it is there.
    pub(super) fn read(&self, id: &str) -> Result<Option<Vec<u8>>, Unreadable> {
        let Ok(folder) = &self.folder else { return Ok(None) };
        let path = folder.join(&id[..2]).join(&id[2..4]).join(id);
        let broken = |error: io::Error| Unreadable::Broken(error.to_string());
        let file = match regular::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(broken(error)),
        };
        let size = file.metadata().map_err(broken)?.len();
        if size > self.max_bytes {
            return Err(Unreadable::TooLarge { size, max: self.max_bytes });
        }
        let mut bytes = Vec::new();
        file.take(self.max_bytes).read_to_end(&mut bytes).map_err(broken)?;
        Ok(Some(bytes))
    }

    /// Returns one gap for all files that are not there.
    pub(super) fn gap(self) -> Option<Gap> {
        let missing = self.missing.into_inner().unwrap_or_else(PoisonError::into_inner);
        let first = missing.first()?;
        let others = match missing.len() {
            1 => String::new(),
            many => format!(" and {} more files", many - 1),
        };
        let (why, remedy) = match self.folder {
            Ok(_) => (
                "git LFS keeps their content, and it is not in the local store".to_owned(),
                "run `git lfs fetch --all`".to_owned(),
            ),
            Err(storage) => (
                format!(
                    "git LFS keeps their content in {storage}: `lfs.storage` names a folder outside of the git folder, where a repository is not followed"
                ),
                format!(
                    "scan that folder by itself, or run `git config unset lfs.storage` and `git lfs fetch --all`; it names {storage}"
                ),
            ),
        };
        Some(Gap { what: format!("{first}{others}"), why, remedy })
    }
}

/// Returns the folder of the store, as the repository's own configuration names it; as an error, what it names
/// outside of the git folder. A repository must not make anyone read there.
fn storage(git_folder: &Path) -> Result<PathBuf, String> {
    let config = git2::Config::open(&git_folder.join("config"));
    let named = config.and_then(|config| config.get_string("lfs.storage"));
    let Some(named) = named.ok().filter(|named| !named.is_empty()) else {
        return Ok(git_folder.join("lfs"));
    };
    let folder = git_folder.join(&named);
    let is_plain = Path::new(&named)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    // A link on the way would lead out of it. What is not there holds nothing.
    let is_inside = match (folder.canonicalize(), git_folder.canonicalize()) {
        (Ok(folder), Ok(git_folder)) => folder.starts_with(git_folder),
        _ => true,
    };
    if is_plain && is_inside { Ok(folder) } else { Err(named) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_pointer_is_one() {
        let id = "a1".repeat(32);
        let text = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{id}\nsize 5\n");
        assert_eq!(pointer(text.as_bytes()), Some(&*id));
        let short = text.replace(&id, &id[1..]);
        let path = text.replace(&id[..4], "../.");
        for text in [&text[1..], &short, &path, "version 7\n", ""] {
            assert_eq!(pointer(text.as_bytes()), None, "{text}");
        }
    }
}
