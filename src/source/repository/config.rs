//! The configuration that git follows in a repository.

use std::path::Path;

use git2::{Config, ConfigLevel, RepositoryOpenFlags};

use super::Repository;

impl Repository {
    /// Returns the machine's configuration, the user's, the repository's and that of its worktree, and whether
    /// it is known which conditions of includes are met. Nothing that it names is run.
    pub(super) fn config(&self) -> Result<(Config, bool), git2::Error> {
        // It reads git's variables and tells which conditions this repository meets.
        let opened =
            git2::Repository::open_ext(&self.path, RepositoryOpenFlags::FROM_ENV, [] as [&Path; 0]);
        match opened {
            Ok(opened) => Ok((opened.config()?, true)),
            Err(_) => Ok((self.unconditional_config()?, false)),
        }
    }

    /// Returns the configuration of a repository that can't be opened for what else is in it: no condition
    /// is followed.
    fn unconditional_config(&self) -> Result<Config, git2::Error> {
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
