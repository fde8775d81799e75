//! Where git looks for the hooks of a repository.

use std::path::{Path, PathBuf};

use git2::{Config, ConfigLevel};

use super::{Error, Repository};

/// The folder in which git looks for hooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HooksFolder {
    /// The folder.
    pub path: PathBuf,
    /// Whether it is what `core.hooksPath` says. It may then be other repositories' folder, too.
    pub is_configured: bool,
}

impl Repository {
    /// Returns the folder in which git looks for hooks.
    ///
    /// # Errors
    /// Where the configuration can't be read.
    pub fn hooks_folder(&self) -> Result<HooksFolder, Error> {
        let failed = |error: git2::Error| Error::Git {
            path: self.path.clone(),
            why: error.message().into(),
        };
        let configured = self.config().map_err(failed)?.get_path("core.hookspath").ok();
        let above = self.workdir.as_deref().unwrap_or(&self.path);
        Ok(match configured.filter(|path| !path.as_os_str().is_empty()) {
            Some(path) => HooksFolder { path: above.join(path), is_configured: true },
            None => HooksFolder { path: self.commondir.join("hooks"), is_configured: false },
        })
    }

    /// Returns the configuration that git would follow: the machine's, the user's, the repository's and
    /// that of its worktree.
    fn config(&self) -> Result<Config, git2::Error> {
        let mut config = Config::open_default()?;
        let mut add = |file: &Path, level| match file.is_file() {
            true => config.add_file(file, level, true),
            false => Ok(()),
        };
        add(&self.commondir.join("config"), ConfigLevel::Local)?;
        add(&self.path.join("config.worktree"), ConfigLevel::Worktree)?;
        Ok(config)
    }
}
