//! Maps and sets of numbers that were given out here: their hashing needs no protection from whoever chose them.

use std::hash::{BuildHasherDefault, Hasher};

/// A map from such numbers.
pub(super) type NumberMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<Mix>>;
/// A set of such numbers.
pub(super) type NumberSet<K> = std::collections::HashSet<K, BuildHasherDefault<Mix>>;

/// Mixes numbers by multiplication.
#[derive(Debug, Default)]
pub(super) struct Mix(u64);

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u32(&mut self, number: u32) {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        self.0 = (self.0.rotate_left(26) ^ u64::from(number)).wrapping_mul(ODD);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

/// A set of numbers, a bit each.
#[derive(Debug, Default)]
pub(super) struct NumberBits(Vec<u64>);

impl NumberBits {
    /// Adds a number, and returns whether it is new.
    pub(super) fn insert(&mut self, number: u32) -> bool {
        let (word, bit) = (number as usize / 64, 1 << (number % 64));
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let is_new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        is_new
    }

    /// Returns whether there is no number in it.
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(super) fn contains(&self, number: u32) -> bool {
        self.0.get(number as usize / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }
}

impl FromIterator<u32> for NumberBits {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut bits = Self::default();
        numbers.into_iter().for_each(|number| _ = bits.insert(number));
        bits
    }
}
