//! Lines and columns, as people count them.

use std::ops::Range;

use crate::finding::Span;

/// Counts lines and columns through a text. Where the offsets asked for rise, the whole text is looked
/// at once, however many they are and however long its lines.
#[derive(Clone, Debug)]
pub(super) struct Lines<'a> {
    bytes: &'a [u8],
    /// How far it has counted, and what is there.
    at: usize,
    line: usize,
    column: usize,
}

impl<'a> Lines<'a> {
    /// Returns the lines of a text.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, line: 1, column: 1 }
    }

    /// Returns the span of some bytes with its lines and columns.
    pub(super) fn span(&mut self, range: &Range<usize>) -> Span {
        let last = range.end.saturating_sub(1).max(range.start);
        let (line, column) = self.position(range.start);
        let (end_line, end_column) = self.clone().position(last);
        let end_column = end_column + 1;
        Span { start: range.start, end: range.end, line, column, end_line, end_column }
    }

    /// Returns line and column of an offset, both from 1. A byte that isn't UTF-8 counts as one
    /// character.
    fn position(&mut self, offset: usize) -> (usize, usize) {
        if offset < self.at {
            *self = Self::new(self.bytes);
        }
        let between = &self.bytes[self.at..offset];
        let (line, column) = match memchr::memrchr(b'\n', between) {
            Some(last) => {
                let line = self.line + memchr::memchr_iter(b'\n', between).count();
                (line, 1 + characters(&between[last + 1..]))
            }
            None => (self.line, self.column + characters(between)),
        };
        // Within a character it can't be halved: it would be counted twice.
        let is_within_character = |byte: &u8| (0x80..0xc0).contains(byte);
        if !self.bytes.get(offset).is_some_and(is_within_character) {
            (self.at, self.line, self.column) = (offset, line, column);
        }
        (line, column)
    }
}

fn characters(bytes: &[u8]) -> usize {
    let in_chunk = |chunk: std::str::Utf8Chunk<'_>| {
        chunk.valid().chars().count() + usize::from(!chunk.invalid().is_empty())
    };
    bytes.utf8_chunks().map(in_chunk).sum()
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
        let span = Lines::new(text).span(&(start..start + 3));
        assert_eq!((span.line, span.column, span.end_line, span.end_column), (2, 4, 2, 7));
    }

    proptest! {
        #[test]
        fn counts_the_same_from_wherever_it_goes_on(
            text in vec(select(vec![b'\n', b'a', 0xc3, 0x9f, 0xe2, 0x82, 0xac, 0xff]), 0..60),
            offsets in vec(any::<Index>(), 1..8),
        ) {
            let mut lines = Lines::new(&text);
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
