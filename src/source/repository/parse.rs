//! Reads the raw text of commits, tags and trees.
//!
//! Lenient where git once was: an object that git wrote long ago and would refuse today must be scanned
//! all the same. Only what is needed is read, and what can't be read is none.

use git2::Oid;

use super::Signature;
use super::ids::parse_oid;

/// How the tag that was merged begins in the header of a commit; lines that go on begin with a space.
const MERGED_TAG: &[u8] = b"\nmergetag ";

/// What is needed of a commit's header.
#[derive(Debug)]
pub(in crate::source) struct Commit {
    pub(in crate::source) tree: Oid,
    pub(in crate::source) parents: Vec<Oid>,
    pub(in crate::source) author: Option<Signature>,
    pub(in crate::source) committer: Option<Signature>,
}

impl Commit {
    /// Reads a commit, or none where it names no tree.
    pub(in crate::source) fn parse(bytes: &[u8]) -> Option<Self> {
        let signature = |name| field(bytes, name).map(Signature::parse);
        Some(Self {
            tree: oid(field(bytes, b"tree")?)?,
            parents: header(bytes)
                .filter(|(name, _)| *name == b"parent")
                .filter_map(|(_, value)| oid(value))
                .collect(),
            author: signature(b"author"),
            committer: signature(b"committer"),
        })
    }
}

/// What is needed of an annotated tag's header.
#[derive(Debug)]
pub(in crate::source) struct Tag {
    pub(in crate::source) target: Oid,
    pub(in crate::source) tagger: Option<Signature>,
}

impl Tag {
    /// Reads a tag, or none where it names no object.
    pub(in crate::source) fn parse(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            target: oid(field(bytes, b"object")?)?,
            tagger: field(bytes, b"tagger").map(Signature::parse),
        })
    }
}

/// Returns what people wrote into a commit or tag: everything after the first empty line, and before that
/// the tags that a merge of signed tags keeps in its header, messages and all.
pub(in crate::source) fn message(bytes: &[u8]) -> &[u8] {
    let mut ends = memchr::memchr_iter(b'\n', bytes);
    let Some(end) = ends.find(|end| bytes.get(end + 1) == Some(&b'\n')) else { return &[] };
    match memchr::memmem::find(&bytes[..end], MERGED_TAG) {
        Some(before) => &bytes[before + 1..],
        None => &bytes[end + 2..],
    }
}

/// Returns the name and the value of each line of the header of a commit or tag.
pub(in crate::source) fn header(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = bytes;
    let lines = std::iter::from_fn(move || {
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        Some(line).filter(|line| !line.is_empty())
    });
    lines.filter_map(|line| {
        let space = memchr::memchr(b' ', line)?;
        Some((&line[..space], &line[space + 1..]))
    })
}

fn field<'a>(bytes: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    header(bytes).find(|(found, _)| *found == name).map(|(_, value)| value)
}

fn oid(text: &[u8]) -> Option<Oid> {
    parse_oid(std::str::from_utf8(text).ok()?)
}

/// One line of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) struct Entry<'a> {
    pub(in crate::source) kind: EntryKind,
    pub(in crate::source) name: &'a [u8],
    /// The bytes of the id of what it names.
    pub(in crate::source) id: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Splits the first entry off a tree in which ids have so many bytes: mode, a space, the name, a zero, the
    /// bytes of an id.
    pub(in crate::source) fn split_off(
        tree: &'a [u8],
        id_bytes: usize,
    ) -> Option<(Self, &'a [u8])> {
        let text = &tree[..memchr::memchr(0, tree)?];
        let (id, rest) = tree[text.len() + 1..].split_at_checked(id_bytes)?;
        let space = text.iter().take(8).position(|byte| *byte == b' ')?;
        let kind = EntryKind::of_mode(octal(&text[..space])?);
        Some((Self { kind, name: &text[space + 1..], id }, rest))
    }

    /// Returns the id of what it names.
    pub(in crate::source) fn oid(&self) -> Oid {
        Oid::from_bytes(self.id).expect("it is as long as ids are")
    }
}

/// Reads a mode, which is short.
fn octal(digits: &[u8]) -> Option<u32> {
    let add = |mode, digit: &u8| {
        matches!(digit, b'0'..=b'7').then(|| mode << 3 | u32::from(digit - b'0'))
    };
    let mode = digits.iter().try_fold(0, add);
    mode.filter(|_| !digits.is_empty())
}

/// What an entry of a tree names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) enum EntryKind {
    /// A folder.
    Tree,
    /// A file, or the target of a symbolic link.
    Blob,
    /// A commit of another repository, whose objects are not here.
    Submodule,
}

impl EntryKind {
    /// Returns what an entry of that mode names.
    pub(in crate::source) fn of_mode(mode: u32) -> Self {
        match mode & 0o170_000 {
            0o040_000 => Self::Tree,
            0o160_000 => Self::Submodule,
            _ => Self::Blob,
        }
    }
}

/// Returns the entries of a tree, in which ids have so many bytes; an error as the last one where the rest can't be read.
pub(in crate::source) fn entries(
    bytes: &[u8],
    id_bytes: usize,
) -> impl Iterator<Item = Result<Entry<'_>, ()>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let split = Entry::split_off(rest, id_bytes);
        rest = split.map_or(&[], |(_, after)| after);
        Some(split.map(|(entry, _)| entry).ok_or(()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_ends_at_the_first_empty_line() {
        let text = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a> 1 +0000\n\nparent 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n\nmore";
        let commit = Commit::parse(text).unwrap();
        assert_eq!(commit.parents, []);
        assert_eq!(commit.author.unwrap().who, "A <a>");
        assert!(message(text).starts_with(b"parent 4b82"));
        assert!(message(text).ends_with(b"more"));
    }

    #[test]
    fn a_tree_cut_anywhere_gives_what_stands_before_the_cut_and_an_error() {
        let mut tree = b"100644 a.txt\0".to_vec();
        tree.extend([7; 20]);
        let whole = tree.len();
        tree.extend(b"40000 src\0");
        tree.extend([8; 20]);
        for cut in 0..=tree.len() {
            let read: Vec<_> = entries(&tree[..cut], 20).collect();
            let good = read.iter().filter(|entry| entry.is_ok()).count();
            let complete = [0, whole, tree.len()].contains(&cut);
            assert_eq!(good, usize::from(cut >= whole) + usize::from(cut == tree.len()));
            assert_eq!(read.len() - good, usize::from(!complete), "cut at {cut}");
        }
    }
}
