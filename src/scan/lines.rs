//! Lines and columns, as people count them.

use std::ops::Range;

use crate::finding::Span;
use crate::source::{Blob, Position};

/// Counts lines and columns through a blob. Where the offsets asked for rise, all of it is looked at
/// once, however many they are and however long its lines.
#[derive(Clone, Debug)]
pub(super) struct Lines<'a> {
    bytes: &'a [u8],
    /// How many bytes stand before these.
    before: usize,
    /// Where it begins to count.
    start: Position,
    /// How far it has counted.
    at: Position,
}

impl<'a> Lines<'a> {
    /// Returns the lines of a blob.
    pub(super) fn new(blob: &Blob<'a>) -> Self {
        let (before, start) = blob.window.map_or((0, Position::START), |w| (w.offset, w.start));
        Self { bytes: blob.bytes, before, start, at: start }
    }

    /// Returns the span of some of its bytes in the whole, with lines and columns.
    pub(super) fn span(&mut self, range: &Range<usize>) -> Span {
        let last = range.end.saturating_sub(1).max(range.start);
        let (line, column) = self.position(range.start);
        let (end_line, end_column) = self.clone().position(last);
        let (start, end) = (self.before + range.start, self.before + range.end);
        Span { start, end, line, column, end_line, end_column: end_column + 1 }
    }

    /// Returns line and column of an offset, both from 1.
    fn position(&mut self, offset: usize) -> (usize, usize) {
        if offset < self.at.offset {
            self.at = self.start;
        }
        // Before a window's own bytes, where nothing of its own stands.
        let offset = offset.max(self.start.offset);
        let position = self.at.advanced(self.bytes, offset);
        // Within a character the counting can't go on: it would be counted twice.
        if Position::is_between_characters(self.bytes, offset) {
            self.at = position;
        }
        (position.line, position.column)
    }
}

/// Returns the lines that a range touches, without their last newline, as far as they reach no more
/// than `reach` bytes out of it: a line may be as long as the file.
pub(super) fn line_round(bytes: &[u8], range: &Range<usize>, reach: usize) -> Range<usize> {
    let floor = range.start.saturating_sub(reach);
    let ceiling = range.end.saturating_add(reach).min(bytes.len());
    let start =
        memchr::memrchr(b'\n', &bytes[floor..range.start]).map_or(floor, |at| floor + at + 1);
    let end = memchr::memchr(b'\n', &bytes[range.end..ceiling]);
    start..end.map_or(ceiling, |at| range.end + at)
}

/// Returns the lines round a range, `lines` either way and at most `bytes_away` bytes from it.
pub(super) fn around(
    bytes: &[u8],
    range: &Range<usize>,
    lines: usize,
    bytes_away: usize,
) -> Range<usize> {
    let floor = range.start.saturating_sub(bytes_away);
    let ceiling = range.end.saturating_add(bytes_away).min(bytes.len());
    let mut before = memchr::memrchr_iter(b'\n', &bytes[floor..range.start]);
    let mut after = memchr::memchr_iter(b'\n', &bytes[range.end..ceiling]);
    let start = before.nth(lines).map_or(floor, |newline| floor + newline + 1);
    start..after.nth(lines).map_or(ceiling, |newline| range.end + newline)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::{Index, select};

    use super::*;

    #[test]
    fn counts_lines_and_characters_from_one() {
        let text = "a\nßü key\n".as_bytes();
        let start = text.iter().position(|&b| b == b'k').unwrap();
        let span = Lines::new(&Blob::new(text, &[])).span(&(start..start + 3));
        assert_eq!((span.line, span.column, span.end_line, span.end_column), (2, 4, 2, 7));
    }

    proptest! {
        #[test]
        fn counts_the_same_from_wherever_it_goes_on(
            text in vec(select(vec![b'\n', b'a', 0xc3, 0x9f, 0xe2, 0x82, 0xac, 0xff]), 0..60),
            offsets in vec(any::<Index>(), 1..8),
        ) {
            let mut lines = Lines::new(&Blob::new(&text, &[]));
            for offset in offsets {
                let offset = offset.index(text.len() + 1);
                let before = &text[..offset];
                let newlines = before.iter().filter(|&&byte| byte == b'\n').count();
                let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
                let column = 1 + String::from_utf8_lossy(&before[start..]).chars().count();
                prop_assert_eq!(lines.position(offset), (1 + newlines, column));
            }
        }
    }

    #[test]
    fn a_line_is_taken_so_far_and_no_further() {
        let text = b"one\ntwo KEY three\nfour";
        let line = |reach| &text[line_round(text, &(8..11), reach)];
        assert_eq!(line(100), b"two KEY three");
        assert_eq!(line(2), b"o KEY t");
    }

    #[test]
    fn takes_so_many_lines_either_way() {
        let text = b"1\n2\n3\n4\n5\n";
        let around = |lines| &text[around(text, &(4..5), lines, 100)];
        assert_eq!(around(0), b"3");
        assert_eq!(around(1), b"2\n3\n4");
        assert_eq!(around(9), b"1\n2\n3\n4\n5\n");
        assert_eq!(&text[super::around(text, &(4..5), 9, 1)], b"\n3\n");
    }
}
