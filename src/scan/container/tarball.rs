//! Tar, of any age: plain, ustar, GNU, pax.

use std::io::Cursor;

use super::{At, Opener, REPAIR, Unread};

/// Hands over every file of an archive.
pub(super) fn open(opener: &mut Opener<'_>, bytes: &[u8], at: &At<'_>) -> Result<(), Unread> {
    let damaged =
        |error: std::io::Error| Unread::new(format!("it is damaged or cut off: {error}"), REPAIR);
    let mut archive = tar::Archive::new(Cursor::new(bytes));
    for entry in archive.entries_with_seek().map_err(damaged)? {
        let entry = entry.map_err(damaged)?;
        opener.count_entry()?;
        let kind = entry.header().entry_type();
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if kind.is_gnu_sparse() {
            opener.note(Some(at.entry(&name)), Unread::new("it is a sparse file", super::UNPACK));
        }
        let start = usize::try_from(entry.raw_file_position()).unwrap_or(usize::MAX);
        let size = usize::try_from(entry.size()).unwrap_or(usize::MAX);
        let content = bytes.get(start..).unwrap_or_default();
        let is_cut_off = size > content.len();
        let content = &content[..size.min(content.len())];
        // What is no file has no content.
        if !content.is_empty() {
            opener.entry(&name, content, at);
        }
        if is_cut_off {
            return Err(Unread::new("it is cut off", REPAIR));
        }
    }
    Ok(())
}
