//! Where a hook of a repository goes, and what is there.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::kept::Kept;
use super::script;
use super::{Failure, Hook};
use crate::cli::environment;
use crate::source::{Repository, open_repository};

/// Where the hooks of a repository go.
pub(super) struct Hooks {
    folder: PathBuf,
    style: Style,
    /// Whether the repository is bare.
    pub(super) is_bare: bool,
    /// Whether git looks there.
    is_active: bool,
    /// Whether that is certain.
    pub(super) is_certain: bool,
    /// Whether `core.hooksPath` names a folder outside the repository, which others may use.
    is_shared: bool,
}

/// Whose the scripts are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Each hook is a script of its own.
    Own,
    /// Husky calls scripts that are committed with the code.
    Husky,
}

/// What there is of a hook.
pub(super) enum State {
    /// Nothing.
    None,
    /// A script of ours.
    Ours(String),
    /// Another's script, in which our lines may be.
    Others { text: String, has_ours: bool },
}

impl Hooks {
    /// Finds where they go.
    pub(super) fn of(path: &Path) -> Result<Self, Failure> {
        let repository = open_repository(path)?;
        if repository.is_foreign() {
            let shown = environment::absolute(path);
            let what = format!("the repository {} belongs to another user", shown.display());
            return Err(Failure::new(what).hint(
                "only its owner should install hooks in it: git would run them as the owner",
            ));
        }
        let found = repository.hooks_folder(&environment::git_config_variables())?;
        let is_bare = repository.workdir().is_none();
        let here = |is_active, style, folder| Self {
            is_shared: found.is_configured && !is_within(&repository, &found.path),
            folder,
            style,
            is_bare,
            is_active,
            is_certain: found.is_certain,
        };
        let husky = repository.workdir().map(|root| root.join(".husky"));
        let husky = husky.filter(|husky| husky.is_dir());
        Ok(match (husky, husky_folder(&found.path)) {
            (Some(husky), _) if !found.is_configured => here(false, Style::Husky, husky),
            (_, Some(husky)) => here(true, Style::Husky, husky.to_owned()),
            _ => here(true, Style::Own, found.path.clone()),
        })
    }

    fn file(&self, hook: Hook) -> PathBuf {
        self.folder.join(hook.name())
    }

    /// Returns where the hook is kept that was there before.
    fn kept(&self, hook: Hook) -> Kept {
        Kept::of(&self.folder, hook.name())
    }

    /// Returns the file of a hook as a person reads it.
    pub(super) fn shown(&self, hook: Hook) -> String {
        let file = self.file(hook);
        let here = environment::absolute(Path::new("."));
        file.strip_prefix(&here).unwrap_or(&file).display().to_string()
    }

