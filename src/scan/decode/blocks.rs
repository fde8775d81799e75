//! Questions asked of many offsets at once: the loops over a block have no branches, so that the compiler
//! makes vector instructions of them.

use crate::scan::prefilter::{Loops, vectorized};

/// How many offsets are asked at once.
pub(super) const BLOCK: usize = 256;
/// How many at the end of a text: most texts are short.
pub(super) const LAST: usize = 64;
/// The most bytes a test may see.
const MAX_SEEN: usize = 8;

/// Hands over each offset at which a test passes, in order. The test sees so many bytes from the offset on,
/// zeros beyond the end. It must have no branches and be inlined.
pub(super) fn each<const SEEN: usize>(
    bytes: &[u8],
    test: impl Fn(&[u8; SEEN]) -> bool,
    mut visit: impl FnMut(usize),
) {
    vectorized(Blocks { bytes, test, visit: &mut visit });
}

struct Blocks<'a, const SEEN: usize, T: Fn(&[u8; SEEN]) -> bool> {
    bytes: &'a [u8],
    test: T,
    visit: &'a mut dyn FnMut(usize),
}

impl<const SEEN: usize, T: Fn(&[u8; SEEN]) -> bool> Loops for Blocks<'_, SEEN, T> {
    #[inline(always)]
    fn run(self) {
        let Self { bytes, test, visit } = self;
        let mut at = 0;
        while at + BLOCK + SEEN <= bytes.len() {
            each_of_block(&bytes[at..at + BLOCK + SEEN], at, BLOCK, &test, visit);
            at += BLOCK;
        }
        while at + LAST + SEEN <= bytes.len() {
            each_of_block(&bytes[at..at + LAST + SEEN], at, LAST, &test, visit);
            at += LAST;
        }
        let mut last = [0; 2 * (LAST + MAX_SEEN)];
        const { assert!(SEEN <= MAX_SEEN) };
        last[..bytes.len() - at].copy_from_slice(&bytes[at..]);
        let is_within = &mut |found| {
            if found < bytes.len() {
                visit(found);
            }
        };
        each_of_block(&last[..LAST + SEEN], at, LAST, &test, is_within);
        if bytes.len() - at > LAST {
            each_of_block(&last[LAST..][..LAST + SEEN], at + LAST, LAST, &test, is_within);
        }
    }
}

/// Tests so many offsets; the number is known when it is inlined.
#[inline(always)]
fn each_of_block<const SEEN: usize>(
    block: &[u8],
    start: usize,
    length: usize,
    test: &impl Fn(&[u8; SEEN]) -> bool,
    visit: &mut dyn FnMut(usize),
) {
    let mut hits = [0; BLOCK];
    let hits = &mut hits[..length];
    for (hit, seen) in hits.iter_mut().zip(block.array_windows()) {
        *hit = u8::from(test(seen));
    }
    if hits.iter().fold(0, |any, hit| any | hit) != 0 {
        each_set(hits, |offset| visit(start + offset));
    }
}

/// Hands over each offset at which there is a one, in order; zeros are passed over eight at a time.
#[inline(always)]
pub(super) fn each_set(hits: &[u8], mut visit: impl FnMut(usize)) {
    const EIGHT: usize = 8;
    for (index, eight) in hits.as_chunks::<EIGHT>().0.iter().enumerate() {
        let mut ones = u64::from_le_bytes(*eight);
        while ones != 0 {
            visit(index * EIGHT + ones.trailing_zeros() as usize / EIGHT);
            ones &= ones - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_offset_is_asked_once(bytes in proptest::collection::vec(0..4_u8, 0..1000)) {
            let mut found = Vec::new();
            super::each(&bytes, |[a, b]| (*a == 1) & (*b == 0), |at| found.push(at));
            let next = |at: usize| bytes.get(at + 1).copied().unwrap_or(0);
            let is_hit = |at: &usize| bytes[*at] == 1 && next(*at) == 0;
            prop_assert_eq!(found, (0..bytes.len()).filter(is_hit).collect::<Vec<_>>());
        }
    }
}
