//! Runs of base64 and of hexadecimal digits that decode to text.

use std::ops::Range;

use super::blocks::{BLOCK, LAST, each_set};
use super::{BREAK, Substitution};
use crate::scan::prefilter::{Loops, vectorized};

/// The shortest run that is looked at, in characters.
const MIN_RUN: usize = 20;
/// Decoding must give so many bytes of text in a row somewhere. Random bytes do so once in a hundred
/// thousand places.
const MIN_TEXT: usize = 12;

/// Returns base64's value of a character in either alphabet, 255 for what belongs to neither. By comparisons
/// alone: a table can't be asked for many bytes at once.
#[inline(always)]
fn value_of(byte: u8) -> u8 {
    let (upper, lower, digit) =
        (byte.wrapping_sub(b'A'), byte.wrapping_sub(b'a'), byte.wrapping_sub(b'0'));
    let mut value = u8::MAX;
    value = if upper < 26 { upper } else { value };
    value = if lower < 26 { lower + 26 } else { value };
    value = if digit < 10 { digit + 52 } else { value };
    value = if byte == b'+' || byte == b'-' { 62 } else { value };
    if byte == b'/' || byte == b'_' { 63 } else { value }
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'/' | b'_')
}

/// Returns the runs of base64 that hold text.
pub(super) fn find_base64(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    // The last run that was looked at: one that holds no text is looked at from each of its offsets.
    let mut run = 0..0;
    let mut visit = |start: usize| {
        let floor = found.last().map_or(0, |last| last.end);
        if start < floor || !bytes[start..start + SEEN].as_chunks().0.iter().all(is_text_group) {
            return;
        }
        if !run.contains(&start) {
            run = run_round(bytes, start, floor);
        }
        if run.len() >= MIN_RUN && has_text(&decode_base64(&bytes[start..start + SEEN])) {
            found.push(text_start(bytes, &run, start)..wrapped_end(bytes, run.end));
        }
    };
    vectorized(Texts { bytes, visit: &mut visit });
    found
}

/// How many characters are looked at to see text: four groups of four.
const SEEN: usize = 16;

/// Hands over each offset where `SEEN` characters decode to bytes below 128, in order.
///
/// A group does so where bit 5 of its first, bit 3 of its second and bit 1 of its third value are clear. That
/// is asked of many offsets at once: the loops over a block have no branches, so that the compiler makes vector
/// instructions of them.
struct Texts<'a> {
    bytes: &'a [u8],
    visit: &'a mut dyn FnMut(usize),
}

impl Loops for Texts<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { bytes, visit } = self;
        let mut at = 0;
        while at + BLOCK + SEEN <= bytes.len() {
            each_text(bytes, at, BLOCK, visit);
            at += BLOCK;
        }
        while at + SEEN <= bytes.len() {
            each_text(bytes, at, LAST, visit);
            at += LAST;
        }
    }
}

/// Asks so many offsets; the number is known when it is inlined.
#[inline(always)]
fn each_text(bytes: &[u8], at: usize, length: usize, visit: &mut dyn FnMut(usize)) {
    let block = &bytes[at..bytes.len().min(at + length + SEEN)];
    let mut values = [u8::MAX; BLOCK + SEEN];
    let values = &mut values[..length + SEEN];
    for (value, byte) in values.iter_mut().zip(block) {
        *value = value_of(*byte);
    }
    let mut groups = [0; BLOCK + SEEN - 4];
    let groups = &mut groups[..length + SEEN - 4];
    for (group, four) in groups.iter_mut().zip(values.windows(4)) {
        *group = (four[0] >> 5 | four[1] >> 3 | four[2] >> 1 | four[3] >> 7) & 1;
    }
    let mut hits = [0; BLOCK];
    let hits = &mut hits[..length];
    for (hit, row) in hits.iter_mut().zip(groups.windows(13)) {
        *hit = 1 ^ (row[0] | row[4] | row[8] | row[12]);
    }
    if hits.iter().fold(0, |any, hit| any | hit) != 0 {
        each_set(hits, |offset| visit(at + offset));
    }
}

