//! Opens files, and nothing that only stands where a file should.
//!
//! Whoever opens a pipe waits for someone to write to it, so a pipe in a git folder could hold up a scan for
//! ever. What is opened is asked whether it is a file, and not its name before: that may be a pipe by then.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use super::Gap;

/// What is there is a pipe, a socket, a device or a folder.
#[derive(Debug, thiserror::Error)]
#[error("it is not a regular file")]
struct NotRegular;

/// Opens a regular file; what is none is an error, at once.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let not_regular = || io::Error::new(io::ErrorKind::InvalidInput, NotRegular);
    let file = match open_at_once(path) {
        // A socket can't be opened at all.
        Err(_) if is_obstacle(path) => return Err(not_regular()),
        file => file?,
    };
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(not_regular()),
    }
}

/// Reads a regular file to its end.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a regular file as text, lossy where it isn't UTF-8.
pub(super) fn read_text(path: &Path) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&read(path)?).into_owned())
}

/// Returns whether something is there that is neither a file nor a folder. For those who hand the name on to
/// what would open it anyhow.
pub(super) fn is_obstacle(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

/// Returns the gap of a file that could not be read.
pub(super) fn unreadable(what: String, error: &io::Error) -> Gap {
    let is_not_regular = error.get_ref().is_some_and(|inner| inner.is::<NotRegular>());
    let remedy = match is_not_regular {
        true => "remove it, or put a file in its place, and scan again",
        false => "make it readable for the user who scans, and scan it again",
    };
    Gap { what, why: error.to_string(), remedy: remedy.to_owned() }
}

/// Returns the gap of what is found where a file should be.
pub(super) fn not_regular(what: String) -> Gap {
    unreadable(what, &io::Error::new(io::ErrorKind::InvalidInput, NotRegular))
}

/// Returns whether a gap is of such a thing.
pub(super) fn is_gap_of(gap: &Gap) -> bool {
    gap.why == NotRegular.to_string()
}

/// Opens whatever it is without waiting for who writes to it.
#[cfg(unix)]
fn open_at_once(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    fs::OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// Opens it. No name in a folder stands for a pipe here.
#[cfg(not(unix))]
fn open_at_once(path: &Path) -> io::Result<File> {
    File::open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_no_file_and_the_gap_says_what_to_do() {
        let folder = tempfile::TempDir::new().unwrap();
        let error = open(folder.path()).unwrap_err();
        let gap = unreadable("a".to_owned(), &error);
        assert!(cfg!(windows) || gap.remedy.contains("remove it"), "{gap:?}");
        let gap = unreadable("a".to_owned(), &open(&folder.path().join("b")).unwrap_err());
        assert!(gap.remedy.contains("readable"));
    }

    #[test]
    fn a_file_is_read_to_its_end() {
        let folder = tempfile::TempDir::new().unwrap();
        fs::write(folder.path().join("a"), b"a\xff").unwrap();
        assert_eq!(read(&folder.path().join("a")).unwrap(), b"a\xff");
        assert_eq!(read_text(&folder.path().join("a")).unwrap(), "a\u{fffd}");
    }
}
