//! The redacted form of a secret: enough to recognise it, nothing to use.

/// Stands where secret characters were taken out.
pub const MASK: &str = "…";

/// A secret shorter than this (after its fixed prefix) shows none of its characters.
const MIN_BODY_FOR_TAIL: usize = 24;
/// How many last characters a long random secret shows, as the providers' own consoles do.
const TAIL: usize = 4;

/// Returns `secret` with everything hidden but its first `known_prefix` bytes, which every key of the
/// kind shares, and, where the rest is long, its last four characters.
///
/// `known_prefix` is cut to what is ASCII; anything that isn't printable ASCII is never shown.
pub fn redact(secret: &[u8], known_prefix: usize) -> String {
    let (prefix, body) = secret.split_at(known_prefix.min(secret.len()));
    let tail = &body[body.len().saturating_sub(TAIL)..];
    // The end of a PEM block is the same for all: showing it tells nothing.
    let is_telling = body.len() >= MIN_BODY_FOR_TAIL && tail.iter().any(u8::is_ascii_alphanumeric);
    let tail = if is_telling { tail } else { &[] };
    format!("{}{MASK}{}", shown(prefix), shown(tail))
}

/// Returns printable ASCII as it is, and nothing of anything else.
fn shown(part: &[u8]) -> String {
    match part.iter().all(u8::is_ascii_graphic) {
        true => String::from_utf8_lossy(part).into_owned(),
        false => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_prefix_and_tail_of_a_long_key() {
        let key = format!("sk-or-v1-{}beef", "0".repeat(60));
        assert_eq!(redact(key.as_bytes(), 9), "sk-or-v1-…beef");
    }

    #[test]
    fn shows_nothing_of_a_password() {
        assert_eq!(redact(b"hunter2", 0), "…");
        assert_eq!(redact("pässwörter-müssen-länger-sein".as_bytes(), 0), "…sein");
    }

    #[test]
    fn shows_no_end_that_all_share() {
        assert_eq!(redact(format!("-----BEGIN{}-----", "x".repeat(40)).as_bytes(), 0), "…");
    }

    #[test]
    fn never_shows_control_characters() {
        let mut key = vec![b'a'; 40];
        key[38] = 0x1b;
        assert_eq!(redact(&key, 2), "aa…");
    }
}
