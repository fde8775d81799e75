//! The head of an object in a pack: what it is, how large, and what it is a difference from.

use git2::{ObjectType, Oid};

/// An object as it stands in a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// How it is stored.
    pub(super) stored: Stored,
    /// How many bytes the compressed data behind the head is when inflated.
    pub(super) size: u64,
    /// Where that data begins, from the first byte of the head.
    pub(super) head_length: usize,
}

/// How an object is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// As it is.
    Whole(ObjectType),
    /// As a difference from the object that begins so many bytes before.
    OffsetDelta(u64),
    /// As a difference from that object.
    RefDelta(Oid),
}

impl Entry {
    /// Reads the head that `bytes` begin with, where ids have so many bytes, or none where it is not one.
    pub(super) fn parse(bytes: &[u8], id_bytes: usize) -> Option<Self> {
        let mut at = 0;
        let mut next = || {
            let byte = bytes.get(at).copied();
            at += 1;
            byte
        };
        let first = next()?;
        let mut size = u64::from(first & 0x0f);
        let mut shift = 4;
        let mut byte = first;
        while byte & 0x80 != 0 {
            byte = next()?;
            size |= u64::from(byte & 0x7f).checked_shl(shift).filter(|_| shift < 60)?;
            shift += 7;
        }
        let stored = match first >> 4 & 7 {
            1 => Stored::Whole(ObjectType::Commit),
            2 => Stored::Whole(ObjectType::Tree),
            3 => Stored::Whole(ObjectType::Blob),
            4 => Stored::Whole(ObjectType::Tag),
            6 => Stored::OffsetDelta(distance(&mut next)?),
            7 => {
                let oid = bytes.get(at..at + id_bytes)?;
                at += id_bytes;
                Stored::RefDelta(Oid::from_bytes(oid).ok()?)
            }
            _ => return None,
        };
        Some(Self { stored, size, head_length: at })
    }
}

/// Reads a distance: seven bits a byte, the highest first, each further byte adding one before it.
fn distance(next: &mut impl FnMut() -> Option<u8>) -> Option<u64> {
    let mut byte = next()?;
    let mut distance = u64::from(byte & 0x7f);
    while byte & 0x80 != 0 {
        byte = next()?;
        distance = distance.checked_add(1)?.checked_mul(1 << 7)? | u64::from(byte & 0x7f);
    }
    Some(distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_heads_of_every_kind() {
        let parse =
            |bytes: &[u8]| Entry::parse(bytes, 20).map(|e| (e.stored, e.size, e.head_length));
        assert_eq!(parse(&[0x35]), Some((Stored::Whole(ObjectType::Blob), 5, 1)));
        assert_eq!(parse(&[0x9f, 0x01]), Some((Stored::Whole(ObjectType::Commit), 31, 2)));
        assert_eq!(parse(&[0x61, 0x80, 0x00]), Some((Stored::OffsetDelta(128), 1, 3)));
        let mut by_id = vec![0x72];
        by_id.extend([7; 20]);
        let oid = Oid::from_bytes(&[7; 20]).unwrap();
        assert_eq!(parse(&by_id), Some((Stored::RefDelta(oid), 2, 21)));
    }

    #[test]
    fn what_is_cut_off_or_of_no_kind_is_none() {
        let endless = [0xff; 40];
        for bytes in [&[][..], &[0x80], &[0x61, 0x80], &[0x72, 1, 2], &[0x05], &[0x55], &endless] {
            assert_eq!(Entry::parse(bytes, 20), None, "{bytes:?}");
        }
    }
}
