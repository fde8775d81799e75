//! Where places are on disk, so that the globs of an allowlist mean the same in every source.

use std::path::{Component, Path, PathBuf};

use crate::source::{Kind, Place};

/// What the paths of places are relative to. Both are absolute.
#[derive(Clone, Debug, Default)]
pub struct Whereabouts {
    /// The folder that paths on disk are seen from.
    pub here: PathBuf,
    /// The root of the repository that staged files and blobs are in.
    pub repository: Option<PathBuf>,
}

impl Whereabouts {
    /// Returns the absolute path of a place, or `None` where it has none: a message, a stream.
    pub(super) fn absolute(&self, place: &Place) -> Option<PathBuf> {
        let path = Path::new(place.path.as_deref()?);
        match place.kind {
            Kind::File | Kind::GitFile => Some(resolved(&self.here.join(path))),
            _ => self.repository.as_ref().map(|root| resolved(&root.join(path))),
        }
    }
}

/// Takes `.` and `..` out of a path without asking the disk.
pub(super) fn resolved(path: &Path) -> PathBuf {
    let mut resolved = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(resolved.pop()),
            other => resolved.push(other),
        }
    }
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_dots_out() {
        assert_eq!(resolved(Path::new("/a/./b/../c")), Path::new("/a/c"));
    }
}
