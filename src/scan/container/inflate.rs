//! Compressed streams, inflated no further than the limits say.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

use super::format::Compression;
use super::{REPAIR, UNPACK, Unread};

/// How far a stream may be inflated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// One file.
    pub(super) entry: u64,
    /// What is left for all files of the blob.
    pub(super) all: u64,
    /// How many times its compressed size.
    pub(super) ratio: u64,
    /// The compressed size.
    pub(super) compressed: u64,
}

/// The ratio counts from this size on: a small file of zeros is no bomb.
const FREE: u64 = 16 * 1024 * 1024;
/// The memory that a decoder may take for its dictionary, in KiB; xz's highest level takes 65 MiB.
const MAX_DICTIONARY_KIB: u32 = 128 * 1024;

/// What came out of a stream.
pub(super) struct Inflated<'a> {
    /// As much as could be inflated.
    pub(super) bytes: Cow<'a, [u8]>,
    /// What stands behind the stream, the zeros that fill a block left out.
    pub(super) rest: &'a [u8],
    /// What stopped it before its end.
    pub(super) stop: Option<Unread>,
}

/// Inflates a stream and those directly behind it.
pub(super) fn inflate(compression: Compression, bytes: &[u8], bounds: Bounds) -> Inflated<'_> {
    let mut out = Out { bytes: Vec::new(), bounds };
    let mut rest = bytes;
    let stop = loop {
        let outcome = match compression {
            Compression::Deflate => out.take(&mut flate2::bufread::DeflateDecoder::new(&mut rest)),
            Compression::Gzip => out.take(&mut flate2::bufread::GzDecoder::new(&mut rest)),
            Compression::Bzip2 => out.take(&mut bzip2::bufread::BzDecoder::new(&mut rest)),
            Compression::Xz => {
                let limit = MAX_DICTIONARY_KIB;
                out.take(&mut lzma_rust2::XzReader::new_mem_limit(&mut rest, false, limit))
            }
            Compression::Zstd => zstd_frame(&mut rest, &mut out),
        };
        if let Err(stop) = outcome {
            break Some(stop);
        }
        // Some writers fill up the last block with zeros.
        let zeros = rest.iter().take_while(|byte| **byte == 0).count();
        rest.consume(if zeros == rest.len() || compression == Compression::Xz { zeros } else { 0 });
        if !continues(compression, rest) {
            break None;
        }
    };
    Inflated { bytes: out.bytes.into(), rest, stop }
}

/// Tells whether another stream of the kind follows.
fn continues(compression: Compression, rest: &[u8]) -> bool {
    match compression {
        Compression::Deflate => false,
        Compression::Gzip => rest.starts_with(&[0x1f, 0x8b, 8]),
        Compression::Bzip2 => rest.starts_with(b"BZh"),
        Compression::Xz => rest.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]),
        Compression::Zstd => {
            rest.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) || skippable(rest).is_some()
        }
    }
}

/// Returns the length of a zstd frame that carries no content.
fn skippable(rest: &[u8]) -> Option<usize> {
    let [0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d, ..] = rest else { return None };
    let length = usize::try_from(u32::from_le_bytes([*a, *b, *c, *d])).ok()?;
    length.checked_add(8).filter(|length| *length <= rest.len())
}

fn zstd_frame(rest: &mut &[u8], out: &mut Out) -> Result<(), Unread> {
    if let Some(length) = skippable(rest) {
        rest.consume(length);
        return Ok(());
    }
    let limit = u64::from(MAX_DICTIONARY_KIB) * 1024;
    let decoder = ruzstd::decoding::StreamingDecoder::new_with_max_window_size(rest, limit);
    out.take(&mut decoder.map_err(|error| damaged(&error))?)
}

fn damaged(error: &dyn std::fmt::Display) -> Unread {
    Unread::new(format!("it is damaged or cut off: {error}"), REPAIR)
}

struct Out {
    bytes: Vec<u8>,
    bounds: Bounds,
}

impl Out {
    /// Reads a stream to its end, or to the first limit.
    fn take(&mut self, reader: &mut dyn Read) -> Result<(), Unread> {
        const CHUNK: usize = 64 * 1024;
        let mut chunk = [0; CHUNK];
        loop {
            let read = match reader.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(damaged(&error)),
            };
            self.bytes.extend_from_slice(&chunk[..read]);
            self.bounds.check(self.bytes.len() as u64)?;
        }
    }
}

impl Bounds {
    /// Says which limit a file of that size exceeds.
    pub(super) fn check(&self, size: u64) -> Result<(), Unread> {
        let Self { entry, all, ratio, compressed } = *self;
        let why = if size > entry {
            format!("it is too large: more than {entry} bytes when it is unpacked")
        } else if size > all {
            "the files of its archive are too large together when they are unpacked".to_owned()
        } else if size > FREE && size / compressed.max(1) > ratio {
            format!("it is more than {ratio} times as large as its archive when it is unpacked")
        } else {
            return Ok(());
        };
        Err(Unread::new(why, UNPACK))
    }
}
