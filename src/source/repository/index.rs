//! The index: what the next commit is made of.
//!
//! Read here and not by libgit2 because of one part of it that libgit2 keeps to itself: git notes which
//! folders have not changed since a tree was made of them, so that nobody has to compare their files.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::path::Path;

use git2::Oid;

use super::Error;
use crate::source::regular;

/// How many bytes of an entry stand before its object id: times, owner, mode, size.
const STAT_BYTES: usize = 40;
/// Where the mode stands among them.
const MODE_AT: usize = 24;
/// The flag of an entry that has two bytes more of flags.
const EXTENDED: u16 = 0x4000;
/// Set on an entry of `git add --intent-to-add`: a path without content so far.
const INTENT_TO_ADD: u16 = 1 << 13;

/// The index.
#[derive(Debug, Default)]
pub(in crate::source) struct Index {
    /// Every entry, sorted by path.
    pub(in crate::source) entries: Vec<Staged>,
    /// What is known of the root folder.
    pub(in crate::source) root: Option<Folder>,
    /// The paths of all entries, one behind the other: there are many, and mostly nobody asks for them.
    paths: Vec<u8>,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::source) struct Staged {
    /// Where its path is among those of all.
    path: Range<usize>,
    pub(in crate::source) mode: u32,
    pub(in crate::source) oid: Oid,
    /// 0; in a conflict 1 for the common ancestor, 2 for ours, 3 for theirs.
    pub(in crate::source) stage: u16,
    /// Whether the path is only announced, and has no content so far.
    pub(in crate::source) is_announced: bool,
}

/// What git noted of a folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::source) struct Folder {
    /// The tree of the folder and how many entries of the index are in it, where none has changed since.
    pub(in crate::source) tree: Option<(Oid, usize)>,
    /// The folders in it, by name.
    pub(in crate::source) folders: HashMap<Vec<u8>, Folder>,
}

impl Index {
    /// Returns the path of an entry.
    pub(in crate::source) fn path(&self, entry: &Staged) -> &[u8] {
        &self.paths[entry.path.clone()]
    }

    /// Reads an index file, in which ids have so many bytes. Where there is none, nothing is staged.
    pub(in crate::source) fn read(path: &Path, id_bytes: usize) -> Result<Self, Error> {
        let failed = |why: &str| Error::Index { path: path.to_owned(), why: why.to_owned() };
        match regular::read(path) {
            Ok(bytes) => Self::parse(&bytes, id_bytes).map_err(failed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(Error::Read { path: path.to_owned(), source }),
        }
    }

    fn parse(bytes: &[u8], id_bytes: usize) -> Result<Self, &'static str> {
        let end = bytes.len().checked_sub(id_bytes).ok_or(CUT_OFF)?;
        let mut reader = Reader { rest: &bytes[..end], id_bytes };
        if reader.take(4)? != b"DIRC" {
            return Err("it is no index");
        }
        let version = reader.number()?;
        if !(2..=4).contains(&version) {
            return Err("its version is unknown");
        }
        let count = reader.number()? as usize;
        // No more than fit: the count may be anything.
        let entries = Vec::with_capacity(count.min(bytes.len() / 64));
        let paths = Vec::with_capacity(bytes.len() / 2);
        let mut index = Self { entries, root: None, paths };
        for _ in 0..count {
            let before = index.entries.last().map_or(0..0, |entry| entry.path.clone());
            let entry = reader.entry(version, before, &mut index.paths)?;
            index.entries.push(entry);
        }
        while !reader.rest.is_empty() {
            let name = reader.take(4)?;
            let length = reader.number()? as usize;
            let content = reader.take(length)?;
            match name {
                b"TREE" => {
                    index.root =
                        Reader { rest: content, id_bytes }.folder().ok().map(|(_, root)| root)
                }
                // An entry that is a folder has the mode of one: nothing else is to be known.
                b"sdir" => {}
                b"link" => return Err("it is split over two files"),
                // What begins with a capital may be passed over.
                name if name[0].is_ascii_uppercase() => {}
                _ => return Err("it holds something that must not be passed over and is unknown"),
            }
        }
        Ok(index)
    }
}

const CUT_OFF: &str = "it is cut off";