    /// Returns what a person must know about where hooks are.
    pub(super) fn note(&self) -> Option<&'static str> {
        match (self.style, self.is_active) {
            _ if !self.is_certain => Some(
                "git's configuration says where hooks are in a way that is not understood here: if `git rev-parse --git-path hooks` names another folder, say so with `git config core.hooksPath FOLDER` and install again",
            ),
            (Style::Husky, false) => Some(
                "husky is not set up in this clone: `npm install` (or `npx husky`) makes git call its hooks",
            ),
            _ if self.is_shared => Some(
                "core.hooksPath names a folder outside the repository: every repository that uses it has the hook now",
            ),
            _ => None,
        }
    }

    pub(super) fn state(&self, hook: Hook) -> Result<State, Failure> {
        let file = self.file(hook);
        if fs::symlink_metadata(&file).is_err() {
            return Ok(State::None);
        }
        // Another's hook may be a program, or lead nowhere.
        let text = fs::read(&file).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        Ok(match self.style {
            Style::Own if script::is_own(&text) => State::Ours(text),
            Style::Own => State::Others { text, has_ours: false },
            Style::Husky => {
                let has_ours = script::without_lines(&text).is_some();
                State::Others { text, has_ours }
            }
        })
    }

    /// Puts a hook in, and returns what was done.
    pub(super) fn put(&self, hook: Hook) -> Result<&'static str, Failure> {
        match (self.style, self.state(hook)?) {
            (Style::Own, State::Ours(text)) => self.put_again(hook, &text),
            (Style::Own, State::None) => self.write(hook, &own(hook)?).map(|()| "installed"),
            (Style::Own, State::Others { .. }) => self.put_before_other(hook),
            (Style::Husky, State::Others { text, has_ours: true }) => {
                match script::with_new_lines(&text, hook) {
                    Some(new) => self.write(hook, &new).map(|()| "renewed"),
                    None => Ok("is installed already"),
                }
            }
            (Style::Husky, State::Others { text, .. }) => {
                let text = script::with_lines(&text, hook);
                self.write(hook, &text).map(|()| "installed, before what husky runs there")
            }
            (Style::Husky, _) => {
                let is_old =
                    self.folder.join("_/husky.sh").is_file() && !self.folder.join("_/h").is_file();
                let text = script::with_lines(script::husky_head(is_old), hook);
                self.write(hook, &text).map(|()| "installed for husky to run")
            }
        }
    }

    fn put_again(&self, hook: Hook, text: &str) -> Result<&'static str, Failure> {
        let (file, kept, new) = (self.file(hook), self.kept(hook), own(hook)?);
        let failed = |error| unwritable(&file, &error);
        if script::is_former(text, hook) && kept.move_former().map_err(failed)? {
            let done = self.write(hook, &new).map(|()| "renewed");
            if done.is_err() {
                // As it was.
                let _ = kept.move_back();
            }
            return done;
        }
        let new = script::with_program_of(text, &new);
        match new == text {
            true => Ok("is installed already"),
            false => self.write(hook, &new).map(|()| "names this program now"),
        }
    }

    fn put_before_other(&self, hook: Hook) -> Result<&'static str, Failure> {
        let (file, kept) = (self.file(hook), self.kept(hook));
        if let Some(kept) = kept.file() {
            let what =
                format!("{} is not ours, and {} is in its way", file.display(), kept.display());
            return Err(Failure::new(what).hint(format!(
                "keep one of them, or add the line `stanch hook {}` to it",
                hook.name()
            )));
        }
        let text = own(hook)?;
        kept.keep().map_err(|error| unwritable(&file, &error))?;
        if let Err(failure) = self.write(hook, &text) {
            // As it was.
            let _ = kept.put_back();
            return Err(failure);
        }
        Ok("installed; the hook that was there is kept and called first")
    }

    /// Takes a hook out, and returns what was done, or none where there was nothing to do.
    pub(super) fn take(&self, hook: Hook) -> Result<Option<&'static str>, Failure> {
        let file = self.file(hook);
        let remove = |file: &Path| fs::remove_file(file).map_err(|error| unwritable(file, &error));
        match self.state(hook)? {
            State::Ours(text) if !script::is_as_made(&text, hook) => {
                let what = format!("{} was changed since it was installed", file.display());
                Err(Failure::new(what).hint("keep what you need of it, and remove it by hand"))
            }
            State::Ours(_) => {
                let put_back = self.kept(hook).put_back();
                match put_back.map_err(|error| unwritable(&file, &error))? {
                    true => Ok(Some("removed; the hook that was there before is back")),
                    false => remove(&file).map(|()| Some("removed")),
                }
            }
            State::Others { text, has_ours: true } => {
                let text = script::without_lines(&text).unwrap_or(text);
                match script::is_idle(&text) {
                    true => remove(&file)?,
                    false => self.write(hook, &text)?,
                }
                Ok(Some("removed"))
            }
            State::None | State::Others { .. } => Ok(None),
        }
    }

    /// Writes a script at once, so that git never runs half of one.
    fn write(&self, hook: Hook, text: &str) -> Result<(), Failure> {
        let file = self.file(hook);
        let failed = |error| unwritable(&file, &error);
        fs::create_dir_all(&self.folder).map_err(failed)?;
        // A link stays one.
        let target = fs::canonicalize(&file).unwrap_or_else(|_| file.clone());
        let folder = target.parent().unwrap_or(&self.folder);
        let mut new = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        new.write_all(text.as_bytes()).map_err(failed)?;
        make_executable(new.path()).map_err(failed)?;
        new.persist(&target).map(drop).map_err(|error| failed(error.error))
    }
}

/// Returns the folder of husky's scripts where git looks for hooks in one of husky's: that folder itself,
/// or from the ninth version on `_` in it. It may lie anywhere, as `frontend/.husky` does, and have another
/// name.
fn husky_folder(hooks: &Path) -> Option<&Path> {
    let is_husky = |folder: &Path| {
        let has = |name| folder.join("_").join(name).is_file();
        folder.ends_with(".husky") || has("h") || has("husky.sh")
    };
    let above = hooks.parent().filter(|_| hooks.ends_with("_"));
    [above, Some(hooks)].into_iter().flatten().find(|folder| is_husky(folder))
}

/// Tells whether a folder is the repository's own.
fn is_within(repository: &Repository, folder: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = real(folder);
    let roots = [Some(repository.commondir()), Some(repository.path()), repository.workdir()];
    roots.into_iter().flatten().any(|root| folder.starts_with(real(root)))
}

fn own(hook: Hook) -> Result<String, Failure> {
    let program = environment::program()
        .map_err(|error| Failure::new(format!("cannot tell where this program is: {error}")))?;
    let program = program.to_str().map(str::to_owned).ok_or_else(|| {
        Failure::new("the path of this program is not UTF-8").hint("install it somewhere else")
    })?;
    Ok(script::own(hook, &program))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot write {}: {error}", path.display()))
        .hint("check that you may write there; nothing else was changed")
}

#[cfg(unix)]
fn make_executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> std::io::Result<()> {
    Ok(())
}
