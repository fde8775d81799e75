//! A set of bytes, and how far a text is made of them: asked of sixteen bytes at a time where the processor
//! can do that.
//!
//! Half a byte chooses one of sixteen entries of a register: the lower half says with which upper halves it is
//! in the set, a bit for each, and the upper half which bit is its own. Bytes above 127 have no bit, so a set
//! that holds one is asked byte by byte.

#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "vector instructions: loads from arrays of known length, and calls behind the question \
                  whether the processor has them"
    )
)]

/// A set of bytes.
#[derive(Debug)]
pub(super) struct Set {
    table: Box<[bool; 256]>,
    #[cfg(target_arch = "x86_64")]
    rows: Option<x86::Rows>,
}

impl Set {
    /// Returns the set of the bytes that the table says yes to.
    pub(super) fn new(table: Box<[bool; 256]>) -> Self {
        Self {
            #[cfg(target_arch = "x86_64")]
            rows: x86::Rows::of(&table),
            table,
        }
    }

    /// Returns how many bytes at the beginning of a text are in the set, one after the other.
    #[inline]
    pub(super) fn at_start(&self, text: &[u8]) -> usize {
        #[cfg(target_arch = "x86_64")]
        if let (Some(rows), Some(first)) = (&self.rows, text.first_chunk()) {
            // SAFETY: there are rows only where the processor has the instructions.
            let others = unsafe { rows.others(first) };
            if others != 0 {
                return others.trailing_zeros() as usize;
            }
        }
        text.iter().take_while(|byte| self.table[usize::from(**byte)]).count()
    }

    /// Returns how many at its end are.
    #[inline]
    pub(super) fn at_end(&self, text: &[u8]) -> usize {
        #[cfg(target_arch = "x86_64")]
        if let (Some(rows), Some(last)) = (&self.rows, text.last_chunk()) {
            // SAFETY: there are rows only where the processor has the instructions.
            let others = unsafe { rows.others(last) };
            if others != 0 {
                return others.leading_zeros() as usize;
            }
        }
        text.iter().rev().take_while(|byte| self.table[usize::from(**byte)]).count()
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    const LANES: usize = 16;

    /// A set as registers want it.
    #[derive(Debug)]
    pub(super) struct Rows {
        /// By the lower half of a byte.
        low: [u8; LANES],
        /// By its upper half.
        high: [u8; LANES],
    }

    impl Rows {
        /// Returns the rows of a set, where it can be asked so.
        pub(super) fn of(table: &[bool; 256]) -> Option<Self> {
            if !is_x86_feature_detected!("ssse3") || table[128..].contains(&true) {
                return None;
            }
            let bit = |low: usize, high: usize| u8::from(table[high * LANES + low]) << high;
            let low = std::array::from_fn(|low| (0..8).map(|high| bit(low, high)).sum());
            let high = std::array::from_fn(|high| if high < 8 { 1 << high } else { 0 });
            Some(Self { low, high })
        }

        /// Returns a bit for each byte that is not in the set.
        #[target_feature(enable = "ssse3")]
        pub(super) fn others(&self, text: &[u8; LANES]) -> u16 {
            let load = |bytes: &[u8; LANES]| {
                // SAFETY: an unaligned load of as many bytes as the array has.
                unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
            };
            let (bytes, half) = (load(text), _mm_set1_epi8(15));
            let low = _mm_shuffle_epi8(load(&self.low), _mm_and_si128(bytes, half));
            let high = _mm_and_si128(_mm_srli_epi16(bytes, 4), half);
            let both = _mm_and_si128(low, _mm_shuffle_epi8(load(&self.high), high));
            _mm_movemask_epi8(_mm_cmpeq_epi8(both, _mm_setzero_si128())) as u16
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(bytes: &[u8]) -> Set {
        let mut table = Box::new([false; 256]);
        bytes.iter().for_each(|byte| table[usize::from(*byte)] = true);
        Set::new(table)
    }

    proptest! {
        #[test]
        fn a_run_ends_at_the_first_byte_that_is_not_in_the_set(
            members in prop::collection::vec(any::<u8>(), 0..200),
            picks in prop::collection::vec(any::<u8>(), 0..40),
            other in any::<u8>(),
            at in 0..40_usize,
        ) {
            for members in [&members[..], &members.iter().map(|byte| byte & 127).collect::<Vec<_>>()] {
                let pick = |pick: &u8| members.get(usize::from(*pick)).copied().unwrap_or(*pick);
                let mut text: Vec<u8> = picks.iter().map(pick).collect();
                if let Some(byte) = text.get_mut(at) {
                    *byte = other;
                }
                let is_in = |byte: &&u8| members.contains(byte);
                let set = set(members);
                prop_assert_eq!(set.at_start(&text), text.iter().take_while(is_in).count());
                prop_assert_eq!(set.at_end(&text), text.iter().rev().take_while(is_in).count());
            }
        }
    }
}
