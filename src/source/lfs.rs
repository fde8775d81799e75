//! Files that git LFS keeps beside the objects: a small pointer is committed in their place.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::Gap;
use super::repository::Unreadable;

/// No pointer is larger: <https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>
const MAX_POINTER_BYTES: usize = 1024;
/// A SHA-256 in hexadecimal.
const ID_LENGTH: usize = 64;

/// The local LFS store of a repository.
pub(super) struct Lfs {
    folder: PathBuf,
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

impl Lfs {
    /// Returns the store in a git folder.
    pub(super) fn new(git_folder: &Path, max_bytes: u64) -> Self {
        let folder = git_folder.join("lfs").join("objects");
        Self { folder, max_bytes, missing: Mutex::default() }
    }

    /// Reads a file of the store, or notes by what name it is missed.
    pub(super) fn read(&self, id: &str, name: &str) -> Result<Option<Vec<u8>>, Unreadable> {
        let path = self.folder.join(&id[..2]).join(&id[2..4]).join(id);
        let broken = |error: io::Error| Unreadable::Broken(error.to_string());
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
                missing.insert(name.to_owned());
                return Ok(None);
            }
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
        Some(Gap {
            what: format!("{first}{others}"),
            why: "git LFS keeps their content, and it is not in the local store".to_owned(),
            remedy: "run `git lfs fetch --all`".to_owned(),
        })
    }
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
