//! Text of others in Markdown.

use crate::finding::plain;

/// Returns text that somebody else wrote, as text: no formatting, link, image, HTML or table cell
/// comes of it, and no new line.
pub(super) fn escape(text: &str) -> String {
    let text = plain(text.trim());
    let mut escaped = String::with_capacity(text.len());
    for (i, c) in text.char_indices() {
        let special = match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '&' | '!' | '~' | '@'
            | '$' => true,
            // Bare addresses become links: `https://…` and `www.…`.
            ':' => text[i..].starts_with("://"),
            '.' => text[..i].to_ascii_lowercase().ends_with("www"),
            // At the beginning these make lists and rules.
            '-' | '+' | '=' => text[..i].trim().is_empty(),
            _ => false,
        };
        if special {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    numbered_list(escaped)
}

/// Keeps `1. …` and `1) …` at the beginning from making a list.
fn numbered_list(text: String) -> String {
    let digits = text.trim_start().bytes().take_while(u8::is_ascii_digit);
    let at = text.len() - text.trim_start().len() + digits.count();
    if at > 0 && text[at..].starts_with(['.', ')']) {
        return format!("{}\\{}", &text[..at], &text[at..]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        for (text, escaped) in [
            ("a|b", r"a\|b"),
            ("<img src=x>", r"\<img src=x\>"),
            ("[x](y)", r"\[x\](y)"),
            ("![x](y)", r"\!\[x\](y)"),
            ("# no title\n- no list", r"\# no title?- no list"),
            ("- no list", r"\- no list"),
            ("1. no list", r"1\. no list"),
            ("https://a.example", r"https\://a.example"),
            ("WWW.a.example", r"WWW\.a.example"),
            (r"\|", r"\\\|"),
            ("`a` *b* _c_ ~d~", r"\`a\` \*b\* \_c\_ \~d\~"),
            ("2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z"),
        ] {
            assert_eq!(escape(text), escaped);
        }
    }
}
