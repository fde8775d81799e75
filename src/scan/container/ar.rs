//! Unix archives: Debian packages, static libraries.

use super::format::AR;
use super::{At, Opener, REPAIR, Unread};

const HEADER: usize = 60;

/// Hands over every member.
pub(super) fn open(opener: &mut Opener<'_>, bytes: &[u8], at: &At<'_>) -> Result<(), Unread> {
    let mut rest = &bytes[AR.len()..];
    while !rest.is_empty() {
        let cut_off = || Unread::new("it is damaged or cut off", REPAIR);
        let (header, after) = rest.split_at_checked(HEADER).ok_or_else(cut_off)?;
        let text = |range: std::ops::Range<usize>| String::from_utf8_lossy(&header[range]);
        let size: usize = text(48..58).trim().parse().map_err(|_| cut_off())?;
        if !header.ends_with(b"`\n") || size > after.len() {
            return Err(cut_off());
        }
        opener.count_entry()?;
        let (content, after) = after.split_at(size);
        let field = text(0..16);
        let name = match field.trim_end() {
            name if name.len() > 1 => name.trim_end_matches('/'),
            name => name,
        };
        opener.entry(name, content, at);
        // Members begin at even offsets.
        rest = after.get(size % 2..).unwrap_or_default();
    }
    Ok(())
}
