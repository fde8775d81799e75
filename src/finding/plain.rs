//! Text from elsewhere, made safe to show.

/// Returns text that somebody else wrote (a path, an author, a line of a file), safe to show in a line:
/// what controls a terminal, breaks the line or changes the direction of reading is shown as `?`.
pub fn plain(text: &str) -> String {
    text.chars().map(plain_character).collect()
}

/// Returns the character, or `?` where a terminal or a reader would be misled by it.
pub fn plain_character(c: char) -> char {
    if is_dangerous(c) { '?' } else { c }
}

fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Zero-width and direction marks, line and paragraph separators, embeddings, isolates,
            // invisible operators, the byte order mark, annotations, tags.
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}
