//! Zip, and all that is zip under another name: jar, wheel, docx, apk, nupkg.

use std::io::{Cursor, Read};

use zip::CompressionMethod;
use zip::read::ZipFile;
use zip::result::ZipError;

use super::format::Compression;
use super::inflate::{Inflated, inflate};
use super::{At, DECRYPT, Opener, REPAIR, UNPACK, Unread};

type Archive<'a> = zip::ZipArchive<Cursor<&'a [u8]>>;

/// Hands over every file of an archive.
pub(super) fn open(opener: &mut Opener<'_>, bytes: &[u8], at: &At<'_>) -> Result<(), Unread> {
    // Asked before the directory is read into memory.
    let listed = memchr::memmem::find_iter(bytes, b"PK\x01\x02").count() as u64;
    if listed > opener.left_entries {
        let limit = opener.limits.entries;
        return Err(Unread::new(format!("it holds more than {limit} files"), UNPACK));
    }
    let mut archive = Archive::new(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
    let before = usize::try_from(archive.offset()).unwrap_or(usize::MAX);
    for outside in [bytes.get(..before).unwrap_or_default(), archive.comment()] {
        if !outside.is_empty() {
            (opener.visit)(at.within, outside);
        }
    }
    for index in 0..archive.len() {
        opener.count_entry()?;
        let entry = match archive.by_index_raw(index) {
            Ok(entry) => Entry::of(&entry, bytes),
            Err(error) => Err((format!("file {index}"), damaged(&error))),
        };
        let (name, unread) = match entry {
            Ok(entry) if entry.is_folder => continue,
            Ok(entry) => (entry.name.clone(), entry.hand(opener, at).err()),
            Err((name, unread)) => (name, Some(unread)),
        };
        if let Some(unread) = unread {
            opener.note(Some(at.entry(&name)), unread);
        }
    }
    Ok(())
}

/// A file of an archive.
struct Entry<'a> {
    name: String,
    is_folder: bool,
    is_encrypted: bool,
    method: CompressionMethod,
    crc32: u32,
    compressed: &'a [u8],
}

impl<'a> Entry<'a> {
    fn of<R: Read>(file: &ZipFile<'_, R>, bytes: &'a [u8]) -> Result<Self, (String, Unread)> {
        let name = String::from_utf8_lossy(file.name_raw()).into_owned();
        let start = file.data_start().and_then(|start| usize::try_from(start).ok());
        let size = usize::try_from(file.compressed_size()).ok();
        let compressed = start.zip(size).and_then(|(start, size)| bytes.get(start..)?.get(..size));
        match compressed {
            Some(compressed) => Ok(Self {
                is_folder: file.is_dir(),
                is_encrypted: file.encrypted(),
                method: file.compression(),
                crc32: file.crc32(),
                compressed,
                name,
            }),
            None => Err((name, Unread::new("it is cut off", REPAIR))),
        }
    }

    fn hand(&self, opener: &mut Opener<'_>, at: &At<'_>) -> Result<(), Unread> {
        if self.is_encrypted {
            return Err(Unread::new("it is encrypted", DECRYPT));
        }
        let compression = match self.method {
            CompressionMethod::STORE => None,
            CompressionMethod::DEFLATE => Some(Compression::Deflate),
            CompressionMethod::BZIP2 => Some(Compression::Bzip2),
            CompressionMethod::ZSTD => Some(Compression::Zstd),
            CompressionMethod::XZ => Some(Compression::Xz),
            other => {
                let why = format!("it is compressed by {other}, which is not read");
                return Err(Unread::new(why, UNPACK));
            }
        };
        let bounds = opener.bounds(self.compressed);
        let content = match compression {
            Some(compression) => inflate(compression, self.compressed, bounds),
            None => Inflated {
                bytes: self.compressed.into(),
                rest: &[],
                stop: bounds.check(self.compressed.len() as u64).err(),
            },
        };
        opener.spend(&content.bytes);
        opener.entry(&self.name, &content.bytes, at);
        match content.stop {
            Some(stop) => Err(stop),
            None if crc32fast::hash(&content.bytes) != self.crc32 => {
                Err(Unread::new("it is damaged: its checksum does not hold", REPAIR))
            }
            None => Ok(()),
        }
    }
}

fn damaged(error: &ZipError) -> Unread {
    Unread::new(format!("it is damaged or cut off: {error}"), REPAIR)
}
