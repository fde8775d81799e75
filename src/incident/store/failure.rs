//! Failures of SQLite, in words that tell what to do.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::incident::Error;

/// Turns a failure of the database or the file system into the room's error.
pub(super) trait Failed<T> {
    /// Says what was being done, and to which file.
    fn failed(self, doing: &'static str, path: &Path) -> Result<T, Error>;
}

impl<T> Failed<T> for rusqlite::Result<T> {
    fn failed(self, doing: &'static str, path: &Path) -> Result<T, Error> {
        self.map_err(|e| error(doing, path, why(&e)))
    }
}

impl<T> Failed<T> for std::io::Result<T> {
    fn failed(self, doing: &'static str, path: &Path) -> Result<T, Error> {
        self.map_err(|e| error(doing, path, e.to_string()))
    }
}

/// Returns the error with that explanation.
pub(super) fn error(doing: &'static str, path: &Path, why: impl Into<String>) -> Error {
    Error::Store { doing, store: path.display().to_string(), why: why.into() }
}

/// Returns why it failed and, where one is known, what to do about it.
fn why(error: &rusqlite::Error) -> String {
    let told = error.to_string();
    let Some(remedy) = error.sqlite_error_code().and_then(remedy) else {
        return told;
    };
    format!("{remedy} ({told})")
}

fn remedy(code: ErrorCode) -> Option<&'static str> {
    Some(match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            "another program has held it for too long; try again when that one is done"
        }
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
            "it is read-only here; check who owns the file and its folder and whether the disk is mounted read-only"
        }
        ErrorCode::DiskFull => {
            "the disk is full; free some space and try again, nothing was half written"
        }
        ErrorCode::CannotOpen => {
            "it can't be opened; check that the folder is there and that you may write in it"
        }
        ErrorCode::NotADatabase => {
            "the file is no incident store; name another one, or move this one away"
        }
        ErrorCode::DatabaseCorrupt => {
            "the file is damaged; keep a copy of it, then restore it from a backup"
        }
        ErrorCode::SystemIoFailure => {
            "the disk failed to read or write; check the disk before trying again"
        }
        _ => return None,
    })
}
