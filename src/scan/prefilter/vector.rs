//! The vector test: which bytes of a text could begin a window of some bucket?
//!
//! Half a byte chooses one of sixteen entries of a register: for each of a window's places, two such
//! look-ups say which buckets have a byte like the one that stands there. A position at which some
//! bucket has all four passes. The same in registers of thirty-two bytes (AVX2) and of sixteen (SSSE3,
//! NEON); what the processor can do is asked at run time. Without any of them every position passes:
//! what follows is exact either way.

#![expect(
    unsafe_code,
    reason = "vector instructions: loads from arrays of known length, and calls \
                                 behind the question whether the processor has them"
)]

use std::ops::Range;

use super::tables::Place;
use super::windows::WIDTH;

/// How many positions are tested in one go.
pub(super) const STEP: usize = 64;
/// How many bytes that takes.
pub(super) const STEP_BYTES: usize = STEP + WIDTH - 1;

/// A way to carry out the vector test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kernel {
    /// Thirty-two bytes at a time.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Sixteen bytes at a time.
    #[cfg(target_arch = "x86_64")]
    Ssse3,
    /// Sixteen bytes at a time.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// No test: every position passes.
    Portable,
}

impl Kernel {
    /// Returns what this processor can do, the fastest first.
    pub(super) fn available() -> Vec<Self> {
        let mut kernels = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let has_counts = is_x86_feature_detected!("popcnt") && is_x86_feature_detected!("bmi1");
            if is_x86_feature_detected!("avx2") && has_counts {
                kernels.push(Self::Avx2);
            }
            if is_x86_feature_detected!("ssse3") {
                kernels.push(Self::Ssse3);
            }
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            kernels.push(Self::Neon);
        }
        kernels.push(Self::Portable);
        kernels
    }

    /// Tests every position that a whole step can be taken at, and returns how many those are. What
    /// passes is added to `found`.
    pub(super) fn test(self, places: &[Place; WIDTH], text: &[u8], found: &mut Positions) -> usize {
        match self {
            // SAFETY: `available` offers it only where the processor has these instructions.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { x86::test_avx2(places, text, found) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::Ssse3 => unsafe { x86::test_ssse3(places, text, found) },
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            Self::Neon => unsafe { arm::test_neon(places, text, found) },
            Self::Portable => each_step(text, |_| u64::MAX, found),
        }
    }
}

/// Loops without branches, of which the compiler makes vector instructions.
pub(in crate::scan) trait Loops {
    /// Runs them. Must be marked `#[inline(always)]`: only what is inlined is compiled for the processor at
    /// hand.
    fn run(self);
}

/// Runs loops with the widest vector instructions this processor has.
pub(in crate::scan) fn vectorized(loops: impl Loops) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has these instructions, as the line above says.
        return unsafe { x86::with_avx2(loops) };
    }
    loops.run();
}

/// Positions that passed, in order.
#[derive(Debug, Default)]
pub(super) struct Positions {
    at: Vec<u32>,
    len: usize,
}

/// So many positions of a step are noted without asking whether there are so many: most steps have
/// fewer, and a branch on their number would be mispredicted.
const UNASKED: usize = 4;

impl Positions {
    /// Forgets all positions, and makes room for those of a text.
    pub(super) fn start(&mut self, text_bytes: usize) {
        self.len = 0;
        if self.at.len() < text_bytes + STEP {
            self.at.resize(text_bytes + STEP, 0);
        }
    }

