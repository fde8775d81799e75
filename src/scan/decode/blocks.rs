//! Questions asked of many offsets at once: the loops over a block have no branches, so that the compiler
//! makes vector instructions of them.

use crate::scan::prefilter::{Loops, vectorized};

/// How many offsets are asked at once.
const BLOCK: usize = 256;
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
            each_of_block(&bytes[at..at + BLOCK + SEEN], at, &test, visit);
            at += BLOCK;
        }
        let mut last = [0; 2 * (BLOCK + MAX_SEEN)];
        const { assert!(SEEN <= MAX_SEEN) };
        last[..bytes.len() - at].copy_from_slice(&bytes[at..]);
        let is_within = &mut |found| {
            if found < bytes.len() {
                visit(found);
            }
        };
        each_of_block(&last[..BLOCK + SEEN], at, &test, is_within);
        each_of_block(&last[BLOCK..][..BLOCK + SEEN], at + BLOCK, &test, is_within);
    }
}

#[inline(always)]
fn each_of_block<const SEEN: usize>(
    block: &[u8],
    start: usize,
    test: &impl Fn(&[u8; SEEN]) -> bool,
    visit: &mut dyn FnMut(usize),
) {
    let mut hits = [0; BLOCK];
    for (hit, seen) in hits.iter_mut().zip(block.array_windows()) {
        *hit = u8::from(test(seen));
    }
    if hits.iter().fold(0, |any, hit| any | hit) != 0 {
        let hits = hits.iter().enumerate().filter(|(_, hit)| **hit != 0);
        hits.for_each(|(offset, _)| visit(start + offset));
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
