//! A sign that every match of a regex has somewhere behind its beginning: where it doesn't stand, the regex
//! need not be asked. `@` of an address with a password is such a one: most addresses have none.

use regex_syntax::hir::{Hir, HirKind};

/// A byte that every match has, no further from its beginning than this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RequiredByte {
    byte: u8,
    /// How many bytes from the beginning it ends at the latest.
    within: usize,
}

impl RequiredByte {
    /// Returns whether it stands where a match that begins at `start` must have it.
    pub(super) fn stands(&self, bytes: &[u8], start: usize) -> bool {
        let end = start.saturating_add(self.within).min(bytes.len());
        memchr::memchr(self.byte, &bytes[start..end]).is_some()
    }
}

/// Returns the first sign that the regex asks for and that no anchor has, if there is one. Letters and digits
/// stand everywhere, so they are no such signs.
pub(super) fn required_byte(regex: &Hir, anchors: &[String]) -> Option<RequiredByte> {
    let HirKind::Concat(pieces) = regex.kind() else { return None };
    let is_in_anchor = |byte: u8| anchors.iter().any(|anchor| anchor.as_bytes().contains(&byte));
    let mut within = 0_usize;
    for piece in pieces {
        if let HirKind::Literal(literal) = piece.kind() {
            let is_sign = |byte: &u8| byte.is_ascii_punctuation() && !is_in_anchor(*byte);
            if let Some(at) = literal.0.iter().position(is_sign) {
                return Some(RequiredByte { byte: literal.0[at], within: within + at + 1 });
            }
        }
        within = within.checked_add(piece.properties().maximum_len()?)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::regex::parse;
    use super::*;

    fn required(regex: &str, anchor: &str) -> Option<(char, usize)> {
        let found = required_byte(&parse(regex).unwrap(), &[anchor.to_owned()])?;
        Some((char::from(found.byte), found.within))
    }

    #[test]
    fn the_first_sign_behind_the_anchor_is_taken() {
        assert_eq!(
            required(r"\b(?i:https?)://(?<a>\w{0,9}):(?<b>\w{2,8})@x", "://"),
            Some(('@', 27))
        );
        assert_eq!(required(r"\bkey_(?<a>\w{4})\b", "key_"), None);
        assert_eq!(required(r"\bkey_(?<a>\w+)@x", "key_"), None);
        assert_eq!(required(r"a@b|c@d", "a"), None);
    }

    #[test]
    fn it_is_looked_for_no_further_than_it_may_stand() {
        let required = RequiredByte { byte: b'@', within: 3 };
        assert!(required.stands(b"ab@", 0) && !required.stands(b"abc@", 0));
        assert!(required.stands(b"abc@", 1) && !required.stands(b"ab", 0));
    }
}