struct Reader<'a> {
    rest: &'a [u8],
    id_bytes: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(CUT_OFF)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Takes everything up to a byte, and the byte.
    fn until(&mut self, byte: u8) -> Result<&'a [u8], &'static str> {
        let end = memchr::memchr(byte, self.rest).ok_or(CUT_OFF)?;
        let taken = self.take(end)?;
        self.take(1)?;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, &'static str> {
        Ok(self.take(4)?.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    fn flags(&mut self) -> Result<u16, &'static str> {
        Ok(self.take(2)?.iter().fold(0, |number, byte| number << 8 | u16::from(*byte)))
    }

    fn oid(&mut self) -> Result<Oid, &'static str> {
        Oid::from_bytes(self.take(self.id_bytes)?).map_err(|_| CUT_OFF)
    }

    /// Reads an entry, whose path may begin with that of the one before, and adds its path to all.
    fn entry(
        &mut self,
        version: u32,
        before: Range<usize>,
        paths: &mut Vec<u8>,
    ) -> Result<Staged, &'static str> {
        let whole = self.rest;
        let mut mode = Reader { rest: &self.take(STAT_BYTES)?[MODE_AT..], ..*self };
        let mode = mode.number()?;
        let oid = self.oid()?;
        let flags = self.flags()?;
        let more = if flags & EXTENDED == 0 { 0 } else { self.flags()? };
        let start = paths.len();
        match version {
            4 => {
                let kept = before.len().checked_sub(self.distance()?).ok_or(CUT_OFF)?;
                paths.extend_from_within(before.start..before.start + kept);
                paths.extend_from_slice(self.until(0)?);
            }
            _ => {
                paths.extend_from_slice(self.until(0)?);
                // Filled up with zeros to a multiple of eight.
                let read = whole.len() - self.rest.len();
                self.take(read.next_multiple_of(8) - read)?;
            }
        }
        let path = start..paths.len();
        let is_announced = more & INTENT_TO_ADD != 0;
        Ok(Staged { path, mode, oid, stage: flags >> 12 & 3, is_announced })
    }

    /// Reads a number of any length, as in the differences of packs.
    fn distance(&mut self) -> Result<usize, &'static str> {
        let mut byte = self.take(1)?[0];
        let mut number = usize::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            byte = self.take(1)?[0];
            let next = number.checked_add(1).and_then(|number| number.checked_mul(128));
            number = next.ok_or(CUT_OFF)? + usize::from(byte & 0x7f);
        }
        Ok(number)
    }

    /// Reads what git noted of a folder and of those within it, and its name.
    fn folder(&mut self) -> Result<(Vec<u8>, Folder), &'static str> {
        /// The folders above the one being read: name, what is known, how many are still to come in it.
        type Open = (Vec<u8>, Folder, usize);
        let mut open: Vec<Open> = Vec::new();
        loop {
            let mut next = self.folder_line()?;
            // A folder that is complete goes into the one above it.
            while next.2 == 0 {
                let (name, folder, _) = next;
                let Some(mut above) = open.pop() else { return Ok((name, folder)) };
                above.1.folders.insert(name, folder);
                above.2 -= 1;
                next = above;
            }
            open.push(next);
        }
    }

    fn folder_line(&mut self) -> Result<(Vec<u8>, Folder, usize), &'static str> {
        let name = self.until(0)?.to_vec();
        let count = self.decimal(b' ')?;
        let folders = self.decimal(b'\n')?.ok_or(CUT_OFF)?;
        let tree = match count {
            Some(count) => Some((self.oid()?, count)),
            // It has changed since.
            None => None,
        };
        Ok((name, Folder { tree, folders: HashMap::new() }, folders))
    }

    /// Reads a number up to a byte; none where it is less than nothing.
    fn decimal(&mut self, end: u8) -> Result<Option<usize>, &'static str> {
        let text = std::str::from_utf8(self.until(end)?).map_err(|_| CUT_OFF)?;
        let number: i64 = text.parse().map_err(|_| CUT_OFF)?;
        Ok(usize::try_from(number).ok())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_cut_off_anywhere_is_an_error_and_no_panic() {
        let folder = tempfile::TempDir::new().unwrap();
        let repository = git2::Repository::init(folder.path()).unwrap();
        let mut index = repository.index().unwrap();
        for path in ["a", "b/c", "b/d/e"] {
            fs::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
            fs::write(folder.path().join(path), path).unwrap();
            index.add_path(Path::new(path)).unwrap();
        }
        index.write_tree().unwrap();
        index.write().unwrap();
        let bytes = fs::read(folder.path().join(".git/index")).unwrap();
        let whole = Index::parse(&bytes, 20).unwrap();
        let paths: Vec<_> = whole.entries.iter().map(|entry| whole.path(entry)).collect();
        assert_eq!(paths, [&b"a"[..], b"b/c", b"b/d/e"]);
        let below = &whole.root.as_ref().unwrap().folders[&b"b"[..]];
        assert_eq!(below.tree.unwrap().1, 2);
        for end in 0..bytes.len() {
            let read = Index::parse(&bytes[..end], 20);
            assert!(read.is_err() || read.unwrap().entries.len() == 3, "cut at {end}");
        }
    }
}
