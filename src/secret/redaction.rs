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
    let prefix = &secret[..known_prefix.min(secret.len())];
    let body = &secret[prefix.len()..];
    let tail = match body.len() >= MIN_BODY_FOR_TAIL {
        true => &body[body.len() - TAIL..],
        false => &[],
    };
    let is_shown = |part: &&[u8]| part.iter().all(u8::is_ascii_graphic);
    let show = |part: &[u8]| {
        Some(part)
            .filter(is_shown)
            .map(|p| String::from_utf8_lossy(p).into_owned())
            .unwrap_or_default()
    };
    format!("{}{MASK}{}", show(prefix), show(tail))
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
    fn never_shows_control_characters() {
        let mut key = vec![b'a'; 40];
        key[38] = 0x1b;
        assert_eq!(redact(&key, 2), "aa…");
    }
}