/// Returns the run that holds an offset and begins no earlier than `floor`.
fn run_round(bytes: &[u8], at: usize, floor: usize) -> Range<usize> {
    let before = bytes[floor..at].iter().rev().take_while(|byte| is_base64(**byte)).count();
    let after = bytes[at..].iter().take_while(|byte| is_base64(**byte)).count();
    at - before..at + after
}

/// Returns where the text that was seen in a run begins: as many groups before that as are text, too.
fn text_start(bytes: &[u8], run: &Range<usize>, seen: usize) -> usize {
    let before = bytes[run.start..seen].as_rchunks().1;
    seen - 4 * before.iter().rev().take_while(|group| is_text_group(group)).count()
}

fn is_text_group(group: &[u8; 4]) -> bool {
    let [a, b, c, d] = group.map(value_of);
    let bytes = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
    bytes.into_iter().all(is_text)
}

/// Bytes of text; zeros too, for UTF-16 within base64.
fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r' | 0)
}

/// Tells whether no more than half are zeros.
fn has_text(bytes: &[u8]) -> bool {
    bytes.iter().filter(|byte| **byte == 0).count() * 2 <= bytes.len()
}

/// Returns where the base64 begins that goes on at the beginning of a line.
#[inline]
pub(super) fn wrapped_start(bytes: &[u8], start: usize) -> usize {
    match bytes[..start].last() {
        Some(b' ' | b'\t' | b'\r' | b'\n') => wrapped_start_behind(bytes, start),
        _ => start,
    }
}

fn wrapped_start_behind(bytes: &[u8], mut start: usize) -> usize {
    loop {
        let indent = bytes[..start].iter().rev().take_while(|byte| is_indent(**byte)).count();
        let before = &bytes[..start - indent];
        let line = before.strip_suffix(b"\n").unwrap_or(before);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() == before.len() {
            return start;
        }
        let length = line.iter().rev().take_while(|byte| is_base64(**byte)).count();
        if length == 0 {
            return start;
        }
        start = line.len() - length;
    }
}

/// Returns where the base64 ends whose run ends here, its padding and further lines included.
#[inline]
fn wrapped_end(bytes: &[u8], end: usize) -> usize {
    match bytes.get(end) {
        Some(b'=' | b'\r' | b'\n') => wrapped_end_behind(bytes, end),
        _ => end,
    }
}

/// Returns where the base64 ends that may go on here: where its run ends, or before the run on its next line.
#[inline]
pub(super) fn wrapped_end_round(bytes: &[u8], end: usize) -> usize {
    match bytes[..end].last() {
        Some(b' ' | b'\t' | b'\n') => {
            let indent = bytes[..end].iter().rev().take_while(|byte| is_indent(**byte)).count();
            let line = &bytes[..end - indent];
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            end.max(wrapped_end(bytes, line.len()))
        }
        _ => wrapped_end(bytes, end),
    }
}

