//! How far a change in a text may reach: the anchors it may be part of, and the disguises.

use super::decode::is_edge_token;
use super::set::Set;

/// No escape, and no join, is followed further than this to either side.
const FURTHEST: usize = 256;

/// What anchors and disguises are made of.
#[derive(Debug)]
pub(super) struct Reach {
    /// The bytes, but for blanks.
    parts: Set,
    /// What may stand before blanks that are within a disguise.
    bridging: Box<[bool; 256]>,
    /// What stands before a blank in an anchor, and what behind one.
    before_blank: Box<[bool; 256]>,
    after_blank: Box<[bool; 256]>,
    /// Beside a change, so much of an anchor may stand at most.
    anchor: usize,
    /// So much is looked at.
    furthest: usize,
}

impl Reach {
    /// Makes ready for these anchors.
    pub(super) fn new<'a>(anchors: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut parts = Box::new(std::array::from_fn(|byte| may_be_part(byte as u8)));
        let [mut before_blank, mut after_blank] = [(); 2].map(|()| Box::new([false; 256]));
        let mut longest = 0;
        let note = |table: &mut [bool; 256], byte: u8| {
            table[usize::from(byte.to_ascii_lowercase())] = true;
            table[usize::from(byte.to_ascii_uppercase())] = true;
        };
        for anchor in anchors {
            longest = longest.max(anchor.len());
            anchor.iter().filter(|byte| !is_blank(**byte)).for_each(|byte| note(&mut parts, *byte));
            for [first, second] in anchor.array_windows() {
                if is_blank(*second) {
                    note(&mut before_blank, *first);
                }
                if is_blank(*first) {
                    note(&mut after_blank, *second);
                }
            }
        }
        let anchor = longest.saturating_sub(1);
        let (parts, bridging) = (Set::new(parts), Box::new(std::array::from_fn(may_bridge)));
        Self { parts, bridging, before_blank, after_blank, anchor, furthest: anchor.max(FURTHEST) }
    }

    /// Returns where that begins which may belong to an anchor or a disguise that a change at `from` touches:
    /// tokens, the signs of escapes, quotes and what joins them, zeros of UTF-16.
    pub(super) fn start(&self, bytes: &[u8], from: usize) -> usize {
        let floor = from.saturating_sub(self.furthest);
        let mut at = from;
        loop {
            at -= self.parts.at_end(&bytes[floor..at]);
            if at == floor {
                return at;
            }
            let before = bytes[floor..at].iter().rev();
            match before.take_while(|byte| is_blank(**byte)).count() {
                0 if is_wide(bytes, at - 1) => at -= 1,
                0 => return at,
                blanks if self.is_bridged(bytes, at - blanks, at) => at -= blanks,
                _ if from - at < self.anchor && self.is_in_anchor(bytes, at - 1) => at -= 1,
                _ if is_wide(bytes, at - 1) => at -= 1,
                _ => return at,
            }
        }
    }

    /// Returns where it ends.
    pub(super) fn end(&self, bytes: &[u8], from: usize) -> usize {
        let ceiling = bytes.len().min(from + self.furthest);
        let mut at = from;
        loop {
            at += self.parts.at_start(&bytes[at..ceiling]);
            if at == ceiling {
                return at;
            }
            match bytes[at..ceiling].iter().take_while(|byte| is_blank(**byte)).count() {
                0 if is_wide(bytes, at) => at += 1,
                0 => return at,
                blanks if self.is_bridged(bytes, at, at + blanks) => at += blanks,
                _ if at - from < self.anchor && self.is_in_anchor(bytes, at) => at += 1,
                _ if is_wide(bytes, at) => at += 1,
                _ => return at,
            }
        }
    }

    /// Tells whether blanks may stand within a disguise. Mostly what stands before them says that they don't.
    fn is_bridged(&self, bytes: &[u8], start: usize, end: usize) -> bool {
        let last = start.checked_sub(1).map(|last| usize::from(bytes[last]));
        last.is_some_and(|last| self.bridging[last]) && is_bridged(bytes, start, end)
    }

    /// Tells whether the blank at an offset may stand in an anchor.
    fn is_in_anchor(&self, bytes: &[u8], at: usize) -> bool {
        let is = |table: &[bool; 256], at: Option<usize>| {
            at.and_then(|at| bytes.get(at)).is_none_or(|byte| table[usize::from(*byte)])
        };
        is_blank(bytes[at])
            && is(&self.before_blank, at.checked_sub(1))
            && is(&self.after_blank, Some(at + 1))
    }
}

/// Tells whether a byte may be in a disguise, whatever stands round it.
fn may_be_part(byte: u8) -> bool {
    is_edge_token(byte)
        || matches!(byte, b'"' | b'\'' | b'`' | b'|' | b'<' | b'>' | b'{' | b'}')
        || matches!(byte, b'$' | b'!' | b',' | 0)
}

/// Tells whether a byte may be half of a unit of UTF-16.
fn is_wide(bytes: &[u8], at: usize) -> bool {
    let is_zero = |at: usize| bytes.get(at) == Some(&0);
    is_zero(at + 1) || at > 0 && is_zero(at - 1)
}

/// Tells whether blanks may stand within a disguise: between a quote and a sign that joins strings, between two
/// quotes, or at the end of a line that goes on.
fn is_bridged(bytes: &[u8], start: usize, end: usize) -> bool {
    let before = bytes[start.saturating_sub(FURTHEST)..start].trim_ascii_end();
    let after = || bytes[end..bytes.len().min(end + FURTHEST)].trim_ascii_start();
    let [rest @ .., last] = before else { return false };
    match last {
        b'"' | b'\'' => begins_literal(after()) || after().first().is_some_and(is_join),
        b'\\' => !rest.is_empty(),
        // A list of lines.
        b',' => begins_literal(after()) && rest.trim_ascii_end().ends_with(b"\""),
        sign if is_join(sign) => begins_literal(after()) || after().first() == Some(&b'_'),
        _ => false,
    }
}

/// Tells whether a byte may be the last one before blanks within a disguise, or is a blank itself.
fn may_bridge(byte: usize) -> bool {
    let byte = byte as u8;
    matches!(byte, b'"' | b'\'' | b'\\') || is_join(&byte) || byte.is_ascii_whitespace()
}

/// Tells whether a text begins with a quote, or one behind a prefix such as `b`.
fn begins_literal(text: &[u8]) -> bool {
    text.iter().take(3).any(|byte| matches!(byte, b'"' | b'\''))
}

/// The signs that join strings, in one language or another.
#[inline]
fn is_join(byte: &u8) -> bool {
    matches!(byte, b'+' | b'.' | b'&' | b'|' | b'<' | b'>' | b'_' | b',' | b'\\')
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}
