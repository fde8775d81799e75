//! Who wrote a commit or tag, and when, from its header line.

use crate::source::Moment;

/// Who and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::source) struct Signature {
    /// `Name <mail>`, lossy where it isn't UTF-8.
    pub(in crate::source) who: String,
    /// When, unless the header makes no sense.
    pub(in crate::source) when: Option<Moment>,
}

impl Signature {
    /// Reads `Name <mail> 1700000000 +0100`. What is broken is left out; nothing here is an error.
    pub(super) fn parse(line: &[u8]) -> Self {
        let (who, when) = split(line);
        Self { who: String::from_utf8_lossy(who).trim().to_owned(), when: moment(when) }
    }

    /// Reads only when it was.
    pub(in crate::source) fn when(line: &[u8]) -> Option<Moment> {
        moment(split(line).1)
    }
}

fn split(line: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memrchr(b'>', line);
    line.split_at(end.map_or(line.len(), |position| position + 1))
}

fn moment(text: &[u8]) -> Option<Moment> {
    std::str::from_utf8(text).ok().and_then(Moment::of_git)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_makes_no_sense_loses_only_what_is_broken() {
        let parse = |line: &str| Signature::parse(line.as_bytes());
        assert_eq!(parse("A B <a@b.example> 0 +0000").who, "A B <a@b.example>");
        assert_eq!(parse("no mail").who, "no mail");
        assert_eq!(parse("A <a>").when, None);
        assert!(parse("A <a> 0").when.is_some());
    }
}