fn is_indent(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn wrapped_end_behind(bytes: &[u8], mut end: usize) -> usize {
    loop {
        let padded = end + bytes[end..].iter().take(2).take_while(|byte| **byte == b'=').count();
        if padded > end {
            return padded;
        }
        let Some(next) = next_line(bytes, end) else { return end };
        end = next.end;
    }
}

/// Returns the characters of the next line, if a line ends at `end` and the next one is base64 whole.
fn next_line(bytes: &[u8], end: usize) -> Option<Range<usize>> {
    let rest = &bytes[end..];
    let newline = match rest {
        [b'\n', ..] => 1,
        [b'\r', b'\n', ..] => 2,
        _ => return None,
    };
    let indent = rest[newline..].iter().take_while(|byte| is_indent(**byte)).count();
    let start = end + newline + indent;
    let length = bytes[start..].iter().take_while(|byte| is_base64(**byte)).count();
    let after = &bytes[start + length..];
    let padding = after.iter().take(2).take_while(|byte| **byte == b'=').count();
    let is_whole = matches!(
        after.get(padding),
        None | Some(&(b'\n' | b'\r' | b'"' | b'\'' | b'`' | b'<' | b'}' | b')' | b',' | BREAK))
    );
    (length > 0 && is_whole).then_some(start..start + length)
}

/// Decodes a place that `find_base64` found.
pub(super) fn base64(bytes: &[u8], place: &Range<usize>) -> Option<Substitution> {
    let is_character = |byte: &u8| is_base64(*byte);
    let characters: Vec<u8> = bytes[place.clone()].iter().copied().filter(is_character).collect();
    apart(bytes, place, decode_base64(&characters))
}

/// Returns the decoding with a space before it where more stands before it in the run: `0x`, a path. That
/// is no part of its first word.
fn apart(bytes: &[u8], place: &Range<usize>, mut text: Vec<u8>) -> Option<Substitution> {
    if place.start > 0 && is_base64(bytes[place.start - 1]) {
        text.insert(0, b' ');
    }
    (!text.is_empty()).then(|| Substitution::of(place, text))
}

fn decode_base64(characters: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(characters.len() / 4 * 3 + 3);
    let (mut bits, mut held) = (0_u32, 0);
    for character in characters {
        bits = bits << 6 | u32::from(value_of(*character));
        held += 6;
        if held >= 8 {
            held -= 8;
            text.push((bits >> held) as u8);
        }
    }
    text
}

/// Returns the stretches of hexadecimal digits that decode to text.
pub(super) fn find_hex(bytes: &[u8]) -> Vec<Range<usize>> {
    const LEAST: usize = 2 * MIN_TEXT;
    let mut found = Vec::new();
    let mut past = 0;
    let mut visit = |at: usize| {
        if at < past {
            return;
        }
        let before = bytes[past..at].iter().rev().take_while(|b| b.is_ascii_hexdigit());
        let start = at - before.count();
        let length = bytes[start..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
        past = start + length;
        let digits = &bytes[start..past];
        if let Some(offset) = (length >= LEAST).then(|| hex_start(digits)).flatten() {
            found.push(start + offset..start + offset + (length - offset) / 2 * 2);
        }
    };
    vectorized(Words { bytes, visit: &mut visit });
    found
}

/// Hands over the second of every two words of hexadecimal digits next to each other: a stretch of the least
/// length has such two.
struct Words<'a> {
    bytes: &'a [u8],
    visit: &'a mut dyn FnMut(usize),
}

impl Loops for Words<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { bytes, visit } = self;
        const WORD: usize = 8;
        let mut was_digits = false;
        for (index, block) in bytes.chunks(BLOCK).enumerate() {
            let mut others = [1; BLOCK];
            for (other, byte) in others.iter_mut().zip(block) {
                let is_digit = byte.wrapping_sub(b'0') < 10;
                *other = u8::from(!(is_digit | ((byte | 0x20).wrapping_sub(b'a') < 6)));
            }
            let words = others.as_chunks::<WORD>().0.iter().take(block.len().div_ceil(WORD));
            for (word, others) in words.enumerate() {
                let is_digits = u64::from_ne_bytes(*others) == 0;
                if is_digits && was_digits {
                    visit(index * BLOCK + word * WORD);
                }
                was_digits = is_digits;
            }
        }
    }
}

/// Returns whether the pairs of digits begin at the first or the second one, where either way there is
/// text in them.
fn hex_start(digits: &[u8]) -> Option<usize> {
    [0, 1].into_iter().find(|start| {
        let mut text = 0;
        digits[*start..].chunks_exact(2).any(|pair| {
            text = if is_text(hex_byte(pair)) && hex_byte(pair) != 0 { text + 1 } else { 0 };
            text >= MIN_TEXT
        })
    })
}

fn hex_byte(pair: &[u8]) -> u8 {
    pair.iter().fold(0, |byte, digit| byte << 4 | super::escapes::hex_value(*digit).unwrap_or(0))
}

