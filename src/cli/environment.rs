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

/// Returns the operator's own configuration file, whether or not it is there; none without a home.
#[cfg(feature = "contain")]
pub(super) fn configuration_file() -> Option<PathBuf> {
    let folders = directories::ProjectDirs::from("", "", "stanch")?;
    Some(folders.config_dir().join("stanch.toml"))
}

/// Returns the folder for what can be made again, by the platform's custom; none without a home.
pub(super) fn cache_folder() -> Option<PathBuf> {
    let folders = directories::ProjectDirs::from("", "", "stanch")?;
    Some(folders.cache_dir().to_owned())
}

/// Returns the folder for what the operator configures, by the platform's custom; none without a home.
#[cfg(feature = "contain")]
pub(super) fn config_folder() -> Option<PathBuf> {
    let folders = directories::ProjectDirs::from("", "", "stanch")?;
    Some(folders.config_dir().to_owned())
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

/// Returns what git's variables say of its configuration.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub(super) fn git_config_variables() -> crate::source::ConfigVariables {
    let text = |name: &str| std::env::var(name).unwrap_or_default().to_ascii_lowercase();
    let count: usize = text("GIT_CONFIG_COUNT").parse().unwrap_or(0);
    // More than that are no one's.
    let mut keys = (0..count.min(1000)).map(|n| text(&format!("GIT_CONFIG_KEY_{n}")));
    crate::source::ConfigVariables {
        global: std::env::var_os("GIT_CONFIG_GLOBAL").map(PathBuf::from),
        system: std::env::var_os("GIT_CONFIG_SYSTEM").map(PathBuf::from),
        sets_hooks_path: keys.any(|key| key == "core.hookspath")
            || text("GIT_CONFIG_PARAMETERS").contains("core.hookspath"),
    }
}

/// Returns where this program is.
pub(super) fn program() -> std::io::Result<PathBuf> {
    std::env::current_exe()
}

/// Returns the password for the store's server, where one is set: an argument would be seen by others.
#[cfg(feature = "postgres")]
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub(super) fn store_password() -> Option<String> {
    std::env::var("PGPASSWORD").ok().filter(|password| !password.is_empty())
}

/// Returns the first of these variables that is set and not empty.
#[cfg(feature = "contain")]
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub(super) fn text(names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| std::env::var(name).ok().filter(|text| !text.is_empty()))
}

/// Returns the first of these variables that is set, as a secret.
#[cfg(feature = "contain")]
pub(super) fn secret(names: &[&str]) -> Option<crate::secret::Secret> {
    text(names).map(|text| crate::secret::Secret::new(text.into_bytes()))
}

/// Returns how wide the terminal is.
#[cfg(feature = "contain")]
pub(super) fn width() -> usize {
    screen().0
}

/// Returns how wide and how high the terminal is.
#[cfg(feature = "contain")]
pub(super) fn screen() -> (usize, usize) {
    let size = terminal_size::terminal_size();
    let size = size.map(|(width, height)| (usize::from(width.0), usize::from(height.0)));
    size.unwrap_or((crate::report::incident_text::USUAL_WIDTH, 24))
}

/// Returns the time.
pub(super) fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Returns the instant that a day, an hour or an age stands for, by the clock of this machine:
/// `2026-03-01`, `2026-03-01T12:00`, `2 weeks ago`.
pub(super) fn instant(text: &str) -> Option<jiff::Timestamp> {
    let now = jiff::Zoned::now();
    let text = text.trim();
    let at = |time: jiff::civil::DateTime| time.to_zoned(now.time_zone().clone()).ok();
    let exact = || text.parse::<jiff::Timestamp>().ok();
    let local = || Some(at(text.parse().ok()?)?.timestamp());
    let ago = || {
        let age = text.parse::<jiff::Span>().ok()?.abs();
        Some(now.checked_sub(age).ok()?.timestamp())
    };
    exact().or_else(local).or_else(ago)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_hours_and_ages_are_instants() {
        let exact = instant("2026-03-01T12:00:00Z").unwrap();
        assert_eq!(exact.to_string(), "2026-03-01T12:00:00Z");
        let day = instant("2026-03-01").unwrap();
        assert!((exact - day).total(jiff::Unit::Hour).unwrap().abs() <= 26.0);
        let (week, days) = (instant("1 week ago").unwrap(), instant("7 days").unwrap());
        assert!((week - days).total(jiff::Unit::Second).unwrap().abs() < 7200.0);
        assert!(week < now());
        for none in ["main", "v1.2", "", "2026-13-01"] {
            assert_eq!(instant(none), None, "{none}");
        }
    }
}
