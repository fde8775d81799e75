//! Standard input, or any other stream.

use std::io::Read;
use std::sync::{Mutex, PoisonError};

use super::tally::Tally;
use super::window::{self, Buffer, Windows};
use super::{Blob, Coverage, Error, Gap, Kind, Place, Source};

/// One stream, scanned as one blob, or in windows where it is long.
#[derive(Debug)]
pub struct Stdin<R> {
    reader: Mutex<R>,
    max_bytes: u64,
    windows: Windows,
}

impl<R: Read + Send> Stdin<R> {
    /// Returns the source that reads that stream to its end, once.
    pub fn new(reader: R) -> Self {
        Self { reader: Mutex::new(reader), max_bytes: u64::MAX, windows: Windows::USUAL }
    }

    /// Sets how many bytes are read.
    #[must_use]
    pub fn max_bytes(mut self, max_bytes: u64) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// Sets how large the windows are that a long stream is handed out in, in bytes.
    #[must_use]
    pub fn window_bytes(mut self, own: usize) -> Self {
        self.windows = self.windows.own(own);
        self
    }

    /// Sets what is handed out whole even if it is long, as its first bytes say: an archive makes no sense
    /// in parts. One larger than [`DEFAULT_MAX_BYTES`](super::DEFAULT_MAX_BYTES) is handed out in windows.
    #[must_use]
    pub fn indivisible(mut self, is_indivisible: fn(&[u8]) -> bool) -> Self {
        self.windows = self.windows.indivisible(is_indivisible);
        self
    }

    /// Hands out the bytes up to the limit. Returns what is wrong where they are not all there is.
    fn read(&self, visit: &mut dyn FnMut(Blob<'_>)) -> Option<Gap> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let places = [Place::new(Kind::Stdin, None)];
        let mut limited = (&mut *reader).take(self.max_bytes);
        let outcome = window::read(
            &mut limited,
            0,
            &mut Buffer::default(),
            self.windows,
            &mut |bytes, window| {
                visit(Blob { window, ..Blob::new(bytes, &places) });
            },
        );
        if let Err(broken) = outcome {
            return Some(broke_off(broken.after, &broken.why));
        }
        // Whether there is more is asked only where the limit was reached.
        let is_over = limited.limit() == 0;
        match is_over.then(|| reader.read(&mut [0])) {
            None | Some(Ok(0)) => None,
            Some(Err(why)) => Some(broke_off(self.max_bytes as usize, &why)),
            Some(Ok(_)) => Some(Gap {
                what: format!("standard input after byte {}", self.max_bytes),
                why: "it is longer than what is read".to_owned(),
                remedy: "raise the limit with `--max-size`".to_owned(),
            }),
        }
    }
}

fn broke_off(after: usize, why: &std::io::Error) -> Gap {
    Gap {
        what: format!("standard input after byte {after}"),
        why: format!("it broke off: {why}"),
        remedy: "run the command that writes it again".to_owned(),
    }
}

impl<R: Read + Send> Source for Stdin<R> {
    fn walk(&self, visit: &(dyn Fn(Blob<'_>) + Sync)) -> Result<Coverage, Error> {
        let tally = Tally::default();
        if let Some(gap) = self.read(&mut |blob| tally.hand(blob, visit)) {
            tally.gap(gap);
        }
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
