//! Pack indexes, version 2: where each object stands in its pack, and the checksum of it there.
//!
//! Layout: <https://git-scm.com/docs/gitformat-pack#_pack_idx_files_have_the_following_format>

use std::cmp::Ordering;
use std::ops::Range;
use std::path::Path;
use std::sync::OnceLock;

use git2::Oid;

use super::map::Mapped;
use super::prefetch::prefetch;

const MAGIC: [u8; 8] = [0xff, b't', b'O', b'c', 0, 0, 0, 2];
const FAN_OUT_BYTES: usize = 256 * 4;
/// An offset with this bit is a position in the table of large offsets.
const IS_LARGE: u32 = 1 << 31;

/// The index of a pack. Objects are numbered in the order of their ids.
#[derive(Debug)]
pub(in crate::source) struct Index {
    bytes: Mapped,
    /// How many bytes an id has, and a checksum.
    id_bytes: usize,
    count: usize,
    starts: OnceLock<Starts>,
}

/// Where the ids begin whose first bits are a number, for each number: so many bits that there is about one
/// id for each.
#[derive(Debug)]
struct Starts {
    bits: u32,
    starts: Box<[u32]>,
}

impl Index {
    /// Opens an index, whose ids have so many bytes, or says what is wrong with it.
    pub(super) fn open(path: &Path, id_bytes: usize) -> Result<Self, String> {
        let bytes = Mapped::open(path).map_err(|error| error.to_string())?;
        let count = count(&bytes, id_bytes).ok_or("it is no index of version 2")?;
        Ok(Self { bytes, id_bytes, count, starts: OnceLock::new() })
    }

    /// Returns how many bytes an id has.
    pub(super) fn id_bytes(&self) -> usize {
        self.id_bytes
    }

    /// Returns how many objects there are.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Returns the checksum of the pack.
    pub(super) fn checksum_of_pack(&self) -> &[u8] {
        let start = self.bytes.len() - self.trailer_bytes();
        &self.bytes[start..start + self.id_bytes]
    }

    /// Returns the id of an object.
    pub(super) fn oid(&self, number: usize) -> Oid {
        let start = MAGIC.len() + FAN_OUT_BYTES + number * self.id_bytes;
        Oid::from_bytes(&self.bytes[start..start + self.id_bytes])
            .expect("an id is made of any bytes")
    }

    /// Returns the checksum of an object's bytes in the pack.
    pub(super) fn crc32(&self, number: usize) -> u32 {
        self.word(self.ids_end() + number * 4)
    }

    /// Returns where an object begins in the pack, or none where the index makes no sense.
    pub(super) fn offset(&self, number: usize) -> Option<u64> {
        let offsets = self.ids_end() + self.count * 4;
        let offset = self.word(offsets + number * 4);
        if offset & IS_LARGE == 0 {
            return Some(u64::from(offset));
        }
        let start = offsets + self.count * 4 + (offset & !IS_LARGE) as usize * 8;
        let end = self.bytes.len() - self.trailer_bytes();
        let bytes = self.bytes[..end].get(start..start + 8)?;
        Some(u64::from_be_bytes(bytes.try_into().ok()?))
    }

    /// Returns the number of the object with that id.
    pub(super) fn find(&self, oid: &[u8]) -> Option<usize> {
        let ids = &self.bytes[MAGIC.len() + FAN_OUT_BYTES..self.ids_end()];
        let id = |number: usize| &ids[number * self.id_bytes..(number + 1) * self.id_bytes];
        let Range { start: mut low, end: mut high } = self.near(oid);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.head(middle).cmp(&head(oid)).then_with(|| id(middle).cmp(oid)) {
                Ordering::Equal => return Some(middle),
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// Looks where it is said where an id would stand: the memory is on its way then when that is asked.
    pub(super) fn approach_start(&self, oid: &[u8]) {
        if let Some(Starts { bits, starts }) = self.starts.get() {
            prefetch(&starts[(head(oid) >> (u64::BITS - bits)) as usize]);
        }
    }

    /// Looks where an id would stand: the memory is on its way then when it is looked for.
    pub(super) fn approach(&self, oid: &[u8]) {
        let Range { start, end } = self.near(oid);
        let ids = MAGIC.len() + FAN_OUT_BYTES;
        if start < end {
            prefetch(&self.bytes[ids + start * self.id_bytes]);
            prefetch(&self.bytes[ids + end * self.id_bytes - 1]);
        }
    }

    /// Makes ready for many questions where an id stands.
    pub(super) fn prepare(&self) {
        self.starts.get_or_init(|| {
            let bits = self.count.max(1).ilog2().clamp(8, 24);
            let mut starts = Vec::with_capacity((1 << bits) + 1);
            for number in 0..self.count {
                let share = (self.head(number) >> (u64::BITS - bits)) as usize;
                while starts.len() <= share {
                    starts.push(number as u32);
                }
            }
            starts.resize((1 << bits) + 1, self.count as u32);
            Starts { bits, starts: starts.into() }
        });
    }

    /// Returns the range that an id stands in, if it stands anywhere.
    fn near(&self, oid: &[u8]) -> Range<usize> {
        if let Some(Starts { bits, starts }) = self.starts.get() {
            let share = (head(oid) >> (u64::BITS - bits)) as usize;
            return starts[share] as usize..starts[share + 1] as usize;
        }
        let first = usize::from(oid[0]);
        let start = if first == 0 { 0 } else { self.fan_out(first - 1) };
        start..self.fan_out(first).min(self.count)
    }

    /// Returns the first bytes of an id as a number.
    fn head(&self, number: usize) -> u64 {
        head(&self.bytes[MAGIC.len() + FAN_OUT_BYTES + number * self.id_bytes..])
    }

    fn fan_out(&self, first: usize) -> usize {
        self.word(MAGIC.len() + first * 4) as usize
    }

    /// Returns the length of what stands at the end: the checksums of the pack and of the index itself.
    fn trailer_bytes(&self) -> usize {
        2 * self.id_bytes
    }

    fn ids_end(&self) -> usize {
        MAGIC.len() + FAN_OUT_BYTES + self.count * self.id_bytes
    }

    fn word(&self, start: usize) -> u32 {
        let bytes = &self.bytes[start..start + 4];
        u32::from_be_bytes(bytes.try_into().expect("four bytes were taken"))
    }
}

/// Returns the first bytes of an id as a number.
fn head(oid: &[u8]) -> u64 {
    u64::from_be_bytes(oid[..8].try_into().expect("eight bytes were taken"))
}

/// Returns how many objects an index has, if it is as long as that makes it.
fn count(bytes: &[u8], id_bytes: usize) -> Option<usize> {
    let last = bytes.strip_prefix(&MAGIC)?.get(FAN_OUT_BYTES - 4..FAN_OUT_BYTES)?;
    let count = u32::from_be_bytes(last.try_into().ok()?) as usize;
    let tables = count.checked_mul(id_bytes + 4 + 4)?;
    let least = MAGIC.len() + FAN_OUT_BYTES + 2 * id_bytes;
    (bytes.len() >= tables.checked_add(least)?).then_some(count)
}
