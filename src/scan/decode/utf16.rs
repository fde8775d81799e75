//! Text in UTF-16: whole files with and without a byte order mark, and strings within binaries.

use std::ops::Range;

use super::layer::Layer;
use super::{Fit, MIN_TOKEN, Substitution, blocks};

/// How much of a file is looked at to tell whether it is UTF-16 without a mark.
const SAMPLE: usize = 4096;

/// Returns the text of a blob that is UTF-16 whole, in UTF-8.
pub(in crate::scan) fn whole(bytes: &[u8]) -> Option<Layer> {
    let (is_big, mark) = match bytes {
        // The mark of UTF-32 begins like the one of UTF-16.
        [0xff, 0xfe, 0, 0, ..] => return None,
        [0xff, 0xfe, ..] => (false, 2),
        [0xfe, 0xff, ..] => (true, 2),
        [0, second, ..] if *second != 0 => (true, 0),
        [first, 0, ..] if *first != 0 => (false, 0),
        _ => return None,
    };
    let is_utf16 = mark > 0 || is_mostly_narrow(bytes, is_big);
    is_utf16.then(|| Layer::new(bytes, mark..bytes.len(), transcoded(bytes, mark, is_big)))
}

/// Tells whether nine in ten of the first units are visible ASCII.
fn is_mostly_narrow(bytes: &[u8], is_big: bool) -> bool {
    let sample = &bytes[..bytes.len().min(SAMPLE)];
    let units = sample.chunks_exact(2);
    let (all, narrow) =
        (units.len(), units.filter(|unit| narrow_unit(unit, is_big).is_some()).count());
    all >= 4 && narrow * 10 >= all * 9
}

/// Returns the character of a unit that is visible ASCII or white space.
fn narrow_unit(unit: &[u8], is_big: bool) -> Option<u8> {
    let (low, high) = if is_big { (unit[1], unit[0]) } else { (unit[0], unit[1]) };
    (high == 0 && matches!(low, b' '..=b'~' | b'\t' | b'\n' | b'\r')).then_some(low)
}

fn transcoded(bytes: &[u8], from: usize, is_big: bool) -> Vec<Substitution> {
    let mut found: Vec<Substitution> = Vec::new();
    let unit = |pair: &[u8]| match is_big {
        true => u16::from_be_bytes([pair[0], pair[1]]),
        false => u16::from_le_bytes([pair[0], pair[1]]),
    };
    let mut at = from;
    for decoded in char::decode_utf16(bytes[from..].chunks_exact(2).map(unit)) {
        // A lone surrogate is one unit, as its replacement would be.
        let character = decoded.unwrap_or(char::REPLACEMENT_CHARACTER);
        let range = at..at + 2 * character.len_utf16();
        at = range.end;
        let fit = if character.is_ascii() { Fit::Pairs } else { Fit::Whole };
        match found.last_mut() {
            Some(last) if last.fit == Fit::Pairs && fit == Fit::Pairs => {
                last.range.end = range.end;
                last.replacement.push(character as u8);
            }
            _ => {
                let mut text = [0; 4];
                let replacement = character.encode_utf8(&mut text).as_bytes().to_vec();
                found.push(Substitution { range, replacement, fit });
            }
        }
    }
    found
}

/// Returns the runs of UTF-16 in the ASCII range that are long enough for a credential.
pub(super) fn find(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    // Text and most of what is no text have no zeros at all.
    let Some(first) = memchr::memchr(0, bytes) else { return found };
    let mut from = 0;
    // Three zeros with two characters between them. In binaries zeros are everywhere.
    let is_alternation = |[a, b, c, d, e]: &[u8; 5]| (a | c | e == 0) & (*b != 0) & (*d != 0);
    blocks::each(&bytes[first..], is_alternation, |zero| {
        let zero = first + zero;
        if zero < from {
            return;
        }
        // The zero is the high half of the unit it ends, or of the one it begins.
        let little = run(bytes, zero.saturating_sub(1).max(from), false);
        let big = run(bytes, zero, true);
        let longer = if little.len() >= big.len() { little } else { big };
        from = longer.end.max(zero + 1);
        if longer.len() >= 2 * MIN_TOKEN {
            found.push(longer);
        }
    });
    found
}

fn run(bytes: &[u8], start: usize, is_big: bool) -> Range<usize> {
    let units = bytes[start..].chunks_exact(2);
    let length = units.take_while(|unit| narrow_unit(unit, is_big).is_some()).count();
    start..start + 2 * length
}

/// Returns the text of a run that `find` found.
pub(super) fn narrow(bytes: &[u8], place: &Range<usize>) -> Substitution {
    let replacement = bytes[place.clone()].chunks_exact(2).map(|unit| unit[0] | unit[1]).collect();
    Substitution { range: place.clone(), replacement, fit: Fit::Pairs }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str, is_big: bool, mark: bool) -> Vec<u8> {
        let mark = mark.then_some(0xfeff);
        let units = mark.into_iter().chain(text.encode_utf16());
        units.flat_map(|u| if is_big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
    }

    #[test]
    fn whole_files_are_read_in_either_order_with_and_without_a_mark() {
        let text = "name = \"schlüssel 😀\"\nkey = abc and so on\n";
        for (is_big, mark) in [(false, true), (true, true), (false, false), (true, false)] {
            let bytes = encoded(text, is_big, mark);
            let layer = whole(&bytes).unwrap();
            assert_eq!(String::from_utf8_lossy(&layer.text), text);
            let at = text.find("abc").unwrap();
            let units = text[..at].encode_utf16().count() + usize::from(mark);
            assert_eq!(layer.origin(&(at..at + 3)), 2 * units..2 * units + 6);
        }
        for other in [&b"plain text"[..], b"", b"\0", b"\x7fELF\0\0\0\0", b"\0\0\0\x01"] {
            assert!(whole(other).is_none());
        }
    }

    #[test]
    fn strings_within_binaries_are_found() {
        let text = "sixteen characters or more";
        for is_big in [false, true] {
            let encoded = encoded(text, is_big, false);
            let bytes = [&[1, 2, 0, 0, 0, 0xff][..], &encoded, &[0, 0, 0, 9]].concat();
            let found = find(&bytes);
            assert_eq!(found.len(), 1, "{found:?}");
            let decoded = narrow(&bytes, &found[0]).replacement;
            assert_eq!(String::from_utf8_lossy(&decoded).trim_matches('\0'), text);
        }
        assert!(find(&[0; 1000]).is_empty());
    }
}
