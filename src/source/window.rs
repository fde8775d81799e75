//! What is too large to hold at once is handed out in windows, one after the other.
//!
//! Each window has a part of its own, and beside it what its neighbours have: so whatever begins in its
//! own part is whole. Windows begin at multiples of a *cell*: a search that starts anew in each cell
//! finds the same in a window as in the whole.

use std::io::{self, Read};
use std::ops::Range;

use super::DEFAULT_MAX_BYTES;

/// Windows begin, and their own parts begin and end, at multiples of this.
pub const CELL_BYTES: usize = 256 * 1024;

/// Where a window stands in the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// How many bytes stand before it.
    pub offset: usize,
    /// Which of its bytes no other window has as its own.
    pub own: Range<usize>,
    /// A place at its beginning whose line and column are known.
    pub start: Position,
}

/// A place in a text, as people count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Its offset in the bytes at hand.
    pub offset: usize,
    /// Its line, from 1.
    pub line: usize,
    /// Its column in characters, from 1. A byte that isn't UTF-8 counts as one.
    pub column: usize,
}

/// How what is large is handed out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Windows {
    /// The own part of each window but the last, in bytes.
    own: usize,
    /// What it has beside it, either way, in bytes.
    margin: usize,
    /// Tells by its first bytes what makes sense only whole.
    is_indivisible: fn(&[u8]) -> bool,
    /// Up to how many bytes such a thing is handed out whole.
    whole: usize,
}

impl Windows {
    pub(super) const USUAL: Self = Self {
        own: 64 * CELL_BYTES,
        // Matches, their parts and what decides between them reach less far than two cells.
        margin: 2 * CELL_BYTES,
        is_indivisible: |_| false,
        whole: DEFAULT_MAX_BYTES as usize,
    };

    /// Sets how many bytes a window has of its own, rounded up to whole cells.
    pub(super) fn own(self, own: usize) -> Self {
        Self { own: own.next_multiple_of(CELL_BYTES), ..self }
    }

    /// Sets what is handed out whole.
    pub(super) fn indivisible(self, is_indivisible: fn(&[u8]) -> bool) -> Self {
        Self { is_indivisible, ..self }
    }
}

impl Position {
    /// The beginning of a text.
    pub const START: Self = Self { offset: 0, line: 1, column: 1 };

    /// Returns the position of a further offset in the same bytes.
    #[must_use]
    pub fn advanced(self, bytes: &[u8], offset: usize) -> Self {
        let between = &bytes[self.offset..offset];
        match memchr::memrchr(b'\n', between) {
            Some(last) => Self {
                offset,
                line: self.line + memchr::memchr_iter(b'\n', between).count(),
                column: 1 + characters(&between[last + 1..]),
            },
            None => Self { offset, column: self.column + characters(between), ..self },
        }
    }

    /// Returns whether no character stands across an offset: there the counting can go on.
    pub fn is_between_characters(bytes: &[u8], offset: usize) -> bool {
        /// A character has no more bytes behind its first one.
        const MOST_FOLLOWING: usize = 3;
        let is_following = |byte: &&u8| (0x80..0xc0).contains(*byte);
        let before = bytes[..offset].iter().rev().take_while(is_following).count();
        before >= MOST_FOLLOWING || !bytes.get(offset).is_some_and(|byte| is_following(&byte))
    }
}

fn characters(bytes: &[u8]) -> usize {
    let in_chunk = |chunk: std::str::Utf8Chunk<'_>| {
        chunk.valid().chars().count() + usize::from(!chunk.invalid().is_empty())
    };
    bytes.utf8_chunks().map(in_chunk).sum()
}

/// Where what was read is held: kept from one file to the next, since making room takes time.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    /// More than was read: these are zeros, or what stood there before.
    bytes: Vec<u8>,
    length: usize,
    is_ended: bool,
}

/// Reads to the end and hands all of it to `visit`: at once where it fits or can't be divided, with no
/// window, else in windows. Returns how many bytes that were. So many are `expected`.
pub(super) fn read(
    reader: &mut dyn Read,
    expected: u64,
    buffer: &mut Buffer,
    windows: Windows,
    visit: &mut dyn FnMut(&[u8], Option<&Window>),
) -> Result<usize, Broken> {
    let Windows { own, margin, .. } = windows;
    buffer.empty(expected.min((own + margin) as u64) as usize);
    let mut outcome = buffer.fill(reader, own + margin);
    if buffer.length == own + margin && (windows.is_indivisible)(buffer.held()) {
        outcome = outcome.and_then(|()| buffer.fill(reader, windows.whole + 1));
        if outcome.is_ok() && buffer.length <= windows.whole {
            visit(buffer.held(), None);
            return Ok(buffer.length);
        }
    }
    let (mut offset, mut own_start, mut start) = (0, 0, Position::START);
    loop {
        let wanted = own_start + own + margin;
        outcome = outcome.and_then(|()| buffer.fill(reader, wanted));
        let bytes = buffer.held();
        let is_last = bytes.len() < wanted || (bytes.len() == wanted && outcome.is_err());
        let own_end = if is_last { bytes.len() } else { own_start + own };
        let window = Window { offset, own: own_start..own_end, start };
        let at_hand = &bytes[..wanted.min(bytes.len())];
        visit(at_hand, (!is_last || offset + own_start > 0).then_some(&window));
        if is_last {
            let read = offset + bytes.len();
            return outcome.map(|()| read).map_err(|why| Broken { after: read, why });
        }
        let gone = own_end.saturating_sub(margin);
        let known = (gone..).find(|&at| Position::is_between_characters(bytes, at));
        let position = start.advanced(bytes, known.unwrap_or(gone));
        start = Position { offset: position.offset - gone, ..position };
        buffer.forget(gone);
        (offset, own_start) = (offset + gone, own_end - gone);
    }
}

