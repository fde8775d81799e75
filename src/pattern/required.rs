//! A sign that every match of a regex has somewhere behind its beginning: where it doesn't stand, the regex
//! need not be asked. `@` of an address with a password is such a one: most addresses have none.

use regex_syntax::hir::{Hir, HirKind};

/// A byte that every match has, no further from its beginning or its anchor than this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RequiredByte {
    byte: u8,
    /// How many bytes from the beginning, or from the end of the anchor, it ends at the latest.
    within: usize,
}

impl RequiredByte {
    /// Returns whether it stands where a match that begins at `start`, or whose anchor ends there, must have it.
    pub(super) fn stands(&self, bytes: &[u8], start: usize) -> bool {
        let end = start.saturating_add(self.within).min(bytes.len());
        memchr::memchr(self.byte, &bytes[start..end]).is_some()
    }
}

/// Returns the first sign that the regex asks for and that no anchor has, if there is one. Letters and digits
/// stand everywhere, so they are no such signs.
pub(super) fn required_byte(regex: &Hir, anchors: &[String]) -> Option<RequiredByte> {
    let HirKind::Concat(pieces) = regex.kind() else { return None };
    first_sign(&[], pieces, anchors)
}

/// Returns the same behind the anchor, and counts from its end. None where there are several anchors, or the
/// one stands elsewhere than in a literal of its own.
pub(super) fn required_behind(regex: &Hir, anchors: &[String]) -> Option<RequiredByte> {
    let (HirKind::Concat(pieces), [anchor]) = (regex.kind(), anchors) else { return None };
    let behind = |(index, piece): (usize, &Hir)| {
        let HirKind::Literal(literal) = piece.kind() else { return None };
        let mut places = literal.0.windows(anchor.len());
        let start = places.position(|place| place.eq_ignore_ascii_case(anchor.as_bytes()))?;
        Some((literal.0[start + anchor.len()..].to_vec(), index + 1))
    };
    let (rest, next) = pieces.iter().enumerate().find_map(behind)?;
    first_sign(&rest, &pieces[next..], anchors)
}

/// Returns the first sign in a literal and some pieces that stand behind it.
fn first_sign(literal: &[u8], pieces: &[Hir], anchors: &[String]) -> Option<RequiredByte> {
    let is_in_anchor = |byte: u8| anchors.iter().any(|anchor| anchor.as_bytes().contains(&byte));
    let is_sign = |byte: &u8| byte.is_ascii_punctuation() && !is_in_anchor(*byte);
    let sign = |literal: &[u8], before: usize| {
        let at = literal.iter().position(is_sign)?;
        Some(RequiredByte { byte: literal[at], within: before + at + 1 })
    };
    if let Some(found) = sign(literal, 0) {
        return Some(found);
    }
    let mut before = literal.len();
    for piece in pieces {
        if let HirKind::Literal(literal) = piece.kind()
            && let Some(found) = sign(&literal.0, before)
        {
            return Some(found);
        }
        before = before.checked_add(piece.properties().maximum_len()?)?;
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
    fn behind_an_anchor_it_is_counted_from_its_end() {
        let behind = |regex: &str, anchors: &[&str]| {
            let anchors: Vec<_> = anchors.iter().map(|anchor| (*anchor).to_owned()).collect();
            let found = required_behind(&parse(regex).unwrap(), &anchors)?;
            Some((char::from(found.byte), found.within))
        };
        assert_eq!(behind(r"\w{0,300}_AUTH\s{0,4}=\w", &["_auth"]), Some(('=', 5)));
        assert_eq!(behind(r"\w{0,9}@x_authab=\w", &["_auth"]), Some(('=', 3)));
        assert_eq!(behind(r"\w{0,9}@x_auth\w+=", &["_auth"]), None);
        assert_eq!(behind(r"\w{0,9}@x_auth", &["_auth"]), None);
        assert_eq!(behind(r"(?:a|b_auth)=", &["_auth"]), None);
        assert_eq!(behind(r"\w_auth=", &["_auth", "auth="]), None);
    }

    #[test]
    fn it_is_looked_for_no_further_than_it_may_stand() {
        let required = RequiredByte { byte: b'@', within: 3 };
        assert!(required.stands(b"ab@", 0) && !required.stands(b"abc@", 0));
        assert!(required.stands(b"abc@", 1) && !required.stands(b"ab", 0));
    }
}
