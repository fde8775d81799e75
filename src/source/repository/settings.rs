//! Files in the form of git's configuration, read as they stand: no file that they name is read with them.
//!
//! libgit2 opens what a file includes while it reads it, and whether that can be opened is the question here.

use std::iter::Peekable;
use std::str::Chars;

/// One line that sets something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Setting {
    /// The section, in lower case: of `[submodule "lib"]` it is `submodule`.
    pub(super) section: String,
    /// What stands in quotes behind it.
    pub(super) name: String,
    /// What is set, in lower case.
    pub(super) key: String,
    pub(super) value: String,
}

/// Returns all settings of a text, in order. What is no setting is passed over.
pub(super) fn settings(text: &str) -> Vec<Setting> {
    let mut reader = Reader { rest: text.chars().peekable() };
    let (mut settings, mut above) = (Vec::new(), Setting::default());
    while let Some(next) = reader.rest.peek() {
        match next {
            '[' => above = reader.header(),
            '#' | ';' => reader.line(),
            next if next.is_whitespace() => _ = reader.rest.next(),
            _ => settings.extend(reader.setting(&above)),
        }
    }
    settings
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
}

impl Reader<'_> {
    /// Passes over what is left of a line.
    fn line(&mut self) {
        self.rest.by_ref().take_while(|next| *next != '\n').for_each(drop);
    }

    /// Reads `[section "name"]`.
    fn header(&mut self) -> Setting {
        let (mut header, mut is_quoted) = (Setting::default(), false);
        self.rest.next();
        while let Some(next) = self.rest.next() {
            match next {
                ']' if !is_quoted => break,
                '\n' => break,
                '"' => is_quoted = !is_quoted,
                '\\' if is_quoted => header.name.extend(self.rest.next()),
                next if is_quoted => header.name.push(next),
                next if next.is_whitespace() => {}
                next => header.section.extend(next.to_lowercase()),
            }
        }
        header
    }

    /// Reads `key = value`; none where there is no value.
    fn setting(&mut self, above: &Setting) -> Option<Setting> {
        let mut key = String::new();
        while let Some(next) = self.rest.next_if(|next| !"=\n#;".contains(*next)) {
            key.extend(next.to_lowercase());
        }
        if self.rest.next_if_eq(&'=').is_none() {
            self.line();
            return None;
        }
        let (key, value) = (key.trim().to_owned(), self.value());
        Some(Setting { key, value, ..above.clone() })
    }

    /// Reads a value to the end of its line, which a backslash puts off.
    fn value(&mut self) -> String {
        let (mut value, mut is_quoted) = (String::new(), false);
        while let Some(next) = self.rest.next() {
            match next {
                '\n' => break,
                '#' | ';' if !is_quoted => {
                    self.line();
                    break;
                }
                '"' => is_quoted = !is_quoted,
                '\\' => value.extend(self.escaped()),
                next => value.push(next),
            }
        }
        value.trim().to_owned()
    }

    fn escaped(&mut self) -> Option<char> {
        match self.rest.next()? {
            '\n' => None,
            '\r' => {
                self.rest.next_if_eq(&'\n');
                None
            }
            'n' => Some('\n'),
            't' => Some('\t'),
            'b' => Some('\u{8}'),
            other => Some(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<[String; 4]> {
        let settings = settings(text).into_iter();
        settings.map(|Setting { section, name, key, value }| [section, name, key, value]).collect()
    }

    #[test]
    fn every_form_of_a_setting_is_read() {
        let text = "# path = no\n[Submodule \"a] \\\"b\"]\n\tPath = \"x # y\" ; no\n bare\n\
                    url = a\\\\\\\nb\\\"\r\n[include] path = c\nlast=d";
        let named = |key: &str, value: &str| ["submodule", "a] \"b", key, value].map(str::to_owned);
        let plain = |key: &str, value: &str| ["include", "", key, value].map(str::to_owned);
        let expected = [
            named("path", "x # y"),
            named("url", "a\\b\""),
            plain("path", "c"),
            plain("last", "d"),
        ];
        assert_eq!(read(text), expected);
    }

    #[test]
    fn what_is_cut_off_anywhere_ends() {
        let text = "[a \"b\\\"\"]\nc = \"d\\\\\" # e\nf\n";
        for end in 0..=text.len() {
            assert!(read(&text[..end]).len() <= 1, "cut at {end}");
        }
    }
}
