//! The tables that text is tested against: one bit for each bucket and half of a byte, for the vector
//! test; then an index of the windows themselves.

use super::windows::{BUCKETS, Bucket, Choice, WIDTH};

/// How many buckets share a byte of the vector test.
const BUCKETS_A_BYTE: usize = 8;
/// How many bytes the buckets need.
pub(super) const PASSES: usize = BUCKETS / BUCKETS_A_BYTE;

/// For each of the sixteen values of half a byte, the buckets that have it; twice, as a register of
/// thirty-two bytes wants it.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(super) struct Row(pub(super) [u8; 32]);

/// The rows for one place of the windows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// By the lower half of a byte.
    pub(super) low: [Row; PASSES],
    /// By its upper half.
    pub(super) high: [Row; PASSES],
}

/// Returns the rows for every place of the windows.
pub(super) fn places(buckets: &[Bucket; BUCKETS]) -> [Place; WIDTH] {
    let row = |pass: usize, has: &dyn Fn(&Bucket, usize) -> bool| {
        let buckets = &buckets[pass * BUCKETS_A_BYTE..][..BUCKETS_A_BYTE];
        let bits = |value: usize| {
            let bit = |(n, bucket)| u8::from(has(bucket, value % 16)) << n;
            buckets.iter().enumerate().map(bit).sum()
        };
        Row(std::array::from_fn(bits))
    };
    std::array::from_fn(|place| Place {
        low: std::array::from_fn(|pass| row(pass, &|b, value| b[place].low >> value & 1 == 1)),
        high: std::array::from_fn(|pass| row(pass, &|b, value| b[place].high >> value & 1 == 1)),
    })
}

/// Where a window belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    hash: u16,
    /// The number of its anchor.
    pub(super) anchor: u32,
    /// Where in the anchor it begins.
    pub(super) offset: usize,
}

/// How many bits of a window's hash choose its stretch of the list.
const SLOT_BITS: u32 = 12;

/// The windows of one length, by a hash of their bytes in any case.
#[derive(Debug)]
pub(super) struct Index {
    /// The bits of a window that count: those of its bytes.
    mask: u32,
    /// A bit for each hash there is a window of.
    bits: Box<[u64; 1024]>,
    /// Where the windows of a slot begin in the list.
    slots: Vec<u32>,
    windows: Vec<Window>,
}

impl Index {
    /// Returns the index of the windows that are `length` bytes long.
    pub(super) fn new(anchors: &[&[u8]], choices: &[Choice], length: usize) -> Self {
        let mask = u32::MAX >> (8 * (WIDTH - length));
        let mut windows = Vec::new();
        for (number, (anchor, choice)) in anchors.iter().zip(choices).enumerate() {
            if anchor.len().min(WIDTH) == length {
                let gram = gram(&anchor[choice.offset..]);
                let (anchor, offset) = (number as u32, choice.offset);
                windows.push(Window { hash: hash(gram & mask), anchor, offset });
            }
        }
        windows.sort_by_key(|window| (window.hash, window.anchor));
        let mut bits = Box::new([0_u64; 1024]);
        let mut slots = vec![0_u32; (1 << SLOT_BITS) + 1];
        for window in &windows {
            bits[usize::from(window.hash >> 6)] |= 1 << (window.hash & 63);
            slots[slot(window.hash) + 1] += 1;
        }
        for slot in 1..slots.len() {
            slots[slot] += slots[slot - 1];
        }
        Self { mask, bits, slots, windows }
    }

    /// Returns 1 where there may be a window with these bytes, and 0 where there is none.
    #[inline]
    pub(super) fn may_have(&self, gram: u32) -> usize {
        let hash = hash(gram & self.mask);
        // Not a `bool`: the caller counts with it, and a branch would be mispredicted.
        (self.bits[usize::from(hash >> 6)] >> (hash & 63)) as usize & 1
    }

    /// Returns the windows with these bytes, and perhaps others of their hash.
    pub(super) fn like(&self, gram: u32) -> impl Iterator<Item = &Window> {
        let hash = hash(gram & self.mask);
        let slot = slot(hash);
        let range = self.slots[slot] as usize..self.slots[slot + 1] as usize;
        self.windows[range].iter().filter(move |window| window.hash == hash)
    }
}

/// Returns the first bytes of a text as a number; those it lacks are zero.
#[inline]
pub(super) fn gram(text: &[u8]) -> u32 {
    match text.first_chunk() {
        Some(bytes) => u32::from_le_bytes(*bytes),
        None => {
            let mut bytes = [0; WIDTH];
            bytes[..text.len()].copy_from_slice(text);
            u32::from_le_bytes(bytes)
        }
    }
}

/// Returns the hash of a window, the same in any case of its letters.
#[inline]
fn hash(gram: u32) -> u16 {
    /// The bit that tells a small letter from a capital one. It is set in all, digits and signs too:
    /// what then has one hash is told apart when the anchor is compared.
    const CASE: u32 = 0x2020_2020;
    /// The golden ratio's fraction: it spreads neighbouring values over all hashes.
    const SPREAD: u32 = 0x9e37_79b1;
    ((gram | CASE).wrapping_mul(SPREAD) >> 16) as u16
}

fn slot(hash: u16) -> usize {
    usize::from(hash >> (u16::BITS - SLOT_BITS))
}