    /// Returns the positions.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.at[..self.len].iter().map(|&at| at as usize)
    }

    /// Adds all positions of a range.
    pub(super) fn extend(&mut self, range: Range<usize>) {
        for (slot, position) in self.at[self.len..].iter_mut().zip(range) {
            *slot = position as u32;
            self.len += 1;
        }
    }

    /// Keeps the positions for which `is_kept` gives 1, not 0.
    #[inline(always)]
    pub(super) fn retain(&mut self, is_kept: impl Fn(usize) -> usize) {
        let mut kept = 0;
        for index in 0..self.len {
            // Written whether it is kept or not: a branch would be mispredicted.
            let at = self.at[index];
            self.at[kept] = at;
            kept += is_kept(at as usize);
        }
        self.len = kept;
    }

    /// Adds a position for each bit that is set, counted from `base`.
    #[inline(always)]
    fn add(&mut self, base: usize, mut bits: u64) {
        let count = bits.count_ones() as usize;
        let Some(room) = self.at.get_mut(self.len..self.len + STEP) else {
            return;
        };
        self.len += count;
        for slot in &mut room[..UNASKED] {
            *slot = (base as u32).wrapping_add(bits.trailing_zeros());
            bits &= bits.wrapping_sub(1);
        }
        for slot in room.iter_mut().take(count).skip(UNASKED) {
            *slot = (base as u32).wrapping_add(bits.trailing_zeros());
            bits &= bits.wrapping_sub(1);
        }
    }
}

