//! From Go's regex syntax to the dialect of provider files. They share RE2's ideas; this is where they
//! differ: brackets and operators in classes, `\Q…\E`, `\<`, and which group is the secret.

use crate::pattern::regex::parse;

/// A regex of our dialect with one named group.
pub(super) struct Translated {
    pub(super) text: String,
    /// How many groups capture in the original.
    pub(super) captures: usize,
}

/// Translates a regex and names its secret: the group of that number, or where none is said the first
/// group, or where there is none the whole match.
pub(super) fn translate(go: &str, group: Option<usize>, name: &str) -> Result<Translated, String> {
    // A first pass counts the groups; group 0 is never one of them.
    let captures = Walk::new(0, name).run(go)?.captures;
    let chosen = match group.filter(|number| *number > 0) {
        Some(number) if number > captures => {
            return Err(format!("secretGroup is {number}, and the regex has {captures} groups"));
        }
        Some(number) => number,
        None => captures.min(1),
    };
    let walk = Walk::new(chosen, name).run(go)?;
    let text = match chosen {
        0 => format!("(?<{name}>{})", walk.text),
        _ => walk.text,
    };
    parse(&text).map_err(|why| first_line(&why))?;
    Ok(Translated { text, captures })
}

/// Translates a regex that names nothing.
///
/// # Errors
/// Where it isn't one of our dialect.
pub fn translate_value(go: &str) -> Result<String, String> {
    let text = Walk::new(0, "").run(go)?.text;
    parse(&text).map_err(|why| first_line(&why))?;
    Ok(text)
}

/// Returns the last line of a parser's message: the ones before it draw the regex.
fn first_line(why: &str) -> String {
    why.lines().last().unwrap_or(why).trim().trim_start_matches("error: ").to_owned()
}

struct Walk<'a> {
    chosen: usize,
    name: &'a str,
    text: String,
    captures: usize,
}

impl<'a> Walk<'a> {
    fn new(chosen: usize, name: &'a str) -> Self {
        Self { chosen, name, text: String::new(), captures: 0 }
    }

    fn run(mut self, go: &str) -> Result<Self, String> {
        let mut rest = go;
        while let Some(c) = rest.chars().next() {
            rest = match c {
                '\\' => self.escape(rest)?,
                '[' => self.class(rest)?,
                '(' => self.group(rest)?,
                c => {
                    self.text.push(c);
                    &rest[c.len_utf8()..]
                }
            };
        }
        Ok(self)
    }

    /// Copies an escape; returns what stands behind it.
    fn escape<'t>(&mut self, rest: &'t str) -> Result<&'t str, String> {
        let escaped = rest.chars().nth(1).ok_or("it ends in a backslash")?;
        let behind = &rest[1 + escaped.len_utf8()..];
        match escaped {
            'Q' => {
                let (literal, behind) = behind.split_once(r"\E").unwrap_or((behind, ""));
                self.text.push_str(&regex_syntax::escape(literal));
                return Ok(behind);
            }
            // Here these are the edges of words; there they are themselves.
            '<' | '>' => self.text.push(escaped),
            _ => self.text.extend(['\\', escaped]),
        }
        Ok(behind)
    }

    /// Copies a class, where `[`, `&&`, `--` and `~~` are plain characters.
    fn class<'t>(&mut self, rest: &'t str) -> Result<&'t str, String> {
        self.text.push('[');
        let mut rest = &rest[1..];
        if let Some(behind) = rest.strip_prefix('^') {
            self.text.push('^');
            rest = behind;
        }
        if let Some(behind) = rest.strip_prefix(']') {
            self.text.push_str(r"\]");
            rest = behind;
        }
        let mut before = None;
        loop {
            let c = rest.chars().next().ok_or("a class isn't closed")?;
            match c {
                ']' => {
                    self.text.push(']');
                    return Ok(&rest[1..]);
                }
                '\\' => rest = self.escape(rest)?,
                '[' if rest.starts_with("[:") && rest.contains(":]") => {
                    let end = rest.find(":]").map_or(rest.len(), |at| at + 2);
                    self.text.push_str(&rest[..end]);
                    rest = &rest[end..];
                }
                c => {
                    let is_operator = "&-~".contains(c) && before == Some(c);
                    if c == '[' || is_operator {
                        self.text.push('\\');
                    }
                    self.text.push(c);
                    rest = &rest[c.len_utf8()..];
                }
            }
            before = Some(c);
        }
    }

    /// Opens a group: the chosen one gets its name, every other one captures no more.
    fn group<'t>(&mut self, rest: &'t str) -> Result<&'t str, String> {
        let named = ["(?P<", "(?<"].iter().find_map(|open| rest.strip_prefix(open));
        let behind = match named {
            Some(behind) => behind.split_once('>').ok_or("a group's name isn't closed")?.1,
            None if rest.starts_with("(?") => {
                self.text.push_str("(?");
                return Ok(&rest[2..]);
            }
            None => &rest[1..],
        };
        self.captures += 1;
        match self.captures == self.chosen {
            true => self.text.push_str(&format!("(?<{}>", self.name)),
            false => self.text.push_str("(?:"),
        }
        Ok(behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(go: &str, group: Option<usize>) -> String {
        translate(go, group, "key").unwrap_or_else(|why| panic!("{go}: {why}")).text
    }

    #[test]
    fn names_the_secret() {
        assert_eq!(text("ab", None), "(?<key>ab)");
        assert_eq!(text("(a)(?:b)(c)", None), "(?<key>a)(?:b)(?:c)");
        assert_eq!(text("(a)(?P<x>b)", Some(2)), "(?:a)(?<key>b)");
        assert_eq!(text(r"\(a(b)[(]", Some(1)), r"\(a(?<key>b)[(]");
        assert!(translate("(a)", Some(2), "key").is_err());
    }

    #[test]
    fn classes_mean_what_they_meant() {
        assert_eq!(text("[[a]", None), r"(?<key>[\[a])");
        assert_eq!(text("[]a]", None), r"(?<key>[\]a])");
        assert_eq!(text("[^&&+]", None), r"(?<key>[^&\&+])");
        assert_eq!(text("[[:alpha:]_]", None), "(?<key>[[:alpha:]_])");
    }

    #[test]
    fn literals_mean_what_they_meant() {
        assert_eq!(text(r"\Qa.b\E\<c\>", None), r"(?<key>a\.b<c>)");
        assert_eq!(text(r"(?i)[\w.-]{0,9}", None), r"(?<key>(?i)[\w.-]{0,9})");
    }

    #[test]
    fn what_is_no_regex_of_ours_says_why() {
        for go in [r"(?=a)b", r"\p{Greek}", "[a", "a\\", "(a"] {
            assert!(translate(go, None, "key").is_err(), "{go}");
        }
    }
}
