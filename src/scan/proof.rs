//! Provider files prove themselves: their examples, filled with random text, are found by the real
//! scanner at exactly the gap, and nothing else claims them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use rand::Rng;

use super::Scanner;
use crate::pattern::{Example, Pattern, PatternSet};

/// How often each example is filled anew.
const FILLINGS: usize = 64;
/// So many fillings of an example may be missed: random text now and then reads like a template, a
/// checksum or an escape, which are rightly dropped.
const TOLERATED_MISSES: usize = 2;

/// Returns every way in which a pattern breaks its word, each once.
fn broken_promises(scanner: &Scanner, pattern: &Pattern, rng: &mut dyn Rng) -> BTreeSet<String> {
    let mut wrong = broken_conventions(scanner.patterns(), pattern);
    let examples = pattern.examples.iter().map(|text| (text, true));
    let counterexamples = pattern.counterexamples.iter().map(|text| (text, false));
    for (text, is_example) in examples.chain(counterexamples) {
        let mut tolerated = if is_example { TOLERATED_MISSES } else { 0 };
        for _ in 0..FILLINGS {
            let why = match pattern.fill(text, rng) {
                Err(error) => Some(error.to_string()),
                Ok(filled) if is_example => missed(scanner, pattern, &filled),
                Ok(filled) => found(scanner, pattern, &filled),
            };
            match (why, tolerated) {
                (None, _) => {}
                (Some(why), 0) => {
                    wrong.insert(format!("in {text:?}: {why}"));
                    break;
                }
                (Some(_), _) => tolerated -= 1,
            }
        }
    }
    wrong
}

/// Returns what is wrong with a filled example, if anything.
fn missed(scanner: &Scanner, pattern: &Pattern, example: &Example) -> Option<String> {
    let detections = scanner.scan_bytes(example.text.as_bytes());
    let (own, others): (Vec<_>, Vec<_>) =
        detections.iter().partition(|detection| detection.pattern.id == pattern.id);
    if let Some(other) = others.first() {
        let other = &other.pattern.id;
        return Some(format!("{other} claims it too; declare `overlaps` or sharpen one"));
    }
    let [found] = own[..] else {
        return Some(format!("{} findings instead of one", own.len()));
    };
    let wrong_gap = example.gaps.iter().find(|gap| found.parts.get(&gap.group) != Some(&gap.span));
    wrong_gap.map(|gap| format!("group {} was found elsewhere than in its gap", gap.group))
}

fn found(scanner: &Scanner, pattern: &Pattern, counterexample: &Example) -> Option<String> {
    let detections = scanner.scan_bytes(counterexample.text.as_bytes());
    let is_found = detections.iter().any(|detection| detection.pattern.id == pattern.id);
    is_found.then(|| "a counterexample is found".to_owned())
}

fn broken_conventions(set: &PatternSet, pattern: &Pattern) -> BTreeSet<String> {
    let provider = &pattern.provider;
    let expected = Path::new(&provider.class).join(format!("{}.toml", provider.id));
    let sentence = pattern.description.split_once(": ").is_some_and(|(what, can)| {
        !what.is_empty() && can.ends_with('.') && !can.trim_end_matches('.').contains(". ")
    });
    let unknown = pattern.overlaps.iter().find(|id| set.get(id).is_none());
    [
        (!Path::new(&pattern.file).ends_with(&expected))
            .then(|| format!("belongs in {}", expected.display())),
        (!sentence).then(|| {
            "description: one sentence, `what was found: what its holder can do.`".to_owned()
        }),
        pattern.examples.is_empty().then(|| "at least one example".to_owned()),
        pattern.counterexamples.is_empty().then(|| "at least one counterexample".to_owned()),
        (!provider.console.starts_with("https://")).then(|| "console: an https address".to_owned()),
        unknown.map(|id| format!("overlaps names {id}, which is no pattern")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Returns every broken promise of the patterns that `is_asked` names, as `file: pattern: why`.
pub fn prove(
    scanner: &Scanner,
    is_asked: impl Fn(&Pattern) -> bool,
    rng: &mut dyn Rng,
) -> Vec<String> {
    let asked = scanner.patterns().patterns().iter().filter(|pattern| is_asked(pattern));
    let wrong = |pattern: &Arc<Pattern>| {
        let named = |why: String| format!("{}: {}: {why}", pattern.file, pattern.id);
        broken_promises(scanner, pattern, &mut *rng).into_iter().map(named).collect::<Vec<_>>()
    };
    asked.flat_map(wrong).collect()
}