/// Takes steps through a text while there are whole ones, and returns how far that went.
#[inline(always)]
fn each_step(text: &[u8], test: impl Fn(&[u8; STEP_BYTES]) -> u64, found: &mut Positions) -> usize {
    let mut at = 0;
    while let Some(step) = text.get(at..).and_then(<[u8]>::first_chunk::<STEP_BYTES>) {
        found.add(at, test(step));
        at += STEP;
    }
    at
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Loops, Positions, STEP_BYTES, each_step};
    use crate::scan::prefilter::tables::{PASSES, Place};
    use crate::scan::prefilter::windows::WIDTH;

    #[target_feature(enable = "avx2")]
    pub(super) fn with_avx2(loops: impl Loops) {
        loops.run();
    }

    #[target_feature(enable = "avx2,bmi1,popcnt")]
    pub(super) fn test_avx2(places: &[Place; WIDTH], text: &[u8], found: &mut Positions) -> usize {
        each_step(text, |step| step_avx2(places, step), found)
    }

    #[inline]
    #[target_feature(enable = "avx2,bmi1,popcnt")]
    fn step_avx2(places: &[Place; WIDTH], step: &[u8; STEP_BYTES]) -> u64 {
        const LANES: usize = 32;
        let half = _mm256_set1_epi8(15);
        let load = |bytes: &[u8; LANES]| {
            // SAFETY: an unaligned load of as many bytes as the array has.
            unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
        };
        let mut passed = 0;
        for (part, base) in [0, LANES].into_iter().enumerate() {
            let mut buckets = [_mm256_set1_epi8(-1); PASSES];
            for (place, rows) in places.iter().enumerate() {
                let Some(bytes) = step[base + place..].first_chunk() else {
                    continue;
                };
                let bytes = load(bytes);
                let low = _mm256_and_si256(bytes, half);
                let high = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), half);
                for (pass, buckets) in buckets.iter_mut().enumerate() {
                    let low = _mm256_shuffle_epi8(load(&rows.low[pass].0), low);
                    let high = _mm256_shuffle_epi8(load(&rows.high[pass].0), high);
                    *buckets = _mm256_and_si256(*buckets, _mm256_and_si256(low, high));
                }
            }
            let any =
                buckets.into_iter().fold(_mm256_setzero_si256(), |a, b| _mm256_or_si256(a, b));
            let none = _mm256_cmpeq_epi8(any, _mm256_setzero_si256());
            let bits = !(_mm256_movemask_epi8(none) as u32);
            passed |= u64::from(bits) << (part * LANES);
        }
        passed
    }

    #[target_feature(enable = "ssse3")]
    pub(super) fn test_ssse3(places: &[Place; WIDTH], text: &[u8], found: &mut Positions) -> usize {
        each_step(text, |step| step_ssse3(places, step), found)
    }

    #[inline]
    #[target_feature(enable = "ssse3")]
    fn step_ssse3(places: &[Place; WIDTH], step: &[u8; STEP_BYTES]) -> u64 {
        const LANES: usize = 16;
        let half = _mm_set1_epi8(15);
        let load = |bytes: &[u8; LANES]| {
            // SAFETY: an unaligned load of as many bytes as the array has.
            unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
        };
        let mut passed = 0;
        for (part, base) in [0, LANES, 2 * LANES, 3 * LANES].into_iter().enumerate() {
            let mut buckets = [_mm_set1_epi8(-1); PASSES];
            for (place, rows) in places.iter().enumerate() {
                let Some(bytes) = step[base + place..].first_chunk() else {
                    continue;
                };
                let bytes = load(bytes);
                let low = _mm_and_si128(bytes, half);
                let high = _mm_and_si128(_mm_srli_epi16(bytes, 4), half);
                for (pass, buckets) in buckets.iter_mut().enumerate() {
                    let [low_row, high_row] = [&rows.low, &rows.high]
                        .map(|rows| rows[pass].0.first_chunk().map_or(half, load));
                    let low = _mm_shuffle_epi8(low_row, low);
                    let high = _mm_shuffle_epi8(high_row, high);
                    *buckets = _mm_and_si128(*buckets, _mm_and_si128(low, high));
                }
            }
            let any = buckets.into_iter().fold(_mm_setzero_si128(), |a, b| _mm_or_si128(a, b));
            let none = _mm_cmpeq_epi8(any, _mm_setzero_si128());
            let bits = !(_mm_movemask_epi8(none) as u16);
            passed |= u64::from(bits) << (part * LANES);
        }
        passed
    }
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use std::arch::aarch64::*;

    use super::{Positions, STEP_BYTES, each_step};
    use crate::scan::prefilter::tables::{PASSES, Place};
    use crate::scan::prefilter::windows::WIDTH;

    #[target_feature(enable = "neon")]
    pub(super) fn test_neon(places: &[Place; WIDTH], text: &[u8], found: &mut Positions) -> usize {
        each_step(text, |step| step_neon(places, step), found)
    }

    #[inline]
    #[target_feature(enable = "neon")]
    fn step_neon(places: &[Place; WIDTH], step: &[u8; STEP_BYTES]) -> u64 {
        const LANES: usize = 16;
        let load = |bytes: &[u8; LANES]| {
            // SAFETY: a load of as many bytes as the array has.
            unsafe { vld1q_u8(bytes.as_ptr()) }
        };
        let mut passed = 0;
        for (part, base) in [0, LANES, 2 * LANES, 3 * LANES].into_iter().enumerate() {
            let mut buckets = [vdupq_n_u8(u8::MAX); PASSES];
            for (place, rows) in places.iter().enumerate() {
                let Some(bytes) = step[base + place..].first_chunk() else {
                    continue;
                };
                let bytes = load(bytes);
                let low = vandq_u8(bytes, vdupq_n_u8(15));
                let high = vshrq_n_u8::<4>(bytes);
                for (pass, buckets) in buckets.iter_mut().enumerate() {
                    let [low_row, high_row] = [&rows.low, &rows.high]
                        .map(|rows| rows[pass].0.first_chunk().map_or(vdupq_n_u8(u8::MAX), load));
                    let low = vqtbl1q_u8(low_row, low);
                    let high = vqtbl1q_u8(high_row, high);
                    *buckets = vandq_u8(*buckets, vandq_u8(low, high));
                }
            }
            let any = buckets.into_iter().fold(vdupq_n_u8(0), |a, b| vorrq_u8(a, b));
            // Four bits for each byte that passed, then one of each four.
            let passing = vreinterpretq_u16_u8(vtstq_u8(any, any));
            let quads = vget_lane_u64::<0>(vreinterpret_u64_u8(vshrn_n_u16::<4>(passing)));
            let bit = |lane: usize| (quads >> (4 * lane) & 1) << lane;
            let bits = if quads == 0 { 0 } else { (0..LANES).map(bit).sum::<u64>() };
            passed |= bits << (part * LANES);
        }
        passed
    }
}
