//! What the program takes from its surroundings: folders, names, the time. Nothing else reads them.

use std::path::{Path, PathBuf};

#[cfg(feature = "contain")]
use super::Failure;

/// Returns the folder for what the program keeps, by the platform's custom.
#[cfg(feature = "contain")]
pub(super) fn data_folder() -> Result<PathBuf, Failure> {
    let folders = directories::ProjectDirs::from("", "", "stanch").ok_or_else(|| {
        Failure::new("there is no home directory to keep the record in")
            .hint("name a file with --store FILE")
    })?;
    Ok(folders.data_dir().to_owned())
}

/// Returns the folder for what can be made again, by the platform's custom; none without a home.
pub(super) fn cache_folder() -> Option<PathBuf> {
    let folders = directories::ProjectDirs::from("", "", "stanch")?;
    Some(folders.cache_dir().to_owned())
}

/// Returns an absolute form of a path, without asking the disk.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Returns who is at work: the name of the user account.
#[cfg(feature = "contain")]
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub(super) fn user() -> String {
    let names = ["STANCH_ACTOR", "USER", "LOGNAME", "USERNAME"];
    let name =
        names.iter().find_map(|name| std::env::var(name).ok().filter(|name| !name.is_empty()));
    name.unwrap_or_else(|| "unknown user".to_owned())
}

/// Returns the time.
pub(super) fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// The system's clock.
#[cfg(feature = "contain")]
pub(super) struct SystemClock;

#[cfg(feature = "contain")]
impl crate::incident::Clock for SystemClock {
    fn now(&self) -> jiff::Timestamp {
        now()
    }
}
