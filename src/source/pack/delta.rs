//! Differences: how one object is made of stretches of another and of new bytes.

use super::Broken;
use crate::source::Copied;

/// Reads how long the base is, how long the result, and where the instructions begin.
pub(super) fn sizes(delta: &[u8]) -> Option<(u64, u64, &[u8])> {
    let (base, rest) = size(delta)?;
    let (result, rest) = size(rest)?;
    Some((base, result, rest))
}

fn size(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut size = 0;
    for (number, byte) in bytes.iter().enumerate().take(9) {
        size |= u64::from(byte & 0x7f) << (7 * number);
        if byte & 0x80 == 0 {
            return Some((size, &bytes[number + 1..]));
        }
    }
    None
}

/// What has fewer bytes is made by one thread.
const MIN_HALVED_BYTES: usize = 1 << 19;

/// Makes the result of a difference, and notes what was copied. Copies that continue each other are one.
/// What `out` held is written over: a buffer that is used again need not be cleared.
pub(super) fn apply(
    base: &[u8],
    delta: &[u8],
    out: &mut Vec<u8>,
    copies: &mut Vec<Copied>,
) -> Result<(), Broken> {
    copies.clear();
    Part::whole(base, delta, out)?.make(copies)
}

/// Does the same, with the help of whatever thread is idle where there is much to do.
pub(super) fn apply_together(
    base: &[u8],
    delta: &[u8],
    out: &mut Vec<u8>,
    copies: &mut Vec<Copied>,
) -> Result<(), Broken> {
    copies.clear();
    Part::whole(base, delta, out)?.make_together(copies)
}

/// Part of a result, and the instructions that make it.
struct Part<'a> {
    base: &'a [u8],
    instructions: &'a [u8],
    /// Where it stands in the result.
    start: usize,
    out: &'a mut [u8],
}

impl<'a> Part<'a> {
    fn whole(base: &'a [u8], delta: &'a [u8], out: &'a mut Vec<u8>) -> Result<Self, Broken> {
        let (base_size, size, instructions) =
            sizes(delta).ok_or(Broken("a difference has no head"))?;
        if base_size != base.len() as u64 {
            return Err(Broken("a difference is from another base"));
        }
        let size = usize::try_from(size).map_err(|_| Broken("it is larger than the memory"))?;
        out.try_reserve(size.saturating_sub(out.len()))
            .map_err(|_| Broken("there is not enough memory for it"))?;
        out.resize(size, 0);
        Ok(Self { base, instructions, start: 0, out })
    }

    fn make(self, copies: &mut Vec<Copied>) -> Result<(), Broken> {
        let Self { base, mut instructions, mut start, mut out } = self;
        while let Some((instruction, after)) = Instruction::first(instructions)? {
            let stretch = match instruction {
                Instruction::Copy { base_start, length } => {
                    note(copies, Copied { base_start, start, length });
                    base.get(base_start..base_start + length).ok_or(BEYOND)?
                }
                Instruction::Insert(new) => new,
            };
            let (made, rest) = out.split_at_mut_checked(stretch.len()).ok_or(MORE)?;
            made.copy_from_slice(stretch);
            (instructions, start, out) = (after, start + stretch.len(), rest);
        }
        if out.is_empty() { Ok(()) } else { Err(CUT_OFF) }
    }

    /// Makes it in halves that idle threads may take.
    fn make_together(self, copies: &mut Vec<Copied>) -> Result<(), Broken> {
        if self.out.len() < MIN_HALVED_BYTES {
            return self.make(copies);
        }
        let (first, second) = self.halves()?;
        let mut others = Vec::new();
        let (first, second) =
            rayon::join(|| first.make_together(copies), || second.make_together(&mut others));
        others.into_iter().for_each(|copied| note(copies, copied));
        first.and(second)
    }

    /// Cuts it behind the instruction that reaches the middle.
    fn halves(self) -> Result<(Self, Self), Broken> {
        let (mut rest, mut length) = (self.instructions, 0);
        while length < self.out.len() / 2 {
            let (instruction, after) = Instruction::first(rest)?.ok_or(CUT_OFF)?;
            (rest, length) = (after, length + instruction.length());
        }
        let (instructions, rest) = self.instructions.split_at(self.instructions.len() - rest.len());
        let (out, other) = self.out.split_at_mut_checked(length).ok_or(MORE)?;
        let second = Self { instructions: rest, start: self.start + length, out: other, ..self };
        Ok((Self { instructions, out, ..self }, second))
    }
}

const CUT_OFF: Broken = Broken("a difference is cut off");
const BEYOND: Broken = Broken("a difference copies more than there is");
const MORE: Broken = Broken("a difference makes more than it says");

enum Instruction<'a> {
    Copy { base_start: usize, length: usize },
    Insert(&'a [u8]),
}

