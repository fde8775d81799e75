//! The one place where a file is mapped into memory.
#![expect(
    unsafe_code,
    reason = "the operating system can't promise that nobody changes a mapped file"
)]

use std::io;
use std::ops::Deref;
use std::path::Path;

use memmap2::Mmap;

use crate::source::regular;

/// A file as bytes, read by the operating system when they are looked at.
#[derive(Debug)]
pub(super) struct Mapped(Mmap);

impl Mapped {
    /// Maps a file.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = regular::open(path)?;
        // SAFETY: git writes packs and indexes under another name, renames them into place and never
        // changes them after that; one that is replaced while it is mapped keeps its old content. The
        // bytes are read as plain numbers, so a wrong one is at worst a broken object.
        unsafe { Mmap::map(&file) }.map(Self)
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
