//! Which lines of a file that was changed in a range are new there.

use std::cell::OnceCell;
use std::fmt;
use std::ops::Range;

use git2::{ObjectType, Oid};

use super::Reader;
use super::blobs::{Earlier, Found};
use super::renames::Renames;
use crate::source::Counted;
use crate::source::lfs::Lfs;
use crate::source::lines::{is_binary, new_lines};
use crate::source::repository::Objects;

/// The new lines of a blob. They are looked for when something was found in it, which is seldom.
pub(super) struct NewLines<'a> {
    objects: &'a Objects,
    renames: &'a Renames<'a>,
    found: &'a Found,
    bytes: &'a [u8],
    /// Where these are the bytes of the file that the blob stands for: the store that has it.
    behind: Option<&'a Lfs>,
    lines: OnceCell<Option<Vec<Range<usize>>>>,
}

impl<'a> NewLines<'a> {
    pub(super) fn of(reader: &Reader<'a>, found: &'a Found, bytes: &'a [u8]) -> Self {
        let Reader { objects, renames, .. } = *reader;
        Self { objects, renames, found, bytes, behind: None, lines: OnceCell::new() }
    }

    /// Says that these are the bytes of a file that the blob stands for.
    pub(super) fn behind(self, lfs: &'a Lfs) -> Self {
        Self { behind: Some(lfs), ..self }
    }

    /// Returns the lines that are new in any commit in which the blob is, or none where all are.
    fn find(&self) -> Option<Vec<Range<usize>>> {
        if is_binary(self.bytes) {
            return None;
        }
        let mut lines = Vec::new();
        for earlier in &self.found.earlier {
            lines.extend(match earlier {
                Earlier::There(blobs) => self.new_to(blobs)?,
                Earlier::Nothing { place, commit } => {
                    self.new_to(&self.sources(*place, *commit))?
                }
            });
        }
        lines.sort_by_key(|stretch| stretch.start);
        lines.dedup_by(|next, last| {
            let is_one = next.start <= last.end;
            last.end = if is_one { last.end.max(next.end) } else { last.end };
            is_one
        });
        Some(lines)
    }

    /// Returns what the file was before in a commit that has it at a place where nothing stood.
    fn sources(&self, place: usize, commit: usize) -> Vec<Oid> {
        let path = self.found.places.get(place).and_then(|(path, _)| path.as_deref());
        self.renames.sources(commit, path.unwrap_or_default(), self.found.oid)
    }

    /// Returns the lines that are in none of these versions. One that can't be read counts as not there: then
    /// more counts than need be.
    fn new_to(&self, earlier: &[Oid]) -> Option<Vec<Range<usize>>> {
        let read = |blob: &Oid| {
            let bytes = self.objects.read(*blob, ObjectType::Blob).ok()?;
            Some(match self.behind {
                None => bytes,
                Some(lfs) => lfs.resolve(bytes),
            })
        };
        let earlier = earlier.iter().filter_map(read).filter(|earlier| !is_binary(earlier));
        let earlier: Vec<Vec<u8>> = earlier.collect();
        let earlier: Vec<&[u8]> = earlier.iter().map(Vec::as_slice).collect();
        (!earlier.is_empty()).then(|| new_lines(self.bytes, &earlier))
    }
}

impl Counted for NewLines<'_> {
    fn stretches(&self) -> Option<&[Range<usize>]> {
        self.lines.get_or_init(|| self.find()).as_deref()
    }
}

impl fmt::Debug for NewLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewLines({})", self.found.oid)
    }
}
