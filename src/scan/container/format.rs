//! What a blob is, by its first bytes.

/// A form that holds files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// One compressed stream.
    Stream(Compression),
    /// Zip: jar, wheel, docx, apk, nupkg and the like are that, too.
    Zip,
    /// Tar, of any age.
    Tar,
    /// Unix archive: deb, static libraries.
    Ar,
    /// SQLite database.
    Sqlite,
    /// An archive that nothing here opens.
    Unopened(&'static str),
}

/// How a stream is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    /// Deflate without a header, as in zip.
    Deflate,
    /// RFC 1952.
    Gzip,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
    /// RFC 8878.
    Zstd,
}

/// The pages of a SQLite database begin with this.
pub(super) const SQLITE: &[u8] = b"SQLite format 3\0";
/// A Unix archive begins with this.
pub(super) const AR: &[u8] = b"!<arch>\n";

/// First bytes, and what they say.
const MAGIC: [(&[u8], Format); 13] = [
    (&[0x1f, 0x8b, 8], Format::Stream(Compression::Gzip)),
    (&[0xfd, b'7', b'z', b'X', b'Z', 0], Format::Stream(Compression::Xz)),
    (&[0x28, 0xb5, 0x2f, 0xfd], Format::Stream(Compression::Zstd)),
    (b"PK\x03\x04", Format::Zip),
    (AR, Format::Ar),
    (SQLITE, Format::Sqlite),
    (b"7z\xbc\xaf\x27\x1c", Format::Unopened("7z")),
    (b"Rar!\x1a\x07", Format::Unopened("RAR")),
    (&[0x04, 0x22, 0x4d, 0x18], Format::Unopened("LZ4")),
    (b"LZIP\x01", Format::Unopened("lzip")),
    (b"MSCF\0\0\0\0", Format::Unopened("cabinet")),
    (&[0xed, 0xab, 0xee, 0xdb], Format::Unopened("RPM")),
    (&[0x1f, 0x9d, 0x90], Format::Unopened("compress")),
];

/// Returns what a blob is, where it holds files.
pub(super) fn of(bytes: &[u8]) -> Option<Format> {
    let known = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic));
    known.map(|(_, format)| *format).or_else(|| {
        let is = |it: bool, format| it.then_some(format);
        is(is_bzip2(bytes), Format::Stream(Compression::Bzip2))
            .or_else(|| is(is_tar(bytes), Format::Tar))
            .or_else(|| is(ends_as_zip(bytes), Format::Zip))
    })
}

/// `BZh`, a level, and the first block's or the end's own mark.
fn is_bzip2(bytes: &[u8]) -> bool {
    const BLOCK: &[u8] = &[0x31, 0x41, 0x59, 0x26, 0x53, 0x59];
    const END: &[u8] = &[0x17, 0x72, 0x45, 0x38, 0x50, 0x90];
    matches!(bytes, [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..]
        if rest.starts_with(BLOCK) || rest.starts_with(END))
}

/// Tells whether the first header's checksum holds: old archives have no other mark.
fn is_tar(bytes: &[u8]) -> bool {
    const CHECKSUM: std::ops::Range<usize> = 148..156;
    let Some(header) = bytes.get(..512).filter(|header| header[0] != 0) else { return false };
    let is_digit = |byte: &&u8| matches!(byte, b'0'..=b'7');
    let digits = header[CHECKSUM].iter().skip_while(|byte| **byte == b' ').take_while(is_digit);
    let (count, written) = digits.fold((0, 0_u32), |(count, number), digit| {
        (count + 1, number << 3 | u32::from(digit - b'0'))
    });
    let blank = |at: usize| if CHECKSUM.contains(&at) { b' ' } else { header[at] };
    count >= 3 && (0..header.len()).map(|at| u32::from(blank(at))).sum::<u32>() == written
}

/// Tells whether the end says zip: an archive behind a program that unpacks it, or an empty one.
pub(super) fn ends_as_zip(bytes: &[u8]) -> bool {
    const END_RECORD: usize = 22;
    let end = bytes.len().checked_sub(END_RECORD).map(|start| &bytes[start..]);
    end.is_some_and(|end| end.starts_with(b"PK\x05\x06") && end.ends_with(&[0, 0]))
}
