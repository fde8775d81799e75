//! The hook that was there before: where it is kept, and how it gets there and back.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder beside the hooks in which those are kept that were there before, each under its own name:
/// some programs tell by it which hook they are.
pub(super) const FOLDER: &str = "before-stanch";
/// What an earlier version wrote behind the name of the one it kept.
const FORMER: &str = ".before-stanch";

/// Where the hook is, or would be, that was there before.
pub(super) struct Kept {
    hook: PathBuf,
    place: PathBuf,
    former: PathBuf,
}

impl Kept {
    /// Finds where it is kept for the hook of this folder and name.
    pub(super) fn of(folder: &Path, name: &str) -> Self {
        Self {
            hook: folder.join(name),
            place: folder.join(FOLDER).join(name),
            former: folder.join(format!("{name}{FORMER}")),
        }
    }

    /// Returns the file in which one is kept, if there is one.
    pub(super) fn file(&self) -> Option<&Path> {
        [&self.place, &self.former].into_iter().find(|file| is_there(file)).map(PathBuf::as_path)
    }

    /// Keeps the hook that is there now.
    pub(super) fn keep(&self) -> io::Result<()> {
        self.take_in(&self.hook)
    }

    /// Puts the one that is kept back, and returns whether there was one.
    pub(super) fn put_back(&self) -> io::Result<bool> {
        match self.file() {
            None => return Ok(false),
            Some(file) if file == self.place => self.take_out(&self.hook)?,
            Some(file) => fs::rename(file, &self.hook)?,
        }
        Ok(true)
    }

    /// Moves what an earlier version kept to where it is kept now, and returns whether nothing is left
    /// there.
    pub(super) fn move_former(&self) -> io::Result<bool> {
        match (is_there(&self.former), is_there(&self.place)) {
            (false, _) => Ok(true),
            (true, true) => Ok(false),
            (true, false) => self.take_in(&self.former).map(|()| true),
        }
    }

    /// Moves it back to where an earlier version looks for it.
    pub(super) fn move_back(&self) -> io::Result<()> {
        if is_there(&self.place) { self.take_out(&self.former) } else { Ok(()) }
    }

    fn take_in(&self, from: &Path) -> io::Result<()> {
        if let Some(folder) = self.place.parent() {
            fs::create_dir_all(folder)?;
        }
        move_file(from, &self.place, |target| Path::new("..").join(target))
    }

    fn take_out(&self, to: &Path) -> io::Result<()> {
        let out = |target: &Path| match target.strip_prefix("..") {
            Ok(target) => target.to_owned(),
            Err(_) => Path::new(FOLDER).join(target),
        };
        move_file(&self.place, to, out)?;
        if let Some(folder) = self.place.parent() {
            // It stays where it holds another's.
            let _ = fs::remove_dir(folder);
        }
        Ok(())
    }
}

/// Tells whether something has this name, even a link that leads nowhere.
fn is_there(file: &Path) -> bool {
    fs::symlink_metadata(file).is_ok()
}

/// Moves a file to another folder. A link by a relative path leads where it led: `relative` says how it is
/// named from there.
fn move_file(from: &Path, to: &Path, relative: impl Fn(&Path) -> PathBuf) -> io::Result<()> {
    match fs::read_link(from) {
        Ok(target) if target.is_relative() => {
            let mut new = to.as_os_str().to_owned();
            new.push(".new");
            link(&relative(&target), Path::new(&new))?;
            fs::rename(&new, to)?;
            fs::remove_file(from)
        }
        _ => fs::rename(from, to),
    }
}

#[cfg(unix)]
fn link(target: &Path, file: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, file)
}

#[cfg(windows)]
fn link(target: &Path, file: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, file)
}

#[cfg(not(any(unix, windows)))]
fn link(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