/// Decodes a place that `find_hex` found.
pub(super) fn hex(bytes: &[u8], place: &Range<usize>) -> Option<Substitution> {
    apart(bytes, place, bytes[place.clone()].chunks_exact(2).map(hex_byte).collect())
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::*;

    const TEXT: &[u8] = b"password = correct? horse~ battery> staple";

    fn only(bytes: &[u8]) -> Vec<u8> {
        let found = find_base64(bytes);
        let [place] = &found[..] else { panic!("{found:?}") };
        base64(bytes, place).unwrap().replacement
    }

    #[test]
    fn both_alphabets_are_one() {
        for encoded in [STANDARD.encode(TEXT), URL_SAFE_NO_PAD.encode(TEXT)] {
            assert_eq!(only(format!("key: {encoded}\n").as_bytes()), TEXT, "{encoded}");
        }
    }

    #[test]
    fn wrapped_lines_are_one_run() {
        let encoded = STANDARD.encode(TEXT.repeat(4));
        let lines: Vec<_> = encoded.as_bytes().chunks(60).collect();
        let wrapped =
            [b"key: |\n    ", &lines.join(&b"\r\n    "[..])[..], b"\nother: word\n"].concat();
        assert_eq!(only(&wrapped), TEXT.repeat(4));
    }

    #[test]
    fn a_run_that_begins_elsewhere_is_aligned() {
        for prefix in ["a", "ab", "abc", "path/"] {
            let decoded = only(format!("{prefix}{}", STANDARD.encode(TEXT)).as_bytes());
            assert!(decoded.ends_with(TEXT), "{prefix}: {decoded:?}");
        }
    }

    #[test]
    fn names_and_digests_are_no_text() {
        let text = b"some_long_function_name_of_the_library SOME_LONG_CONSTANT_NAME_OF_IT \
            d2f1a5c0e7b94386d2f1a5c0e7b94386d2f1a5c0 SomeLongTypeNameOfTheLibraryBuilder";
        assert!(find_base64(text).is_empty() && find_hex(text).is_empty());
    }

    #[test]
    fn hexadecimal_digits_of_text_are_found_in_both_cases_and_behind_0x() {
        let lower: String = TEXT.iter().map(|byte| format!("{byte:02x}")).collect();
        for digits in [lower.clone(), lower.to_uppercase(), format!("0x{lower}")] {
            let found = find_hex(digits.as_bytes());
            let decoded = hex(digits.as_bytes(), &found[0]).unwrap().replacement;
            assert!(decoded.ends_with(TEXT), "{decoded:?}");
        }
    }

    #[test]
    fn text_is_found_wherever_it_stands() {
        let (base64, hex) = (STANDARD.encode(&TEXT[..15]), "70617373776f72643d313233".to_owned());
        for before in 0..2 * BLOCK {
            let text = format!("{}{base64} {hex} ab", " ".repeat(before));
            let start = before + base64.len() + 1;
            assert_eq!(find_base64(text.as_bytes()).first(), Some(&(before..start - 1)));
            assert_eq!(find_hex(text.as_bytes()).first(), Some(&(start..start + hex.len())));
        }
    }

    #[test]
    fn values_are_those_of_the_standard() {
        let values: Vec<u8> = (0..64).collect();
        let bits: Vec<u8> = values
            .chunks(4)
            .flat_map(|v| {
                let bits = v.iter().fold(0_u32, |bits, value| bits << 6 | u32::from(*value));
                bits.to_be_bytes()[1..].to_vec()
            })
            .collect();
        for alphabet in [STANDARD.encode(&bits), URL_SAFE_NO_PAD.encode(&bits)] {
            assert_eq!(alphabet.bytes().map(value_of).collect::<Vec<_>>(), values);
        }
        assert!((0..=u8::MAX).all(|byte| is_base64(byte) == (value_of(byte) < 64)));
    }
}
