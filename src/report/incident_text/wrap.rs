//! Lines that fit: words wrapped under a label, and two columns beside each other.

/// Lines of a page of some width.
pub(super) struct Page {
    width: usize,
    lines: Vec<String>,
}

/// Where the words behind a label begin.
pub(super) const LABEL: usize = 12;

impl Page {
    pub(super) fn new(width: usize) -> Self {
        Self { width, lines: Vec::new() }
    }

    /// Adds a line as it is.
    pub(super) fn line(&mut self, text: impl Into<String>) {
        self.lines.push(text.into());
    }

    /// Adds a label with words behind it, wrapped.
    pub(super) fn fact(&mut self, label: &str, words: &str) {
        self.hanging(&format!("{label:LABEL$}"), words);
    }

    /// Adds words behind a beginning, wrapped under where they begin.
    pub(super) fn hanging(&mut self, beginning: &str, words: &str) {
        self.hanging_at(beginning, seen(beginning), words);
    }

    /// Adds words behind a beginning, wrapped at that column.
    pub(super) fn hanging_at(&mut self, beginning: &str, indent: usize, words: &str) {
        let mut line = beginning.to_owned();
        let mut width = seen(beginning);
        let mut is_first = true;
        for word in words.split(' ').filter(|word| !word.is_empty()) {
            let length = seen(word);
            if !is_first && width + 1 + length > self.width {
                self.lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
                width = indent;
            } else if !is_first {
                line.push(' ');
                width += 1;
            }
            line.push_str(word);
            width += length;
            is_first = false;
        }
        self.lines.push(line);
    }

    /// Returns the lines.
    pub(super) fn into_lines(self) -> Vec<String> {
        self.lines
    }
}

/// Returns lines side by side.
pub(super) fn beside(left: Vec<String>, right: Vec<String>, left_width: usize) -> Vec<String> {
    let rows = left.len().max(right.len());
    let (mut left, mut right) = (left.into_iter(), right.into_iter());
    (0..rows)
        .map(|_| {
            let (one, other) = (left.next().unwrap_or_default(), right.next().unwrap_or_default());
            let gap = left_width.saturating_sub(seen(&one));
            format!("{one}{}{other}", " ".repeat(gap)).trim_end().to_owned()
        })
        .collect()
}

/// Returns how many characters of a text are seen: styles aren't.
pub(super) fn seen(text: &str) -> usize {
    anstream::adapter::strip_str(text).map(|part| part.chars().count()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_wrap_under_where_they_begin_and_styles_take_no_room() {
        let mut page = Page::new(24);
        page.fact("State", "one two three four");
        page.hanging("  * ", "\u{1b}[1mone\u{1b}[0m two three four five");
        page.fact("", "averyveryverylongwordthatfitsnowhere");
        let lines = page.into_lines();
        assert_eq!(
            lines[..3],
            [
                "State       one two",
                "            three four",
                "  * \u{1b}[1mone\u{1b}[0m two three four"
            ]
        );
        assert_eq!(lines[3..], ["    five", "            averyveryverylongwordthatfitsnowhere"]);
        let two = beside(vec!["a".into(), "b".into()], vec!["c".into()], 4);
        assert_eq!(two, ["a   c", "b"]);
    }
}
