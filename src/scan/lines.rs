//! Lines and columns, as people count them.

use std::ops::Range;

use crate::finding::Span;

/// Returns the span of some bytes with its lines and columns.
pub(super) fn span(bytes: &[u8], range: &Range<usize>) -> Span {
    let last = range.end.saturating_sub(1).max(range.start);
    let (line, column) = position(bytes, range.start);
    let (end_line, end_column) = position(bytes, last);
    Span { start: range.start, end: range.end, line, column, end_line, end_column: end_column + 1 }
}

/// Returns line and column of an offset, both from 1. A byte that isn't UTF-8 counts as one character.
fn position(bytes: &[u8], offset: usize) -> (usize, usize) {
    let before = &bytes[..offset];
    let line = 1 + bytecount(before);
    let start = line_start(bytes, offset);
    let column = 1 + String::from_utf8_lossy(&before[start..]).chars().count();
    (line, column)
}

fn bytecount(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte == b'\n').count()
}

/// Returns where the line of an offset begins.
pub(super) fn line_start(bytes: &[u8], offset: usize) -> usize {
    bytes[..offset].iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1)
}

/// Returns where the line of an offset ends, before its newline.
pub(super) fn line_end(bytes: &[u8], offset: usize) -> usize {
    let newline = bytes[offset..].iter().position(|&byte| byte == b'\n');
    newline.map_or(bytes.len(), |newline| offset + newline)
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
    let newlines = |range: Range<usize>| {
        let found = bytes[range.clone()].iter().enumerate();
        found.filter(|&(_, &byte)| byte == b'\n').map(move |(offset, _)| range.start + offset)
    };
    let before = newlines(floor..range.start).collect::<Vec<_>>();
    let start = before.iter().rev().nth(lines).map_or(floor, |newline| newline + 1);
    let end = newlines(range.end..ceiling).nth(lines).unwrap_or(ceiling);
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_lines_and_characters_from_one() {
        let text = "a\nßü key\n".as_bytes();
        let start = text.iter().position(|&b| b == b'k').unwrap();
        let span = span(text, &(start..start + 3));
        assert_eq!((span.line, span.column, span.end_line, span.end_column), (2, 4, 2, 7));
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
