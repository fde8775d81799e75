//! The file itself: who may read it, and whether it is ours, before SQLite may touch it.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::failure::{Failed, error};
use super::schema::{APPLICATION_ID, VERSION};
use crate::incident::Error;

/// The first bytes of every SQLite file.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Where in the file `user_version` and `application_id` stand, as four bytes, the highest first.
const USER_VERSION_AT: usize = 60;
const APPLICATION_ID_AT: usize = 68;
const HEADER_BYTES: usize = 100;

/// Makes the file where there is none, and refuses one that isn't a store. Returns its version where that
/// is newer than this program. The look is at the bytes, because even opening a database can change its
/// files.
pub(super) fn prepare(path: &Path) -> Result<Option<u32>, Error> {
    let newer = match read_header(path) {
        Ok(header) => check(path, &header)?,
        Err(e) if e.kind() == ErrorKind::NotFound => {
            create(path)?;
            None
        }
        Err(e) => return Err(e).failed("open", path),
    };
    restrict(path)?;
    Ok(newer)
}

/// Copies a store with what stands beside it into a folder; returns the copy.
pub(super) fn copy(path: &Path, folder: &Path) -> Result<PathBuf, Error> {
    let copy = folder.join("copy.db");
    for suffix in ["", "-wal"] {
        let beside = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        match std::fs::copy(beside(path), beside(&copy)) {
            Err(e) if e.kind() == ErrorKind::NotFound && !suffix.is_empty() => {}
            copied => drop(copied.failed("read", path)?),
        }
    }
    Ok(copy)
}

fn read_header(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut header = Vec::new();
    let limit = HEADER_BYTES as u64;
    File::open(path)?.take(limit).read_to_end(&mut header)?;
    Ok(header)
}

fn check(path: &Path, header: &[u8]) -> Result<Option<u32>, Error> {
    // An empty file is a store that is about to be made.
    if header.is_empty() {
        return Ok(None);
    }
    if header.len() < HEADER_BYTES || !header.starts_with(MAGIC) {
        let why = "the file is no incident store; name another one, or move this one away";
        return Err(error("open", path, why));
    }
    let version = number_at(header, USER_VERSION_AT);
    let application = number_at(header, APPLICATION_ID_AT);
    refuse_foreign(path, application, version)?;
    Ok(Some(version).filter(|version| *version > VERSION))
}

fn number_at(header: &[u8], at: usize) -> u32 {
    let bytes = header.get(at..at + 4).and_then(|b| b.try_into().ok());
    bytes.map_or(0, u32::from_be_bytes)
}

/// Refuses a database of another program. Both numbers are 0 in one that is being made right now.
pub(super) fn refuse_foreign(path: &Path, application: u32, version: u32) -> Result<(), Error> {
    if application == APPLICATION_ID || (application, version) == (0, 0) {
        return Ok(());
    }
    let why = "the file is a database of another program; name another one";
    Err(error("open", path, why))
}

fn create(path: &Path) -> Result<(), Error> {
    let folder = folder(path);
    create_folder(folder).failed("open", path)?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    only_for_the_owner(&mut options);
    let file = options.open(path).failed("open", path)?;
    file.sync_all().failed("open", path)?;
    sync_folder(folder).failed("open", path)
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(unix)]
fn create_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    // A folder that is there already is its owner's business: it may be shared for other files.
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn create_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}

#[cfg(unix)]
fn only_for_the_owner(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn only_for_the_owner(_: &mut OpenOptions) {}

/// Makes the name of the new file last as long as its content.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Takes the file from everyone but its owner. SQLite gives the files beside it (`-wal`, `-shm`) the
/// same mode; those left by an older run are corrected too.
#[cfg(unix)]
fn restrict(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let Ok(metadata) = std::fs::metadata(&name) else {
            continue;
        };
        if metadata.permissions().mode() & 0o077 != 0 {
            let private = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(&name, private).failed("protect", path)?;
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn restrict(_: &Path) -> Result<(), Error> {
    Ok(())
}
