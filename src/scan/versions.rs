//! Tests that make versions of texts from each other, and search them where they are new: what is found is what
//! a search of each version alone finds.

use proptest::prelude::*;

use super::search::search;
use super::{Detection, Scanner};
use crate::pattern::PatternSet;
use crate::source::{self, Blob, Copied, Lineage};

/// A piece of a version: some of its base, or something new.
pub(super) type Piece<N> = Result<(prop::sample::Index, prop::sample::Index), N>;

/// Returns pieces, of which two in three are some of the base.
pub(super) fn pieces<N: std::fmt::Debug>(
    new: impl Strategy<Value = N>,
) -> impl Strategy<Value = Vec<Piece<N>>> {
    let piece = prop_oneof![
        2 => any::<(prop::sample::Index, prop::sample::Index)>().prop_map(Ok),
        1 => new.prop_map(Err),
    ];
    prop::collection::vec(piece, 1..5)
}

/// Makes a version of pieces, and tells what it shares with its base.
pub(super) fn assembled<N: AsRef<[u8]>>(
    base: &[u8],
    pieces: &[Piece<N>],
) -> (Vec<u8>, Vec<Copied>) {
    let (mut bytes, mut copies) = (Vec::new(), Vec::new());
    for piece in pieces {
        match piece {
            Ok((from, to)) => {
                let [from, to] = [from, to].map(|index| index.index(base.len() + 1));
                let (base_start, end) = (from.min(to), from.max(to));
                let (start, length) = (bytes.len(), end - base_start);
                bytes.extend_from_slice(&base[base_start..end]);
                copies.extend((length > 0).then_some(Copied { base_start, start, length }));
            }
            Err(new) => bytes.extend_from_slice(new.as_ref()),
        }
    }
    (bytes, copies)
}

/// A key that stands for itself, and one that is a value with a name.
const PATTERNS: &str = r#"
[provider]
id = "edge"
name = "Edge"
class = "test"
console = "https://edge.example"

[[pattern]]
id = "edge-token"
description = "A key of its own: it opens nothing."
regex = '\b(?<key>tok_[a-z0-9]{12})\b'
anchors = ["tok_"]
severity = "low"
examples = ['«key»']
counterexamples = ['tok_']

[[pattern]]
id = "edge-value"
description = "A value with a name before it: it opens nothing."
regex = '(?i:secret word)["\s:=]{1,12}(?<key>[A-Za-z0-9]{16})\b'
anchors = ["secret word"]
severity = "low"
examples = ['secret word = "«key»"']
counterexamples = ['secret word']

[[pattern]]
id = "edge-end"
description = "A key that must not be followed by its own letters: it opens nothing."
regex = '\b(?<key>end_[a-z0-9]{8,12})(?:[^\w-]|$)'
anchors = ["end_"]
severity = "low"
examples = ['«key»']
counterexamples = ['end_']

[[pattern]]
id = "edge-part"
description = "A key in two parts: it opens nothing."
regex = '(?<id>par_[a-z]{3})'
secret = "other"
public = ["id"]
anchors = ["par_"]
severity = "low"
examples = ['«id» «other»']
counterexamples = ['par_']
[[pattern.part]]
name = "other"
regex = '(?<other>oth_[a-z0-9]{7})'
within_lines = 3
required = true
"#;

/// So much that what stands before it is not near what stands behind it.
const LONG: &str = {
    const BYTES: [u8; 5000] = [b'-'; 5000];
    match std::str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => "",
    }
};

/// Parts of keys as they are and in disguises, one over another, too; and what stands between them.
fn fragment() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "tok_q8zt1vk0mpx7",
        "tok_q8z",
        "t1vk0mpx7",
        "end_abcd",
        "efgh12",
        "par_abc",
        "oth_abcdefg",
        // `oth_abcdefg for par_abc`.
        "b3RoX2FiY2RlZmcgZm9yIHBhcl9hYmM=",
        "secret word = \"",
        "SECRET",
        "Word: ",
        "q8Zt1vK0mPx7Wc3R",
        "q8Zt1vK0",
        "mPx7Wc3R",
        // `tok_q8zt1vk0mpx7 and more`, whole and on two lines.
        "dG9rX3E4enQxdmswbXB4NyBhbmQgbW9yZQ==",
        "dG9rX3E4enQxdmswbXB4NyBh",
        "bmQgbW9yZSB0b2tfcTh6dDF2azBtcHg3",
        "cGFzc3dvcmRzIGFuZCBvdGhlcnMg",
        "746f6b5f71387a743176",
        "6b306d70783720616e64",
        "tok%5Fq8zt1vk0",
        "%6d",
        "px7",
        "tok\\u005f",
        "\\x71",
        "8zt1vk0mpx7",
        "\\n",
        "&#95;",
        "&quot;",
        "tok",
        "\" + \"",
        "\"\n    \"",
        "\\\n  ",
        "\"",
        "\n",
        "\r\n",
        "\n  ",
        " ",
        "=",
        "(",
        ".",
        ", ",
        "t\0o\0k\0_\0q\x008\0z\0t\x001\0v\0k\x000\0m\0p\0x\x007\0",
        "\0",
        "a line of words that say nothing at all and go on for a while;\n",
        LONG,
    ])
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(fragment(), 0..30).prop_map(|fragments| fragments.concat())
}

