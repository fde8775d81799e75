//! Strings in pieces: `"AK" + "IA"`, literals on adjacent lines, a backslash at the end of a line.

use std::ops::Range;

use super::{Run, Substitution, blocks, is_token};

/// The longest stretch between two literals: the indentation of the next line.
const MAX_JOIN: usize = 256;

/// Returns where pieces are joined that could be a credential together.
pub(super) fn find(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut judge = |at: usize| {
        let is_past = found.last().is_none_or(|last| last.end <= at);
        if is_past && let Some(end) = join(bytes, at) {
            let behind = Run::onwards(bytes, end, |at| join(bytes, at).map(|end| end - at));
            let joined = Run { length: 0, escapes: 1, ..Run::default() };
            if Run::before(bytes, at).and(behind).and(joined).is_suspicious() {
                found.push(at..end + behind.bytes);
            }
        }
    };
    blocks::each(bytes, may_join, |before| judge(before + 1));
    found
}

/// Tells whether a join may begin at the second of three bytes. Most quotes are followed by a comma, a
/// parenthesis or a word. No branches: it is asked of every byte.
#[inline(always)]
fn may_join([before, sign, next]: &[u8; 3]) -> bool {
    let is_next = |signs: &[u8]| signs.iter().fold(false, |is, sign| is | (next == sign));
    let is_quote = (*sign == b'"') | (*sign == b'\'');
    let is_continued = (*sign == b'\\') & is_next(b"\n\r");
    is_token(*before) & (is_continued | is_quote & is_next(b" \t\n\r+.&|<\\"))
}

/// Returns every join in a window.
pub(super) fn substitutions(bytes: &[u8], window: &Range<usize>) -> Vec<Substitution> {
    let mut found: Vec<Substitution> = Vec::new();
    for at in memchr::memchr3_iter(b'"', b'\'', b'\\', &bytes[window.clone()]) {
        let at = window.start + at;
        let is_past = found.last().is_none_or(|last| last.range.end <= at);
        if is_past && let Some(end) = join(bytes, at) {
            found.push(Substitution::of(&(at..end), []));
        }
    }
    found
}

/// Returns the end of the join that begins at an offset: a token goes on there.
fn join(bytes: &[u8], at: usize) -> Option<usize> {
    let seen = bytes.get(at.checked_sub(1)?..)?.first_chunk()?;
    if !may_join(seen) {
        return None;
    }
    let text = &bytes[at..bytes.len().min(at + MAX_JOIN)];
    let length = match text[0] {
        b'\\' => continued_line(text)?,
        quote => next_literal(text, quote)?,
    };
    bytes.get(at + length).is_some_and(|next| is_token(*next)).then_some(at + length)
}

/// A backslash, the end of the line, and the next line's indentation.
fn continued_line(text: &[u8]) -> Option<usize> {
    let newline = match text[1..] {
        [b'\n', ..] => 2,
        [b'\r', b'\n', ..] => 3,
        _ => return None,
    };
    Some(newline + text[newline..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count())
}

/// A closing quote, a sign that joins strings or else the end of the line, and an opening quote.
fn next_literal(text: &[u8], quote: u8) -> Option<usize> {
    let (first, has_newline) = blanks(text, 1);
    let sign = sign(&text[first..]);
    let (second, _) = blanks(text, first + sign);
    // Two literals on one line are two arguments more often than one string.
    if sign == 0 && !has_newline {
        return None;
    }
    let is_prefix = |byte: &&u8| matches!(byte, b'r' | b'b' | b'u' | b'f' | b'L' | b'@' | b'$');
    let prefix = text[second..].iter().take(2).take_while(is_prefix).count();
    (text.get(second + prefix) == Some(&quote)).then_some(second + prefix + 1)
}

/// Returns how long the sign is that joins strings in one language or another: `+` in most, `.` in PHP and
/// Perl, `&` in Basic, `..` in Lua, `||` in SQL, `<>` in Elixir, `++` in Haskell, `\` where a line goes on.
fn sign(text: &[u8]) -> usize {
    match text {
        [b'+', b'+', ..] | [b'.', b'.', ..] | [b'|', b'|', ..] | [b'<', b'>', ..] => 2,
        [b'+' | b'.' | b'&', ..] => 1,
        [b'\\', b'\n' | b'\r', ..] => 1,
        _ => 0,
    }
}

/// Returns where the blanks that begin at an offset end, and whether a line ends in them. In Basic, `_` says
/// that the line goes on.
fn blanks(text: &[u8], from: usize) -> (usize, bool) {
    let mut at = from;
    let mut has_newline = false;
    while let Some(byte) = text.get(at) {
        match byte {
            b'\n' => has_newline = true,
            b' ' | b'\t' | b'\r' => {}
            b'_' if matches!(text.get(at + 1), Some(b'\n' | b'\r')) => {}
            _ => break,
        }
        at += 1;
    }
    (at, has_newline)
}

#[cfg(test)]
mod tests {
    use super::super::Layer;
    use super::*;

    fn joined(text: &str) -> String {
        let substitutions = substitutions(text.as_bytes(), &(0..text.len()));
        String::from_utf8(Layer::new(text.as_bytes(), 0..text.len(), substitutions).text).unwrap()
    }

    #[test]
    fn pieces_are_joined_in_every_language() {
        for text in [
            "\"ab\" + \"cd\"",
            "'ab'+\n    'cd'",
            "\"ab\"\n    + \"cd\"",
            "\"ab\"\n    \"cd\"",
            "\"ab\" \\\n    \"cd\"",
            "'ab' . 'cd'",
            "\"ab\" & _\r\n  \"cd\"",
            "'ab' .. 'cd'",
            "'ab' || 'cd'",
            "\"ab\" <> \"cd\"",
            "'ab'\n  b'cd'",
            "'ab\\\ncd'",
            "'ab\\\r\n  cd'",
        ] {
            assert_eq!(joined(text).trim_matches(['"', '\'']), "abcd", "{text:?}");
        }
    }

    #[test]
    fn what_is_not_one_string_stays_apart() {
        for text in
            ["f(\"ab\", \"cd\")", "\"ab\" \"cd\"", "\"ab\" + 'cd'", "\"ab\": \"cd\"", "\"ab\".len"]
        {
            assert_eq!(joined(text), text);
        }
    }

    #[test]
    fn only_joins_of_long_tokens_are_found() {
        assert_eq!(find(b"\"q8Zt1vK0\" + \"mPx7Wc3Rabc\"").len(), 1);
        assert_eq!(find(b"\"q8\" + \"Zt1\" + \"vK0\" + \"mPx7\" + \"Wc3Rab\"").len(), 1);
        assert_eq!(find(b"\"one\" + \"two\"; \"long_name_of_a\" + \"_variable\"").len(), 0);
    }
}
