//! How the matches of a regex begin. Where an anchor always stands so many bytes behind the beginning,
//! a hit says where its match would begin, and a few bytes there say that most don't.

use regex_syntax::hir::{Class, ClassBytes, Hir, HirKind, Look, Repetition};

/// No more bytes of a beginning are looked at.
const MAX_BYTES: usize = 72;
/// A regex with more beginnings than that is searched in a window round the anchor.
const MAX_OPENINGS: usize = 32;
/// A class with no more bytes is taken byte by byte, since an anchor holds one of them.
const MAX_SPLIT: usize = 3;

/// One way in which a match can begin, and where an anchor stands in it.
#[derive(Clone, Debug)]
pub struct Opening {
    /// How many bytes before the anchor the match begins.
    offset: usize,
    bytes: Vec<ByteSet>,
    edge: Edge,
}

impl Opening {
    /// Returns where a match may begin that holds the anchor at `anchor`.
    pub fn start(&self, text: &[u8], anchor: usize) -> Option<usize> {
        let start = anchor.checked_sub(self.offset)?;
        let stands = text.get(start..start + self.bytes.len())?;
        let before = start.checked_sub(1).map(|before| is_word(text[before]));
        let is_edge = match self.edge {
            Edge::Any => true,
            Edge::OfWord => before != Some(true),
            Edge::OfOther => before == Some(true),
        };
        let is_here = is_edge && stands.iter().zip(&self.bytes).all(|(&byte, set)| set.has(byte));
        is_here.then_some(start)
    }
}

/// Returns for each anchor the openings that hold it, or `None` where a match may begin otherwise.
/// Anchors are in lower case.
pub(super) fn openings(regex: &Hir, anchors: &[String]) -> Option<Vec<Vec<Opening>>> {
    let heads = heads(regex)?;
    let mut openings = vec![Vec::new(); anchors.len()];
    for head in heads {
        let mut is_anchored = false;
        for (anchor, openings) in anchors.iter().zip(&mut openings) {
            for offset in head.offsets(anchor.as_bytes()) {
                is_anchored = true;
                let (bytes, edge) = (head.bytes.clone(), head.edge());
                openings.push(Opening { offset, bytes, edge });
            }
        }
        if !is_anchored {
            return None;
        }
    }
    Some(openings)
}

/// What must stand before the beginning.
#[derive(Clone, Copy, Debug)]
enum Edge {
    Any,
    /// The first byte is a word's, so the one before is none.
    OfWord,
    /// The other way round.
    OfOther,
}

/// The bytes that may stand at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ByteSet([u64; 4]);

impl ByteSet {
    fn of(bytes: impl IntoIterator<Item = u8>) -> Self {
        let mut set = [0; 4];
        bytes.into_iter().for_each(|byte| set[usize::from(byte >> 6)] |= 1 << (byte & 63));
        Self(set)
    }

    fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }

    fn bytes(&self) -> impl Iterator<Item = u8> {
        (0..=u8::MAX).filter(|&byte| self.has(byte))
    }

    /// Tells whether nothing but this byte may stand here, in either case.
    fn is(&self, byte: u8) -> bool {
        self.bytes().all(|has| has.eq_ignore_ascii_case(&byte))
    }
}

/// The beginning of a match, as far as it is known.
#[derive(Clone, Debug, Default)]
struct Head {
    bytes: Vec<ByteSet>,
    is_at_edge: bool,
    /// What comes next is not known.
    is_closed: bool,
}

impl Head {
    /// Returns every place at which an anchor always stands.
    fn offsets(&self, anchor: &[u8]) -> Vec<usize> {
        let is_anchor = |sets: &[ByteSet]| sets.iter().zip(anchor).all(|(set, &byte)| set.is(byte));
        let places = self.bytes.windows(anchor.len()).enumerate();
        places.filter(|(_, sets)| is_anchor(sets)).map(|(offset, _)| offset).collect()
    }

