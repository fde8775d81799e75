//! Literals that every match of a regex contains: what another scanner calls keywords stands anywhere
//! in a file, ours stand inside the match.

use regex_syntax::hir::{Class, Hir, HirKind};

/// More alternatives than this make no good anchors.
const MAX_LITERALS: usize = 48;
/// As provider files require.
const MIN_BYTES: usize = 3;
/// A longer literal is no better.
const LONG_BYTES: usize = 8;

type Literals = Vec<Vec<u8>>;

/// Returns literals in lower case, one of which every match contains, or `None` where there are none.
pub(super) fn anchors(hir: &Hir) -> Option<Vec<String>> {
    let mut literals = required(hir)?;
    literals.sort();
    literals.dedup();
    literals.into_iter().map(|literal| String::from_utf8(literal).ok()).collect()
}

/// Returns the best literals of which every match has one.
fn required(hir: &Hir) -> Option<Literals> {
    if let Some(literals) = exact(hir).filter(is_good) {
        return Some(literals);
    }
    match hir.kind() {
        HirKind::Capture(capture) => required(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => required(&repetition.sub),
        HirKind::Concat(parts) => runs(parts).into_iter().max_by_key(score),
        HirKind::Alternation(parts) => {
            let each: Option<Vec<Literals>> = parts.iter().map(required).collect();
            Some(each?.concat()).filter(is_good)
        }
        _ => None,
    }
}

/// Returns the literals of each stretch of a concatenation.
fn runs(parts: &[Hir]) -> Vec<Literals> {
    let mut found = Vec::new();
    let mut run: Literals = vec![Vec::new()];
    for part in parts {
        let longer = exact(part).and_then(|literals| product(&run, &literals));
        match longer {
            Some(longer) => run = longer,
            None => {
                found.push(std::mem::replace(&mut run, vec![Vec::new()]));
                match exact(part) {
                    Some(literals) => run = literals,
                    None => found.extend(required(part)),
                }
            }
        }
    }
    found.push(run);
    found.retain(is_good);
    found
}

fn is_good(literals: &Literals) -> bool {
    let is_anchor = |literal: &Vec<u8>| literal.len() >= MIN_BYTES && literal.is_ascii();
    !literals.is_empty() && literals.len() <= MAX_LITERALS && literals.iter().all(is_anchor)
}

/// Longer is better, fewer is better.
fn score(literals: &Literals) -> usize {
    let shortest = literals.iter().map(Vec::len).min().unwrap_or(0).min(LONG_BYTES);
    (shortest * MAX_LITERALS).saturating_sub(literals.len())
}

/// Returns everything that a regex matches, in lower case, where that is little.
fn exact(hir: &Hir) -> Option<Literals> {
    let literals = match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => vec![Vec::new()],
        HirKind::Literal(literal) => vec![literal.0.to_ascii_lowercase()],
        HirKind::Class(class) => of_class(class)?,
        HirKind::Capture(capture) => exact(&capture.sub)?,
        HirKind::Repetition(repetition) => {
            let sub = exact(&repetition.sub)?;
            match (repetition.min, repetition.max) {
                (0, Some(1)) => [sub, vec![Vec::new()]].concat(),
                (least, Some(most)) if least == most && most <= 16 => {
                    let empty: Literals = vec![Vec::new()];
                    (0..most).try_fold(empty, |literals, _| product(&literals, &sub))?
                }
                _ => return None,
            }
        }
        HirKind::Concat(parts) => {
            let empty: Literals = vec![Vec::new()];
            parts.iter().try_fold(empty, |literals, part| product(&literals, &exact(part)?))?
        }
        HirKind::Alternation(parts) => {
            let each: Option<Vec<Literals>> = parts.iter().map(exact).collect();
            each?.concat()
        }
    };
    let mut literals = literals;
    literals.sort();
    literals.dedup();
    (literals.len() <= MAX_LITERALS).then_some(literals)
}

fn of_class(class: &Class) -> Option<Literals> {
    let Class::Bytes(bytes) = class else { return None };
    let size: usize = bytes.ranges().iter().map(|range| range.len()).sum();
    if size > MAX_LITERALS {
        return None;
    }
    let each = bytes.ranges().iter().flat_map(|range| range.start()..=range.end());
    let mut literals: Literals = each.map(|byte| vec![byte.to_ascii_lowercase()]).collect();
    literals.sort();
    literals.dedup();
    // A class of many letters is chance, not a word.
    (literals.len() <= 4).then_some(literals)
}

fn product(left: &Literals, right: &Literals) -> Option<Literals> {
    let pairs = left.iter().flat_map(|a| right.iter().map(|b| [a.as_slice(), b].concat()));
    let pairs: Literals = pairs.collect();
    (pairs.len() <= MAX_LITERALS).then_some(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::regex::parse;

    fn of(regex: &str) -> Option<Vec<String>> {
        anchors(&parse(regex).unwrap())
    }

    #[test]
    fn finds_what_every_match_contains() {
        let some = |words: &[&str]| Some(words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(r"\b(acme_[a-z0-9]{20})\b"), some(&["acme_"]));
        assert_eq!(of("(?i)Acme[0-9]{9}"), some(&["acme"]));
        assert_eq!(of("(?:abc|abd)_[0-9]{9}"), some(&["abc_", "abd_"]));
        assert_eq!(of("ab[cd]_x?[0-9]{9}"), some(&["abc_", "abc_x", "abd_", "abd_x"]));
        assert_eq!(of(r"[\w.-]{0,9}(?:adobe)[ \t]{0,3}=[a-f0-9]{32}"), some(&["adobe"]));
        assert_eq!(of("(?:foo[0-9]+|bar[a-z]+)"), some(&["bar", "foo"]));
    }

    #[test]
    fn claims_nothing_where_nothing_is_sure() {
        for regex in ["[a-z0-9]{32}", "(?:foo)?[0-9]{9}", "(?:foo|[0-9]{9})", "ab[0-9]{9}"] {
            assert_eq!(of(regex), None, "{regex}");
        }
    }
}
