//! Inflates what a pack holds. The size of each object is known beforehand, so it is done in one go.

use libdeflater::Decompressor;

use super::Broken;

/// Deflate makes no more than this of one byte.
const MAX_RATIO: u64 = 1032;

/// Inflates, one object at a time.
pub(super) struct Inflater(Decompressor);

impl Inflater {
    pub(super) fn new() -> Self {
        Self(Decompressor::new())
    }

    /// Inflates `data` into `out`, over what it held; it must be `size` bytes then.
    pub(super) fn inflate(
        &mut self,
        data: &[u8],
        size: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), Broken> {
        let length = self.inflate_over(data, size, out)?.len();
        out.truncate(length);
        Ok(())
    }

    /// Inflates `data`, which must be `size` bytes then, over the beginning of what `room` held: it grows where
    /// it must, and need not be filled again.
    pub(super) fn inflate_over<'r>(
        &mut self,
        data: &[u8],
        size: u64,
        room: &'r mut Vec<u8>,
    ) -> Result<&'r [u8], Broken> {
        // Asked first, so that a broken head can't ask for all the memory there is.
        if size > (data.len() as u64).saturating_mul(MAX_RATIO) {
            return Err(Broken("it says it is larger than it can be"));
        }
        let size = usize::try_from(size).map_err(|_| Broken("it is larger than the memory"))?;
        if room.len() < size {
            room.try_reserve(size - room.len())
                .map_err(|_| Broken("there is not enough memory for it"))?;
            room.resize(size, 0);
        }
        let out = &mut room[..size];
        match self.0.zlib_decompress(data, out) {
            Ok(length) if length == size => Ok(out),
            _ => Err(Broken("its compressed data is damaged")),
        }
    }
}