    fn edge(&self) -> Edge {
        match self.bytes.first() {
            Some(first) if self.is_at_edge && first.bytes().all(is_word) => Edge::OfWord,
            Some(first) if self.is_at_edge && !first.bytes().any(is_word) => Edge::OfOther,
            _ => Edge::Any,
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Returns every way in which a match can begin, or `None` where there are too many.
fn heads(regex: &Hir) -> Option<Vec<Head>> {
    let heads = extended(vec![Head::default()], regex)?;
    (heads.len() <= MAX_OPENINGS).then_some(heads)
}

/// Returns the heads with what may come next behind those that are open.
fn extended(heads: Vec<Head>, next: &Hir) -> Option<Vec<Head>> {
    if heads.len() > MAX_OPENINGS {
        return None;
    }
    match next.kind() {
        HirKind::Empty => Some(heads),
        HirKind::Literal(literal) => {
            let literal = literal.0.iter().map(|&byte| ByteSet::of([byte]));
            Some(literal.fold(heads, |heads, set| with(heads, &[set])))
        }
        HirKind::Class(Class::Bytes(class)) => Some(with(heads, &split(class))),
        HirKind::Class(Class::Unicode(_)) => Some(closed(heads)),
        HirKind::Look(look) => Some(looking(heads, *look)),
        HirKind::Capture(capture) => extended(heads, &capture.sub),
        HirKind::Concat(parts) => parts.iter().try_fold(heads, extended),
        HirKind::Alternation(ways) => {
            let ways = ways.iter().map(|way| extended(heads.clone(), way));
            Some(ways.collect::<Option<Vec<_>>>()?.concat())
        }
        HirKind::Repetition(repetition) => repeated(heads, repetition),
    }
}

fn repeated(mut heads: Vec<Head>, repetition: &Repetition) -> Option<Vec<Head>> {
    let most = repetition.max.unwrap_or(u32::MAX);
    for _ in 0..repetition.min.min(MAX_BYTES as u32) {
        heads = extended(heads, &repetition.sub)?;
    }
    match most - repetition.min {
        0 => Some(heads),
        1 => Some([extended(heads.clone(), &repetition.sub)?, heads].concat()),
        _ => Some(closed(heads)),
    }
}

/// Returns the heads without anything behind them.
fn closed(mut heads: Vec<Head>) -> Vec<Head> {
    heads.iter_mut().for_each(|head| head.is_closed = true);
    heads
}

/// Returns the heads with any of these sets behind them.
fn with(heads: Vec<Head>, sets: &[ByteSet]) -> Vec<Head> {
    let mut longer = Vec::with_capacity(heads.len() * sets.len());
    for mut head in heads {
        head.is_closed |= head.bytes.len() == MAX_BYTES;
        if head.is_closed {
            longer.push(head);
            continue;
        }
        longer.extend(sets.iter().map(|set| {
            let mut head = head.clone();
            head.bytes.push(*set);
            head
        }));
    }
    longer
}

/// Returns the heads with a look behind them: only that at the very beginning is used, the others make
/// matches fewer and nothing else.
fn looking(mut heads: Vec<Head>, look: Look) -> Vec<Head> {
    let is_edge = matches!(look, Look::WordAscii | Look::WordUnicode);
    let open = heads.iter_mut().filter(|head| head.bytes.is_empty() && !head.is_closed);
    open.for_each(|head| head.is_at_edge |= is_edge);
    heads
}

/// Returns a class as one set, or as one for each letter or sign where these are few.
fn split(class: &ClassBytes) -> Vec<ByteSet> {
    let bytes = class.ranges().iter().flat_map(|range| range.start()..=range.end());
    let set = ByteSet::of(bytes);
    let folded = ByteSet::of(set.bytes().map(|byte| byte.to_ascii_lowercase()));
    if folded.bytes().count() > MAX_SPLIT {
        return vec![set];
    }
    let cases = |byte: u8| [byte, byte.to_ascii_uppercase()].into_iter().filter(|b| set.has(*b));
    folded.bytes().map(|byte| ByteSet::of(cases(byte))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::regex::parse;

    /// Returns where matches round the anchor may begin, or `None` where that isn't known.
    fn starts(regex: &str, anchor: &str, text: &str) -> Option<Vec<usize>> {
        let openings = openings(&parse(regex).unwrap(), &[anchor.to_owned()])?;
        let at = text.to_ascii_lowercase().find(anchor).unwrap();
        Some(openings[0].iter().filter_map(|o| o.start(text.as_bytes(), at)).collect())
    }

    #[test]
    fn an_anchor_at_a_fixed_place_says_where_a_match_begins() {
        assert_eq!(starts(r"\b(?<key>sk-[a-z]{3,9})", "sk-", "a sk-abc"), Some(vec![2]));
        assert_eq!(starts(r"\b(?<key>[a-z]{4}-key)", "-key", "a abcd-key"), Some(vec![2]));
        assert_eq!(starts(r"(?i:dd[_-]?api)", "dd_api", "DD_API"), None, "ddapi is no anchor");
        assert_eq!(starts(r"(?:^|[\s=])(?<key>fw_\w{4})", "fw_", "=fw_abcd"), Some(vec![1, 0]));
    }

    #[test]
    fn what_cannot_begin_a_match_is_seen() {
        let key = r"\b(?<key>sk-[0-9]{2,9})";
        assert_eq!(starts(key, "sk-", "task-12"), Some(vec![]), "within a word");
        assert_eq!(starts(key, "sk-", "SK-12"), Some(vec![]), "in capitals");
        assert_eq!(starts(key, "sk-", "sk-ab"), Some(vec![]), "no digit");
        assert_eq!(starts(key, "sk-", "sk-1"), Some(vec![]), "the end");
    }

    #[test]
    fn a_class_of_few_signs_is_taken_apart() {
        let (regex, anchors) = ("dd[_-]api", ["dd_api".to_owned(), "dd-api".to_owned()]);
        let openings = openings(&parse(regex).unwrap(), &anchors).unwrap();
        assert_eq!(openings.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1]);
        assert_eq!(openings[1][0].start(b"x dd-api", 2), Some(2));
    }

    #[test]
    fn an_anchor_behind_a_repetition_stands_anywhere() {
        assert_eq!(starts(r"[a-z]{3,9}-key", "-key", "abcd-key"), None);
    }
}