impl Buffer {
    /// Room for less is not given back.
    const LARGE_BYTES: usize = 4 * 1024 * 1024;

    fn held(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Forgets everything, and makes room for so many bytes. One more, so that the end is met without asking
    /// for more room.
    fn empty(&mut self, expected: usize) {
        self.length = 0;
        self.is_ended = false;
        let room = (expected + 1).max(self.bytes.len().min(Self::LARGE_BYTES));
        self.bytes.resize(room, 0);
        self.bytes.shrink_to(Self::LARGE_BYTES.max(room));
    }

    /// Forgets the first bytes.
    fn forget(&mut self, gone: usize) {
        self.bytes.copy_within(gone..self.length, 0);
        self.length -= gone;
    }

    /// Reads until there are so many bytes, or no more come. It asks for all that there is room for:
    /// `read_to_end` begins with small steps.
    fn fill(&mut self, reader: &mut dyn Read, wanted: usize) -> io::Result<()> {
        /// The least room there is for what comes.
        const STEP_BYTES: usize = 64 * 1024;
        while self.length < wanted && !self.is_ended {
            if self.length == self.bytes.len() {
                self.bytes.resize((2 * self.length).max(STEP_BYTES), 0);
            }
            let end = self.bytes.len().min(wanted);
            match reader.read(&mut self.bytes[self.length..end]) {
                Ok(0) => self.is_ended = true,
                Ok(read) => self.length += read,
                Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
                Err(why) => return Err(why),
            }
        }
        Ok(())
    }
}

/// A stream broke off.
#[derive(Debug)]
pub(super) struct Broken {
    /// So many bytes came before; all of them were handed out.
    pub(super) after: usize,
    pub(super) why: io::Error,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_some_windows_own_once() {
        let text: Vec<u8> = (0..1000_u32).map(|n| (n % 251) as u8).collect();
        for (own, margin, length) in [(10, 4, 1000), (10, 30, 999), (64, 64, 128), (7, 0, 0)] {
            let windows_of = Windows { own, margin, ..Windows::USUAL };
            let (mut seen, mut windows) = (Vec::new(), 0);
            let visit = &mut |bytes: &[u8], window: Option<&Window>| {
                let offset = window.map_or(0, |window| window.offset);
                assert_eq!(bytes, &text[offset..offset + bytes.len()]);
                let own = window.map_or(0..bytes.len(), |window| window.own.clone());
                assert!(own.start >= margin.min(offset + own.start), "the margin before");
                let behind = length - offset - own.end;
                assert!(bytes.len() - own.end >= margin.min(behind), "the margin behind");
                seen.extend_from_slice(&bytes[own]);
                windows += 1;
            };
            let read =
                read(&mut &text[..length], 9, &mut Buffer::default(), windows_of, visit).unwrap();
            assert_eq!((read, seen.as_slice()), (length, &text[..length]));
            assert_eq!(windows == 1, length < own + margin);
        }
    }

    #[test]
    fn a_window_knows_its_line_and_column() {
        let text = "aß\n€uro, €uro, €uro\nend of it".as_bytes();
        for own in 1..20 {
            let visit = &mut |bytes: &[u8], window: Option<&Window>| {
                let Some(Window { offset, start, .. }) = window else { return };
                assert_eq!(
                    bytes[start.offset..],
                    text[offset + start.offset..][..bytes.len() - start.offset]
                );
                let whole = Position::START.advanced(text, offset + start.offset);
                assert_eq!((start.line, start.column), (whole.line, whole.column));
            };
            read(
                &mut &*text,
                0,
                &mut Buffer::default(),
                Windows { own, margin: 3, ..Windows::USUAL },
                visit,
            )
            .unwrap();
        }
    }

    #[test]
    fn what_cannot_be_divided_is_handed_out_whole_or_in_windows_beyond_the_limit() {
        let text: Vec<u8> = (0..200_u32).map(|n| (n % 251) as u8).collect();
        for (whole, is_whole) in [(199, false), (200, true), (500, true)] {
            let windows =
                Windows { own: 10, margin: 4, whole, is_indivisible: |text| text[0] == 0 };
            let mut seen = Vec::new();
            let visit = &mut |bytes: &[u8], window: Option<&Window>| {
                assert_eq!(window.is_none(), is_whole);
                let own = window.map_or(0..bytes.len(), |window| window.own.clone());
                seen.extend_from_slice(&bytes[own]);
            };
            assert_eq!(read(&mut &*text, 0, &mut Buffer::default(), windows, visit).unwrap(), 200);
            assert_eq!(seen, text);
        }
    }
}