fn found(
    scanner: &Scanner,
    bytes: &[u8],
    base: Option<(&Option<source::Memory>, &[Copied])>,
) -> (Vec<String>, Option<source::Memory>) {
    let lineage = Lineage::onto(base);
    let blob = Blob { lineage: Some(&lineage), ..Blob::new(bytes, &[]) };
    let searched = search(scanner, &blob);
    let told = searched.detections.iter().map(|found| {
        let Detection { pattern, span, disguises, .. } = found;
        format!("{} at {span:?} in {disguises:?}", pattern.id)
    });
    (told.collect(), lineage.into_memory())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn in_each_version_that_is_found_which_is_found_in_it_alone(
        first in text(),
        versions in prop::collection::vec(pieces(fragment()), 1..4),
    ) {
        let set = PatternSet::from_files([("edge.toml", PATTERNS)]).unwrap();
        let scanner = Scanner::new(set);
        let mut base = first.into_bytes();
        let (_, mut memory) = found(&scanner, &base, None);
        for pieces in versions {
            let (bytes, copies) = assembled(&base, &pieces);
            let (told, next) = found(&scanner, &bytes, Some((&memory, &copies)));
            let (alone, _) = found(&scanner, &bytes, None);
            let (text, before) = (String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&base));
            prop_assert_eq!(told, alone, "{:?} from {:?} by {:?}", text, before, copies);
            (base, memory) = (bytes, next);
        }
    }
}

/// Asks that one key is found in a version made of these stretches of its base and of what is new.
fn assert_found(base: &str, pieces: &[Result<std::ops::Range<usize>, &str>]) {
    let scanner = Scanner::new(PatternSet::from_files([("edge.toml", PATTERNS)]).unwrap());
    let (_, memory) = found(&scanner, base.as_bytes(), None);
    let (mut bytes, mut copies) = (String::new(), Vec::new());
    for piece in pieces {
        if let Ok(range) = piece {
            let (base_start, start, length) = (range.start, bytes.len(), range.len());
            copies.push(Copied { base_start, start, length });
        }
        bytes += piece.clone().map_or_else(|new| new, |range| &base[range]);
    }
    let (told, _) = found(&scanner, bytes.as_bytes(), Some((&memory, &copies)));
    let (alone, _) = found(&scanner, bytes.as_bytes(), None);
    assert_eq!((&told, told.len()), (&alone, 1), "{bytes:?}");
}

/// `passwords and others tok_q8zt1vk0mpx7 yes`: neither line holds the key.
const LINES: [&str; 2] = ["cGFzc3dvcmRzIGFuZCBvdGhlcnMgdG", "9rX3E4enQxdmswbXB4NyB5ZXM="];

#[test]
fn base64_that_ends_with_the_version_is_seen_to_its_last_line() {
    let [first, second] = LINES;
    assert_found(&format!("{first}\n(("), &[Ok(0..first.len() + 1), Err(second)]);
}

#[test]
fn base64_goes_on_where_only_the_end_of_a_line_is_new() {
    let [first, second] = LINES;
    let (end, base) = (first.len() + 1, format!("{first}\nword:\n  {second}\n"));
    assert_found(&base, &[Ok(0..end), Ok(end + "word:\n".len()..base.len())]);
}

#[test]
fn a_last_line_of_base64_belongs_to_others_only_where_it_does_in_the_whole_version() {
    let first = "bmQgbW9yZSB0b2tfcTh6dDF2azBtcHg3dG9rX3E4enQxdmswbXB4NyBhtok_q8z";
    let base = format!("{first}\ndG9rX3E4enQxdmswbXB4NyBhbmQgbW9yZQ==");
    // Behind a blank the second line is none of many, and holds a key by itself.
    assert_found(&base, &[Ok(0..base.len() - 13), Err(" ")]);
}

#[test]
fn what_is_found_once_is_found_again_wherever_it_is_new() {
    let scanner = Scanner::new(PatternSet::from_files([("edge.toml", PATTERNS)]).unwrap());
    let base = b"a line that says nothing;\n";
    let (_, memory) = found(&scanner, base, None);
    let copies = [Copied { base_start: 0, start: 0, length: base.len() }];
    for new in ["(tok_q8zt1vk0mpx7)", "(dG9rX3E4enQxdmswbXB4NyB5ZXM=)", "(nothing)"] {
        let bytes = [base, new.as_bytes()].concat();
        let told = || found(&scanner, &bytes, Some((&memory, &copies))).0;
        let first = told();
        assert_eq!(first.len(), usize::from(new != "(nothing)"), "{new}");
        assert_eq!(told(), first, "{new}");
    }
}
