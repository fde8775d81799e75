//! What earlier scans of a history came to, so that the next one reads only what is new.
//!
//! Objects never change, so what was found in one is found in it again. Kept are ids, sizes and places;
//! no secret, no content and no message: where something was found is read anew each time. It is a hint.
//! Without it, or with one that is damaged or of other patterns, the same is found, more slowly.
//!
//! What was clean is not read again, so damage within it shows only in a scan without the cache, even where the
//! pack has another date: git gives packs new dates itself, and to read all of one again for that would cost what
//! the cache saves. A pack that was cut off or overwritten at its end is noticed either way.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The first bytes of a file of the cache. Another layout has another number.
const MAGIC: &[u8] = b"stanch history cache 1\n";
const CHECKSUM: usize = 32;

/// A folder in which scans of histories are remembered, and whose results.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
    key: [u8; 32],
}

impl Cache {
    /// Returns the cache in a folder for one way to look at blobs. The key must be another one wherever
    /// something else could be found in the same bytes: by other patterns, another program, other limits.
    pub fn new(folder: impl Into<PathBuf>, key: [u8; 32]) -> Self {
        Self { folder: folder.into(), key }
    }

    /// Returns the shelf of a repository.
    pub(super) fn shelf(&self, repository: &Path) -> Shelf {
        let path = fs::canonicalize(repository).unwrap_or_else(|_| repository.to_owned());
        let path = Sha256::digest(path.as_os_str().as_encoded_bytes());
        Shelf {
            folder: self.folder.join("history"),
            repository: hex(&path[..12]),
            key: hex(&self.key[..12]),
        }
    }
}

/// What is remembered of one repository.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    folder: PathBuf,
    repository: String,
    key: String,
}

impl Shelf {
    /// Reads what was kept under a name; none where there is nothing, or it was damaged.
    pub(super) fn read(&self, name: &str) -> Option<Vec<u8>> {
        let mut bytes = fs::read(self.path(name)).ok()?;
        let content = MAGIC.len() + CHECKSUM;
        let (head, rest) = bytes.split_at_checked(content)?;
        let (magic, checksum) = head.split_at(MAGIC.len());
        let is_whole = magic == MAGIC && checksum == &Sha256::digest(rest)[..];
        is_whole.then(|| bytes.split_off(content))
    }

    /// Returns whether something was kept under that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Keeps bytes under a name, all or nothing, for the user alone; forgets what was kept of the
    /// repository by another key.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        self.forget_others();
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(MAGIC)?;
        file.write_all(&Sha256::digest(bytes))?;
        file.write_all(bytes)?;
        file.persist(self.path(name))?;
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{}-{}.{name}", self.repository, self.key))
    }

    fn forget_others(&self) {
        let (of_repository, own) = (format!("{}-", self.repository), format!("-{}.", self.key));
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(&of_repository) && !name.contains(&own) {
                _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_damaged_anywhere_was_never_kept() {
        let folder = tempfile::TempDir::new().unwrap();
        let shelf = Cache::new(folder.path(), [7; 32]).shelf(folder.path());
        assert_eq!(shelf.read("a"), None);
        shelf.write("a", b"kept").unwrap();
        assert_eq!(shelf.read("a").as_deref(), Some(&b"kept"[..]));
        let whole = fs::read(shelf.path("a")).unwrap();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(shelf.path("a"), changed).unwrap();
            assert_eq!(shelf.read("a"), None, "byte {at}");
            fs::write(shelf.path("a"), &whole[..at]).unwrap();
            assert_eq!(shelf.read("a"), None, "cut at {at}");
        }
    }

    #[test]
    fn another_key_finds_nothing_and_forgets_the_former_one() {
        let folder = tempfile::TempDir::new().unwrap();
        let shelf = |key| Cache::new(folder.path(), [key; 32]).shelf(folder.path());
        shelf(1).write("a", b"kept").unwrap();
        assert_eq!(shelf(2).read("a"), None);
        shelf(2).write("b", b"kept").unwrap();
        assert_eq!(shelf(1).read("a"), None);
    }
}
