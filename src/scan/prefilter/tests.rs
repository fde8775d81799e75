use aho_corasick::AhoCorasick;
use proptest::prelude::*;

use super::*;
use crate::pattern::PatternSet;

/// Returns what a plain automaton finds.
fn plainly(anchors: &[Box<[u8]>], text: &[u8], range: &Range<usize>) -> Vec<Hit> {
    let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(anchors).unwrap();
    let hit = |found: aho_corasick::Match| Hit {
        start: range.start + found.start(),
        end: range.start + found.end(),
        anchor: found.pattern().as_u32(),
    };
    let found = automaton.find_overlapping_iter(&text[range.clone()]);
    let mut hits: Vec<Hit> = found.map(hit).collect();
    hits.sort();
    hits
}

fn assert_all_find_the_same(prefilter: &mut Prefilter, text: &[u8], range: Range<usize>) {
    let expected = plainly(&prefilter.anchors, text, &range);
    for kernel in Kernel::available() {
        prefilter.kernel = kernel;
        let mut hits = Vec::new();
        prefilter.each_hit(text, range.clone(), &mut Room::default(), |hit| hits.push(hit));
        assert_eq!(hits, expected, "{kernel:?}");
    }
}

fn embedded() -> Prefilter {
    Prefilter::new(PatternSet::embedded().unwrap().patterns())
}

fn of_anchors<'a>(anchors: impl IntoIterator<Item = &'a str>) -> Prefilter {
    let anchors = anchors.into_iter().map(|anchor| anchor.as_bytes().into());
    Prefilter::of(anchors.collect(), Vec::new(), Kernel::Portable)
}

/// Returns text that is full of anchors and of what is nearly one.
fn text(anchors: Vec<Box<[u8]>>) -> impl Strategy<Value = Vec<u8>> {
    let anchor = (proptest::sample::select(anchors), any::<bool>(), 0..3_usize);
    let anchor = anchor.prop_map(|(anchor, is_upper, cut)| {
        let cased = if is_upper { anchor.to_ascii_uppercase() } else { anchor.to_vec() };
        cased[cut.min(cased.len() - 1) * (cut / 2)..].to_vec()
    });
    let piece = prop_oneof![
        3 => anchor,
        2 => "[ -~]{0,80}".prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..40),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_kernel_finds_what_a_plain_automaton_finds(
        text in text(embedded().anchors),
        (from, to) in (0.0..1.0_f64, 0.0..1.0_f64),
    ) {
        let mut prefilter = embedded();
        let at = |share: f64| (share * text.len() as f64) as usize;
        assert_all_find_the_same(&mut prefilter, &text, 0..text.len());
        assert_all_find_the_same(&mut prefilter, &text, at(from)..at(to).max(at(from)));
    }

    #[test]
    fn any_anchors_are_found(
        words in proptest::collection::btree_set("[a-d_-]{3,40}", 1..40),
        text in "[a-dA-D_-]{0,3000}",
    ) {
        let mut prefilter = of_anchors(words.iter().map(String::as_str));
        assert_all_find_the_same(&mut prefilter, text.as_bytes(), 0..text.len());
    }
}

#[test]
fn an_anchor_is_found_wherever_it_stands() {
    let anchors = ["a-very-long-anchor-of-forty-characters-", "key"];
    let mut prefilter = of_anchors(anchors);
    for anchor in anchors {
        for before in (0..70).chain(CHUNK_BYTES - 45..CHUNK_BYTES + 5) {
            for after in [0, 1, 3, 64, 67] {
                let text = [" ".repeat(before), anchor.to_owned(), " ".repeat(after)].concat();
                assert_all_find_the_same(&mut prefilter, text.as_bytes(), 0..text.len());
            }
        }
    }
}

#[test]
fn the_vector_test_lets_little_source_text_through() {
    let text = include_bytes!("windows.rs");
    let prefilter = embedded();
    for kernel in Kernel::available() {
        let mut positions = Positions::default();
        positions.start(text.len());
        kernel.test(&prefilter.places, text, &mut positions);
        let passed = positions.iter().count();
        assert!(kernel == Kernel::Portable || passed * 30 < text.len(), "{kernel:?}: {passed}");
    }
}

#[test]
fn every_embedded_anchor_was_chosen_for_when_the_program_was_built() {
    let prefilter = embedded();
    let open: Vec<_> = prefilter.anchors.iter().filter(|a| known(a).is_none()).collect();
    assert!(open.is_empty(), "{open:?}");
}
