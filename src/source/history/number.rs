//! Hashing of numbers that were given out here: they need no protection from whoever chose them.

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