impl<'a> Instruction<'a> {
    /// Reads the first of some instructions, and returns the others with it.
    #[inline]
    fn first(instructions: &'a [u8]) -> Result<Option<(Self, &'a [u8])>, Broken> {
        let Some((&code, after)) = instructions.split_first() else { return Ok(None) };
        if code & 0x80 != 0 {
            let (base_start, length, after) = copy(code, after).ok_or(CUT_OFF)?;
            return Ok(Some((Self::Copy { base_start, length }, after)));
        }
        if code == 0 {
            return Err(Broken("a difference has an instruction that means nothing"));
        }
        let (new, after) = after.split_at_checked(usize::from(code)).ok_or(CUT_OFF)?;
        Ok(Some((Self::Insert(new), after)))
    }

    fn length(&self) -> usize {
        match self {
            Self::Copy { length, .. } => *length,
            Self::Insert(new) => new.len(),
        }
    }
}

/// Reads the offset and length of a copy: each bit of the code says whether a byte of them follows.
fn copy(code: u8, mut rest: &[u8]) -> Option<(usize, usize, &[u8])> {
    let mut number = |bits: std::ops::Range<u32>| {
        let mut number = 0;
        for (place, bit) in bits.enumerate() {
            if code & 1 << bit != 0 {
                let (&byte, after) = rest.split_first()?;
                number |= usize::from(byte) << (8 * place);
                rest = after;
            }
        }
        Some(number)
    };
    let (base_start, length) = (number(0..4)?, number(4..7)?);
    Some((base_start, if length == 0 { 0x1_0000 } else { length }, rest))
}

fn note(copies: &mut Vec<Copied>, copied: Copied) {
    match copies.last_mut() {
        Some(last) if last.end() == copied.start && last.base_end() == copied.base_start => {
            last.length += copied.length;
        }
        _ => copies.push(copied),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(base: &[u8], delta: &[u8]) -> Result<(Vec<u8>, Vec<Copied>), Broken> {
        let (mut out, mut copies) = (Vec::new(), Vec::new());
        apply(base, delta, &mut out, &mut copies).map(|()| (out, copies))
    }

    #[test]
    fn copies_and_inserts_and_joins_copies_that_continue() {
        let delta = [8, 9, 0x91, 2, 2, 0x91, 4, 2, 2, b'x', b'y', 0x90, 3];
        let (out, copies) = applied(b"abcdefgh", &delta).unwrap();
        assert_eq!(out, b"cdefxyabc");
        let expected = [(2, 0, 4), (0, 6, 3)];
        let expected =
            expected.map(|(base_start, start, length)| Copied { base_start, start, length });
        assert_eq!(copies, expected);
    }

    #[test]
    fn what_is_made_together_is_what_one_thread_makes() {
        let base: Vec<u8> =
            (0..0x1_0000_u32).map(|n| n.wrapping_mul(40_503).to_le_bytes()[1]).collect();
        let (mut instructions, mut size) = (Vec::new(), 0_u32);
        // The first one of all is longer than half of what it is in.
        for start in (0..=250).chain([1, 2]).map(|round: u32| 255 * round % 0xff01) {
            let [low, high, ..] = start.to_le_bytes();
            let length = 0x1_0000 - start;
            let [first, second, third, _] = length.to_le_bytes();
            instructions.extend([0xf3, low, high, first, second, third, 3, b'n', b'e', b'w']);
            size += length + 3;
        }
        let varint = [
            size as u8 | 0x80,
            (size >> 7) as u8 | 0x80,
            (size >> 14) as u8 | 0x80,
            (size >> 21) as u8,
        ];
        let delta = [&[0x80, 0x80, 4][..], &varint, &instructions].concat();
        let together = |delta: &[u8]| {
            let (mut out, mut copies) = (b"what it held".to_vec(), Vec::new());
            apply_together(&base, delta, &mut out, &mut copies).map(|()| (out, copies))
        };
        assert!(size as usize > 8 * MIN_HALVED_BYTES);
        assert!(together(&delta) == applied(&base, &delta) && together(&delta).is_ok());
        for cut in (delta.len() - 30..delta.len()).chain([delta.len() / 2, 9]) {
            assert!(together(&delta[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_an_error_and_never_a_crash() {
        let whole = [8, 5, 0x91, 2, 3, 2, b'x', b'y'];
        assert!(applied(b"abcdefgh", &whole).is_ok());
        for cut in 0..whole.len() {
            assert!(applied(b"abcdefgh", &whole[..cut]).is_err(), "cut at {cut}");
        }
        let wrong: [&[u8]; 4] =
            [&[7, 1, 0x90, 1], &[8, 1, 0], &[8, 9, 0x91, 1, 8], &[8, 1, 0x90, 2]];
        for delta in wrong {
            assert!(applied(b"abcdefgh", delta).is_err(), "{delta:?}");
        }
    }
}
