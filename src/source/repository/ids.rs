//! Ids of objects, which are as long as the repository's hash makes them.

use git2::{ObjectFormat, Oid};

/// The lengths of an id in bytes: of a SHA-1, and of a SHA-256.
const LENGTHS: [(usize, ObjectFormat); 2] = [(20, ObjectFormat::Sha1), (32, ObjectFormat::Sha256)];

/// Returns how many bytes the ids of a format have.
pub(in crate::source) fn id_bytes(format: ObjectFormat) -> usize {
    match format {
        ObjectFormat::Sha1 => LENGTHS[0].0,
        ObjectFormat::Sha256 => LENGTHS[1].0,
    }
}

/// An id as bytes.
pub(in crate::source) struct Id {
    bytes: [u8; 32],
    length: usize,
}

impl Id {
    /// Reads an id in full, whichever hash it is of.
    pub(in crate::source) fn parse(text: &[u8]) -> Option<Self> {
        let (length, _) = LENGTHS.into_iter().find(|(length, _)| 2 * length == text.len())?;
        let mut bytes = [0; 32];
        let mut all = 0;
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            let [high, low] = [DIGITS[usize::from(pair[0])], DIGITS[usize::from(pair[1])]];
            all |= high | low;
            *byte = high << 4 | low;
        }
        (all != NO_DIGIT).then_some(Self { bytes, length })
    }

    /// Returns its bytes.
    pub(in crate::source) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Reads an id in full, whichever hash it is of.
pub(in crate::source) fn parse_oid(text: &str) -> Option<Oid> {
    Oid::from_bytes(Id::parse(text.as_bytes())?.bytes()).ok()
}

/// What no digit is worth: all bits, so that one among many shows.
const NO_DIGIT: u8 = u8::MAX;
/// What each byte is worth as a digit of base sixteen.
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value] as usize] = value as u8;
        digits[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    digits
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_in_full_or_not_at_all() {
        for (length, format) in LENGTHS {
            let text = "7f".repeat(length);
            let oid = parse_oid(&text).expect("it is an id");
            assert_eq!((oid.to_string(), oid.object_format()), (text.clone(), format));
            assert_eq!(oid.as_bytes().len(), id_bytes(format));
            assert!(
                parse_oid(&text[1..]).is_none() && parse_oid(&text.replace('f', "g")).is_none()
            );
        }
    }
}
