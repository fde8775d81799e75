//! Where git looks for the hooks of a repository.

use std::path::PathBuf;

use git2::{Config, ConfigLevel, ErrorCode};

use super::{Error, Repository};

/// The setting that names the folder.
const SETTING: &str = "core.hookspath";
/// Where settings stand: what is first wins.
const LEVELS: [ConfigLevel; 6] = [
    ConfigLevel::Worktree,
    ConfigLevel::Local,
    ConfigLevel::Global,
    ConfigLevel::XDG,
    ConfigLevel::System,
    ConfigLevel::ProgramData,
];
/// Conditions of an `includeIf` that are understood.
const CONDITIONS: [&str; 3] = ["gitdir:", "gitdir/i:", "onbranch:"];

/// The folder in which git looks for hooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HooksFolder {
    /// The folder.
    pub path: PathBuf,
    /// Whether it is what `core.hooksPath` says. It may then be other repositories' folder, too.
    pub is_configured: bool,
    /// Whether all that git would follow was understood. If not, it may look elsewhere.
    pub is_certain: bool,
}

/// What git's variables say of its configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigVariables {
    /// What stands in for the user's files: `GIT_CONFIG_GLOBAL`.
    pub global: Option<PathBuf>,
    /// What stands in for the machine's file: `GIT_CONFIG_SYSTEM`.
    pub system: Option<PathBuf>,
    /// Whether one of them sets `core.hooksPath` itself.
    pub sets_hooks_path: bool,
}

impl Repository {
    /// Returns the folder in which git looks for hooks, by the configuration that git would follow with
    /// these variables: the machine's, the user's, the repository's and that of its worktree.
    ///
    /// # Errors
    /// Where the configuration can't be read.
    pub fn hooks_folder(&self, variables: &ConfigVariables) -> Result<HooksFolder, Error> {
        let failed = |error: git2::Error| Error::Git {
            path: self.path.clone(),
            why: error.message().into(),
        };
        let (configured, is_certain) = self.hooks_path(variables).map_err(failed)?;
        let above = self.workdir.as_deref().unwrap_or(&self.path);
        let (path, is_configured) = match configured.filter(|path| !path.as_os_str().is_empty()) {
            Some(path) => (above.join(path), true),
            None => (self.commondir.join("hooks"), false),
        };
        Ok(HooksFolder { path, is_configured, is_certain })
    }

    /// Returns what `core.hooksPath` says, and whether that is certain.
    fn hooks_path(
        &self,
        variables: &ConfigVariables,
    ) -> Result<(Option<PathBuf>, bool), git2::Error> {
        // It reads the same variables.
        let (config, are_conditions_known) = self.config()?;
        let conditions = if are_conditions_known { &CONDITIONS[..] } else { &[] };
        let is_whole =
            !conditions.is_empty() || (variables.global.is_none() && variables.system.is_none());
        let mut is_certain = is_whole && !variables.sets_hooks_path;
        for level in LEVELS.into_iter().filter(|level| is_read(*level, variables)) {
            let Ok(config) = config.open_level(level) else { continue };
            is_certain &= is_understood(&config, conditions)?;
            match config.get_path(SETTING) {
                Ok(path) => return Ok((Some(path), is_certain)),
                Err(error) => is_certain &= error.code() == ErrorCode::NotFound,
            }
        }
        Ok((None, is_certain))
    }
}

/// Tells whether git reads what is found at a level. The variable for the user's files replaces both, and
/// with no name in it there is none.
fn is_read(level: ConfigLevel, variables: &ConfigVariables) -> bool {
    let global = variables.global.as_ref();
    match level {
        ConfigLevel::XDG => global.is_none(),
        ConfigLevel::Global => global.is_none_or(|file| !file.as_os_str().is_empty()),
        _ => true,
    }
}

/// Tells whether each `includeIf` has one of these conditions.
fn is_understood(config: &Config, conditions: &[&str]) -> Result<bool, git2::Error> {
    let mut is_understood = true;
    config.entries(None)?.for_each(|entry| {
        let condition = entry.name().ok().and_then(|name| name.strip_prefix("includeif."));
        is_understood &= condition.is_none_or(|condition| {
            conditions.iter().any(|understood| condition.starts_with(understood))
        });
    })?;
    Ok(is_understood)
}
