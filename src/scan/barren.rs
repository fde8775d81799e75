//! Texts in which there is nothing, so that none of them is searched twice.
//!
//! Versions change the same lines back and forth, and many files have the same lines: of git's own history,
//! nine in ten stretches of what is new in a version were new in another one, too.

use std::cell::RefCell;
use std::hash::BuildHasher;

use foldhash::quality::RandomState;

use crate::source::prefetch;

/// How many texts a thread remembers: their hashes, of eight bytes, stay in the processor's cache.
const REMEMBERED: usize = 1 << 16;

thread_local! {
    /// The hash of a text that was found barren, by the last bits of it; 0 where there is none.
    static HASHES: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Texts that one scanner found barren: no anchor stands in them, and nothing disguised.
///
/// They are told apart by a hash of 64 bits whose key is drawn at random for each scanner. So nobody can write a
/// text that is taken for another one, and of a thousand million that are asked for, less than one in ten thousand
/// million scans takes one for another by chance.
#[derive(Debug, Default)]
pub(super) struct Barren {
    key: RandomState,
}

/// What a text is remembered by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name(u64);

impl Barren {
    /// Returns what a text is remembered by.
    #[inline]
    pub(super) fn name(&self, text: &[u8]) -> Name {
        Name(self.key.hash_one(text).max(1))
    }
}

impl Name {
    /// Returns whether the text was found barren on this thread, as far as that is remembered.
    #[inline]
    pub(super) fn is_known(self) -> bool {
        HASHES.with_borrow(|hashes| hashes.get(self.place()) == Some(&self.0))
    }

    /// Says that it will soon be asked whether the text is known.
    #[inline]
    pub(super) fn expect(self) {
        HASHES.with_borrow(|hashes| hashes.get(self.place()).into_iter().for_each(prefetch));
    }

    /// Remembers that the text is barren, in the place of another one.
    pub(super) fn remember(self) {
        HASHES.with_borrow_mut(|hashes| {
            hashes.resize(REMEMBERED, 0);
            hashes[self.place()] = self.0;
        });
    }

    fn place(self) -> usize {
        self.0 as usize % REMEMBERED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_scanner_found_barren_no_other_knows() {
        let (one, other) = (Barren::default(), Barren::default());
        assert!(!one.name(b"some text").is_known());
        one.name(b"some text").remember();
        assert!(one.name(b"some text").is_known());
        assert!(!one.name(b"some texts").is_known() && !other.name(b"some text").is_known());
    }
}
