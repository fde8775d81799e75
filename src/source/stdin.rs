//! Standard input, or any other stream.

use std::io::Read;
use std::sync::{Mutex, PoisonError};

use super::tally::Tally;
use super::{Blob, Coverage, DEFAULT_MAX_BYTES, Error, Gap, Kind, Place, Source};

/// One stream, scanned as one blob.
#[derive(Debug)]
pub struct Stdin<R> {
    reader: Mutex<R>,
    max_bytes: u64,
}

impl<R: Read + Send> Stdin<R> {
    /// Returns the source that reads that stream to its end, once.
    pub fn new(reader: R) -> Self {
        Self { reader: Mutex::new(reader), max_bytes: DEFAULT_MAX_BYTES }
    }

    /// Sets how many bytes are read.
    #[must_use]
    pub fn max_bytes(mut self, max_bytes: u64) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// Returns the bytes up to the limit, and what is wrong where they are not all there is.
    fn read(&self) -> (Vec<u8>, Option<Gap>) {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = Vec::new();
        let outcome = (&mut *reader).take(self.max_bytes.saturating_add(1)).read_to_end(&mut bytes);
        let gap = match outcome {
            Err(error) => Some(Gap {
                what: format!("standard input after byte {}", bytes.len()),
                why: format!("it broke off: {error}"),
                remedy: "run the command that writes it again".to_owned(),
            }),
            Ok(_) if bytes.len() as u64 > self.max_bytes => Some(Gap {
                what: format!("standard input after byte {}", self.max_bytes),
                why: "it is longer than what is read".to_owned(),
                remedy: "raise the limit with `--max-size`".to_owned(),
            }),
            Ok(_) => None,
        };
        bytes.truncate(usize::try_from(self.max_bytes).unwrap_or(usize::MAX));
        (bytes, gap)
    }
}

impl<R: Read + Send> Source for Stdin<R> {
    fn walk(&self, visit: &(dyn Fn(Blob<'_>) + Sync)) -> Result<Coverage, Error> {
        let (bytes, gap) = self.read();
        let tally = Tally::default();
        if let Some(gap) = gap {
            tally.gap(gap);
        }
        let places = [Place::new(Kind::Stdin, None)];
        tally.hand(Blob::new(&bytes, &places), visit);
        Ok(tally.finish())
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use super::*;

    fn scan(source: &impl Source) -> (Vec<u8>, Coverage) {
        let seen = Mutex::new(Vec::new());
        let coverage =
            source.walk(&|blob| seen.lock().unwrap().extend_from_slice(blob.bytes)).unwrap();
        (seen.into_inner().unwrap(), coverage)
    }

    #[test]
    fn a_stream_within_the_limit_is_read_whole() {
        let (bytes, coverage) = scan(&Stdin::new(&b"1234"[..]).max_bytes(4));
        assert_eq!(bytes, b"1234");
        assert_eq!((coverage.blobs, coverage.bytes), (1, 4));
        assert_eq!(coverage.gaps, []);
    }

    #[test]
    fn a_longer_stream_is_read_to_the_limit_and_says_so() {
        let (bytes, coverage) = scan(&Stdin::new(&b"12345"[..]).max_bytes(4));
        assert_eq!(bytes, b"1234");
        assert_eq!(coverage.gaps[0].what, "standard input after byte 4");
        assert!(coverage.gaps[0].remedy.contains("--max-size"));
    }

    #[test]
    fn a_stream_that_breaks_off_is_read_so_far_and_says_so() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the pipe burst"))
            }
        }
        let (bytes, coverage) = scan(&Stdin::new(b"12".chain(Broken)));
        assert_eq!(bytes, b"12");
        assert!(coverage.gaps[0].why.contains("the pipe burst"));
    }
}
