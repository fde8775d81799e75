//! The last stage: what matched and is no credential all the same.

use super::candidate::Candidate;
use crate::pattern::Verdict;

/// Why a match was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The pattern's offline check disproved it.
    CheckFailed,
    /// Its characters are less random than a key's.
    LowEntropy,
    /// It contains a word that stands for a key in documentation: `example`, `your-`.
    PlaceholderWord,
    /// It is a word people put where a password will stand: `password`, `changeme`.
    StandIn,
    /// One character, a counting sequence or one block, repeated.
    Repetition,
    /// It is filled in later: `${VAR}`, `{{ value }}`, `<token>`, `%s`.
    Template,
}

/// Returns what the pattern's check proved, if it has one.
pub(super) fn sift(candidate: &Candidate, bytes: &[u8]) -> Result<Option<String>, Rejection> {
    let pattern = &candidate.pattern;
    let secret = &bytes[candidate.span.clone()];
    let body = &secret[pattern.prefix.min(secret.len())..];
    if is_template(secret) {
        return Err(Rejection::Template);
    }
    if is_stand_in(body) {
        return Err(Rejection::StandIn);
    }
    if has_placeholder_word(body) {
        return Err(Rejection::PlaceholderWord);
    }
    if is_repetition(body) {
        return Err(Rejection::Repetition);
    }
    if pattern.min_entropy.is_some_and(|least| entropy(body) < least) {
        return Err(Rejection::LowEntropy);
    }
    let Some(check) = pattern.check else {
        return Ok(None);
    };
    let checked = candidate.parts.get(pattern.checked_group()).unwrap_or(&candidate.span);
    match check.judge(&bytes[checked.clone()]) {
        Verdict::Proved(proof) => Ok(Some(proof)),
        Verdict::Unprovable => Ok(None),
        Verdict::Disproved => Err(Rejection::CheckFailed),
    }
}

fn is_template(secret: &[u8]) -> bool {
    let has = |mark: &[u8]| secret.windows(mark.len()).any(|window| window == mark);
    let begins = |marks: &[u8]| secret.first().is_some_and(|first| marks.contains(first));
    has(b"${")
        || has(b"{{")
        || has(b"$(")
        || begins(b"$<{")
        || secret.starts_with(b"%s")
        || secret.starts_with(b"%(")
}

/// Whole values that are never a password in earnest.
const STAND_INS: &[&str] = &[
    "admin",
    "changeme",
    "changeit",
    "dummy",
    "foo",
    "bar",
    "guest",
    "hidden",
    "mypassword",
    "mysecret",
    "none",
    "null",
    "pass",
    "passwd",
    "password",
    "pw",
    "pwd",
    "redacted",
    "root",
    "secret",
    "test",
    "token",
    "undefined",
    "user",
    "username",
];

fn is_stand_in(body: &[u8]) -> bool {
    STAND_INS.iter().any(|word| body.eq_ignore_ascii_case(word.as_bytes()))
        || body.iter().all(|byte| matches!(byte, b'*' | b'.' | b'x' | b'X' | b'_' | b'-' | b'#'))
}

/// Words of documentation. Each is so long that a random key of sixty-four characters holds it less
/// than once in ten million.
const PLACEHOLDER_WORDS: &[&str] = &[
    "changeme",
    "example",
    "placeholder",
    "redacted",
    "replaceme",
    "xxxxxxx",
    "your-api",
    "your-key",
    "your-secret",
    "your-token",
    "your_api",
    "your_key",
    "your_secret",
    "your_token",
    "yourapi",
    "yourkey",
    "yourtoken",
];

fn has_placeholder_word(body: &[u8]) -> bool {
    let text = body.to_ascii_lowercase();
    let has = |word: &&str| text.windows(word.len()).any(|window| window == word.as_bytes());
    PLACEHOLDER_WORDS.iter().any(has) || text.starts_with(b"your-") || text.starts_with(b"your_")
}

/// Runs shorter than this happen in random text.
const MIN_RUN: usize = 9;
/// Longer secrets are structured (PEM, JSON): their zero bytes make runs of `A` in base64.
const MAX_UNSTRUCTURED: usize = 160;

/// Tells whether there is a long run of one character or of counting ones (`aaaaaaaaa`, `123456789`),
/// or whether the whole is one block three times or more.
fn is_repetition(body: &[u8]) -> bool {
    let has_run = |step: u8| {
        let mut run = 1;
        body.windows(2).any(|pair| {
            run = if pair[1] == pair[0].wrapping_add(step) { run + 1 } else { 1 };
            run >= MIN_RUN
        })
    };
    let is_blocks =
        |block: usize| body.len() > block && body.iter().zip(&body[block..]).all(|(a, b)| a == b);
    if body.len() > MAX_UNSTRUCTURED {
        return false;
    }
    has_run(0) || has_run(1) || (body.len() >= MIN_RUN && (1..=body.len() / 3).any(is_blocks))
}

/// Returns the Shannon entropy in bits a byte.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    bytes.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
    let total = bytes.len() as f64;
    let term = |&count: &u32| {
        let share = f64::from(count) / total;
        -share * share.log2()
    };
    counts.iter().filter(|&&count| count > 0).map(term).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_templates() {
        for text in
            ["${DB_PASSWORD}", "{{ token }}", "<your token>", "%s", "%(password)s", "$DB_PASS"]
        {
            assert!(is_template(text.as_bytes()), "{text}");
        }
        assert!(!is_template(b"p%40ss$word"));
    }

    #[test]
    fn knows_repetitions() {
        for text in ["aaaaaaaaaaaa", "0123456789ab", "abcabcabcabc", "sk-abcdefghijkl"] {
            assert!(is_repetition(text.as_bytes()), "{text}");
        }
        assert!(!is_repetition(b"q8Zt1vK0mPx7Wc3R"));
    }

    #[test]
    fn knows_stand_ins_and_placeholders() {
        assert!(is_stand_in(b"ChangeMe") && is_stand_in(b"******") && !is_stand_in(b"hunter2"));
        assert!(has_placeholder_word(b"AKIA_EXAMPLE_KEY") && has_placeholder_word(b"your-key"));
    }

    #[test]
    fn entropy_is_in_bits_a_byte() {
        assert_eq!(entropy(b"aaaa"), 0.0);
        assert_eq!(entropy(b"abcd"), 2.0);
    }
}
