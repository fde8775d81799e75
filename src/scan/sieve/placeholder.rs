//! What people write where a key will stand.

/// Longer secrets are structured (PEM, JSON): their zero bytes make runs of `A` in base64.
const MAX_UNSTRUCTURED: usize = super::MAX_UNSTRUCTURED;

/// Keys have none of these signs, and a person's password is not matched with one in front.
pub(super) fn is_template(secret: &[u8]) -> bool {
    let has = |mark: &[u8]| secret.windows(mark.len()).any(|window| window == mark);
    let begins = |marks: &[u8]| secret.first().is_some_and(|first| marks.contains(first));
    let is_between = |mark: &[u8]| {
        let inner = secret.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark));
        inner.is_some_and(|inner| !inner.is_empty() && inner.iter().all(is_name_byte))
    };
    has(b"${")
        || has(b"#{")
        || has(b"{{")
        || has(b"$(")
        || begins(b"$<{")
        || secret.starts_with(b"%s")
        || secret.starts_with(b"%(")
        || is_between(b"%")
        || is_between(b"__")
        || is_between(b"@@")
}

fn is_name_byte(byte: &u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_'
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
    "minioadmin",
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

pub(super) fn is_stand_in(body: &[u8]) -> bool {
    STAND_INS.iter().any(|word| body.eq_ignore_ascii_case(word.as_bytes()))
        || body.iter().all(|byte| matches!(byte, b'*' | b'.' | b'x' | b'X' | b'_' | b'-' | b'#'))
}

/// Tells whether it is such a word with a few digits or signs behind it, or written with them:
/// `admin123`, `P@ssw0rd!`. People do use those, so they are reported, as the weakest of findings.
pub(super) fn is_weak(body: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphabetic();
    let last = body.iter().rposition(is_letter).map_or(0, |last| last + 1);
    let plain = |&byte: &u8| match byte.to_ascii_lowercase() {
        b'0' => b'o',
        b'1' => b'i',
        b'3' => b'e',
        b'@' | b'4' => b'a',
        b'$' | b'5' => b's',
        other => other,
    };
    let word: Vec<u8> = body[..last].iter().map(plain).collect();
    body.len() - last <= 4 && STAND_INS.iter().any(|stand_in| word == stand_in.as_bytes())
}

/// Words of documentation. Each is so long that a random key of sixty-four characters holds it less
/// than once in ten million: at six letters in any case, 59 places times (2/62)^6 is 7e-8.
const PLACEHOLDER_WORDS: &[&str] = &[
    "abcdefgh",
    "changeme",
    "deadbeef",
    "exampl",
    "notareal",
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

/// Words that must stand between signs or edges. Of four letters, with a sign or an edge on either
/// side, a random key of sixty-four characters out of sixty-four holds one of these with 60 · (2/64)^6
/// = 6e-8 inside and (2/64)^5 = 3e-8 at each edge: seven of them, 8e-7.
const DELIMITED_WORDS: &[&str] = &["dummy", "fake", "here", "insert", "sample", "some", "your"];

pub(super) fn has_placeholder_word(body: &[u8]) -> bool {
    let text = body.to_ascii_lowercase();
    let has = |word: &&str| text.windows(word.len()).any(|window| window == word.as_bytes());
    PLACEHOLDER_WORDS.iter().any(has)
}

pub(super) fn has_delimited_word(body: &[u8]) -> bool {
    let is_sign = |byte: &u8| !byte.is_ascii_alphanumeric();
    let is_word = |piece: &[u8]| {
        DELIMITED_WORDS.iter().any(|word| piece.eq_ignore_ascii_case(word.as_bytes()))
    };
    body.iter().any(is_sign) && body.split(is_sign).any(is_word)
}

/// Runs shorter than this happen in random text. In 160 hexadecimal digits one of nine equal or
/// counting ones has a probability of 2 · 152 · 16^-8 = 7e-8.
const MIN_RUN: usize = 9;

/// Tells whether there is a long run of one character or of counting ones (`aaaaaaaaa`, `123456789`),
/// or whether the whole is one block three times or more.
pub(super) fn is_repetition(body: &[u8]) -> bool {
    let has_run = |text: &[u8], step: u8| {
        let mut run = 1;
        text.windows(2).any(|pair| {
            run = if is_step(pair[0], pair[1], step) { run + 1 } else { 1 };
            run >= MIN_RUN
        })
    };
    let is_blocks =
        |block: usize| body.len() > block && body.iter().zip(&body[block..]).all(|(a, b)| a == b);
    if body.len() > MAX_UNSTRUCTURED {
        return false;
    }
    // Signs between the groups of a sequence don't break it: `01234567-89ab-cdef`.
    let plain: Vec<u8> = body.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
    // Indented lines hold runs of spaces, which are no part of a key.
    let dense: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    has_run(&dense, 0)
        || has_run(&plain, 1)
        || (body.len() >= MIN_RUN && (1..=body.len() / 3).any(is_blocks))
}

/// Tells whether one character follows the other; behind nine come zero, and `a` as in hexadecimal.
fn is_step(before: u8, now: u8, step: u8) -> bool {
    let wraps = step == 1 && before == b'9' && matches!(now, b'0' | b'a' | b'A');
    now == before.wrapping_add(step) || wraps
}

/// Tells whether it has the form of a UUID.
pub(super) fn is_uuid(secret: &[u8]) -> bool {
    const DASHES: [usize; 4] = [8, 13, 18, 23];
    let fits = |(at, byte): (usize, &u8)| match DASHES.contains(&at) {
        true => *byte == b'-',
        false => byte.is_ascii_hexdigit(),
    };
    secret.len() == 36 && secret.iter().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_templates() {
        for text in [
            "${DB_PASSWORD}",
            "{{ token }}",
            "<your token>",
            "%s",
            "%(password)s",
            "$DB_PASS",
            "%DB_PASSWORD%",
            "__API_KEY__",
            "@@TOKEN@@",
            "#{secret}",
        ] {
            assert!(is_template(text.as_bytes()), "{text}");
        }
        assert!(!is_template(b"p%40ss$word") && !is_template(b"%4a0%") && !is_template(b"__"));
    }

    #[test]
    fn knows_repetitions() {
        for text in [
            "aaaaaaaaaaaa",
            "0123456789ab",
            "abcabcabcabc",
            "sk-abcdefghijkl",
            "01234567-89ab-cdef-0123-456789abcdef",
            "1234567890123456",
        ] {
            assert!(is_repetition(text.as_bytes()), "{text}");
        }
        assert!(!is_repetition(b"q8Zt1vK0mPx7Wc3R"));
        assert!(!is_repetition(b"q8Zt1vK0\n            mPx7Wc3R"));
    }

    #[test]
    fn knows_stand_ins_and_placeholders() {
        assert!(is_stand_in(b"ChangeMe") && is_stand_in(b"******") && !is_stand_in(b"hunter2"));
        assert!(has_placeholder_word(b"AKIA_EXAMPLE_KEY") && has_placeholder_word(b"your-key"));
        assert!(has_placeholder_word(b"7EXAMPLF"));
        for text in ["put-key-here", "fake_9f8a7c", "Some.thing"] {
            assert!(has_delimited_word(text.as_bytes()), "{text}");
        }
        for text in ["xhereafakesomeyour", "fake", "there-1"] {
            assert!(!has_delimited_word(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn knows_weak_passwords() {
        for text in ["admin123", "Passw0rd!", "p@ssword1", "root2024"] {
            assert!(is_weak(text.as_bytes()), "{text}");
        }
        assert!(!is_weak(b"hunter2") && !is_weak(b"12345678") && !is_weak(b""));
    }

    #[test]
    fn knows_uuids() {
        assert!(is_uuid(b"6f1ed002-ab59-4d83-9b52-0ac1f0e0d3bb"));
        assert!(!is_uuid(b"6f1ed002-ab59-4d83-9b52-0ac1f0e0d3b"));
        assert!(!is_uuid(b"6f1ed0020ab5904d8309b5200ac1f0e0d3bb"));
    }
}
