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

/// Appends the result of a difference to `out`, which is empty, and notes what was copied. Copies that
/// continue each other are one.
pub(super) fn apply(
    base: &[u8],
    delta: &[u8],
    out: &mut Vec<u8>,
    copies: &mut Vec<Copied>,
) -> Result<(), Broken> {
    copies.clear();
    let (base_size, size, mut rest) = sizes(delta).ok_or(Broken("a difference has no head"))?;
    if base_size != base.len() as u64 {
        return Err(Broken("a difference is from another base"));
    }
    let size = usize::try_from(size).map_err(|_| Broken("it is larger than the memory"))?;
    out.try_reserve(size).map_err(|_| Broken("there is not enough memory for it"))?;
    while let Some((&code, after)) = rest.split_first() {
        rest = if code & 0x80 != 0 {
            let (start, length, after) = copy(code, after).ok_or(CUT_OFF)?;
            let stretch = base.get(start..start + length).ok_or(BEYOND)?;
            note(copies, Copied { base_start: start, start: out.len(), length });
            extend(out, stretch, size)?;
            after
        } else if code != 0 {
            let (new, after) = after.split_at_checked(usize::from(code)).ok_or(CUT_OFF)?;
            extend(out, new, size)?;
            after
        } else {
            return Err(Broken("a difference has an instruction that means nothing"));
        };
    }
    if out.len() == size { Ok(()) } else { Err(CUT_OFF) }
}

const CUT_OFF: Broken = Broken("a difference is cut off");
const BEYOND: Broken = Broken("a difference copies more than there is");

fn extend(out: &mut Vec<u8>, stretch: &[u8], size: usize) -> Result<(), Broken> {
    // So that a few bytes can't ask for more memory than they say they need.
    if out.len() + stretch.len() > size {
        return Err(Broken("a difference makes more than it says"));
    }
    out.extend_from_slice(stretch);
    Ok(())
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
    let (start, length) = (number(0..4)?, number(4..7)?);
    Some((start, if length == 0 { 0x1_0000 } else { length }, rest))
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
