//! Marks on the line of a secret, read while its bytes are at hand.

use std::ops::Range;

use super::{excerpt, lines};
use crate::finding::Mark;

/// How far from the secret a mark is looked for: a mark somewhere in a file of one long line must not
/// speak for every secret in it.
const REACH_BYTES: usize = 512;
/// A reason is cut here.
const MAX_REASON_BYTES: usize = 200;

/// Returns the mark on the line where a secret begins or ends, our own before another scanner's.
pub(super) fn near(bytes: &[u8], secret: &Range<usize>, masks: &[Range<usize>]) -> Option<Mark> {
    // Cut first: a line may be as long as a file, and have a thousand secrets.
    let line_of = |offset: usize| lines::line_round(bytes, &(offset..offset), REACH_BYTES);
    let lines = [line_of(secret.start), line_of(secret.end.saturating_sub(1).max(secret.start))];
    let find = |name: &'static str| {
        let (line, at) =
            lines.iter().find_map(|line| Some((line, position(bytes, line, name)?)))?;
        let words = at + name.len()..line.end.min(at + name.len() + MAX_REASON_BYTES);
        Some(Mark { name, reason: reason(&excerpt::shown(bytes, words, masks)) })
    };
    let mut foreign = Mark::FOREIGN.into_iter().filter_map(find);
    let own = find(Mark::OWN);
    match own {
        Some(mark) if mark.is_complete() => Some(mark),
        own => foreign.next().or(own),
    }
}

/// Returns where a mark stands in a line, in any case and as a word of its own.
fn position(bytes: &[u8], line: &Range<usize>, name: &str) -> Option<usize> {
    let text = &bytes[line.clone()];
    let is_word = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let at = text.windows(name.len()).enumerate().find_map(|(at, window)| {
        let is_here = window.eq_ignore_ascii_case(name.as_bytes())
            && !is_word(at.checked_sub(1).and_then(|before| text.get(before)))
            && !is_word(text.get(at + name.len()));
        is_here.then_some(at)
    })?;
    Some(line.start + at)
}

/// Returns the words of a reason without the marks of punctuation and comments round them.
fn reason(text: &str) -> Option<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '(';
    let from = text.find(is_word)?;
    let words = text[from..].trim_end();
    let closers = ["*/", "-->", "--}}", "#}", "%>", "\"", "'", ",", ";"];
    let mut words = words;
    while let Some(shorter) = closers.iter().find_map(|closer| words.strip_suffix(closer)) {
        words = shorter.trim_end();
    }
    (!words.is_empty()).then(|| words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(line: &str) -> Option<Mark> {
        let start = line.find("KEY").unwrap();
        near(line.as_bytes(), &(start..start + 3), &[])
    }

    #[test]
    fn reads_the_reason_behind_our_own_mark() {
        let found = mark("a = KEY  # stanch:allow: a sample of the vendor's manual\nb").unwrap();
        assert_eq!(found.reason.as_deref(), Some("a sample of the vendor's manual"));
        assert!(found.is_complete());
        let found = mark("<a>KEY</a> <!-- Stanch:Allow revoked -->").unwrap();
        assert_eq!(found.reason.as_deref(), Some("revoked"));
        assert!(!mark("a = KEY /* stanch:allow */").unwrap().is_complete());
    }

    #[test]
    fn honours_what_other_scanners_read() {
        for name in Mark::FOREIGN {
            assert_eq!(mark(&format!("a = KEY # {name}")).unwrap().name, name);
        }
        let both = mark("a = KEY # stanch:allow # gitleaks:allow").unwrap();
        assert_eq!(both.name, "stanch:allow", "what stands behind it is its reason");
    }

    #[test]
    fn a_mark_counts_on_its_line_only_and_as_a_word() {
        assert_eq!(mark("# gitleaks:allow\na = KEY\n# gitleaks:allow"), None);
        assert_eq!(mark("a = KEY # nogitleaks:allow"), None);
        assert_eq!(mark("a = KEY # gitleaks:allowed"), None);
        let far = format!("a = KEY;{}// gitleaks:allow", " ".repeat(REACH_BYTES));
        assert_eq!(mark(&far), None);
    }

    #[test]
    fn a_secret_in_a_reason_is_masked() {
        let line = "a = KEY # stanch:allow not KEY but 0123456789012345678901234567890";
        let start = line.rfind("KEY").unwrap();
        let masks = [4..7, start..start + 3];
        let found = near(line.as_bytes(), &(4..7), &masks).unwrap();
        assert_eq!(found.reason.as_deref(), Some("not … but …"));
    }
}
