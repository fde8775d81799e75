//! What the program takes from its surroundings: folders, names, the time. Nothing else reads them.
#![expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]

use std::path::{Path, PathBuf};

use super::Failure;

/// Returns the folder for what the program keeps, by the platform's custom.
pub(super) fn data_folder() -> Result<PathBuf, Failure> {
    let folders = directories::ProjectDirs::from("", "", "stanch").ok_or_else(|| {
        Failure::new("there is no home directory to keep the record in")
            .hint("name a file with --store FILE")
    })?;
    Ok(folders.data_dir().to_owned())
}

/// Returns an absolute form of a path, without asking the disk.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Returns who is at work: the name of the user account.
pub(super) fn user() -> String {
    let names = ["STANCH_ACTOR", "USER", "LOGNAME", "USERNAME"];
    let name =
        names.iter().find_map(|name| std::env::var(name).ok().filter(|name| !name.is_empty()));
    name.unwrap_or_else(|| "unknown user".to_owned())
}

/// The system's clock.
pub(super) struct SystemClock;

impl crate::incident::Clock for SystemClock {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }
}
