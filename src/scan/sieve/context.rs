//! What stands round a secret: a label, a call, a host.

use std::ops::Range;

/// A label is looked for no further before the secret than this.
const MAX_LABEL: usize = 64;

/// What a label's last word is where a hash follows: lock files, manifests, HTTP.
const DIGEST_WORDS: &[&str] = &[
    "blake2b",
    "blake3",
    "checksum",
    "crc32",
    "digest",
    "etag",
    "fingerprint",
    "h1",
    "hash",
    "integrity",
    "md5",
    "sha",
    "sha1",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "thumbprint",
];

/// Tells whether the label before the secret, on its line, says that a hash follows: `checksum = "…`,
/// `integrity sha512-…`, `--hash=sha256:…`, `api_key_md5: …`.
pub(super) fn is_labelled_as_digest(bytes: &[u8], span: &Range<usize>) -> bool {
    let before = &bytes[span.start.saturating_sub(MAX_LABEL)..span.start];
    let line = before.rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric();
    let Some(end) = line.iter().rposition(is_word) else {
        return false;
    };
    let start = line[..end].iter().rposition(|byte| !is_word(byte)).map_or(0, |before| before + 1);
    let word = line[start..=end].to_ascii_lowercase();
    DIGEST_WORDS.iter().any(|digest| word == digest.as_bytes())
}

/// How values are read elsewhere, as code begins. None is shorter than five characters, so that a
/// random key of sixty-four signs begins with one of them with 12 · 64^-5 = 1e-8.
const CODE: &[&str] = &[
    "process.env",
    "os.environ",
    "os.getenv",
    "import.meta.env",
    "Deno.env",
    "System.getenv",
    "Env.get",
    "config.",
    "settings.",
    "secrets.",
    "self.",
    "this.",
];

/// Tells whether it is code that will read the value: a known beginning, or a name that is called or
/// indexed right behind.
pub(super) fn is_code(bytes: &[u8], span: &Range<usize>) -> bool {
    let secret = &bytes[span.clone()];
    CODE.iter().any(|code| secret.starts_with(code.as_bytes()))
        || matches!(bytes.get(span.end), Some(b'(' | b'['))
}

/// Names that no one but documentation may use (RFC 2606, RFC 6761).
const RESERVED: &[&str] = &["example.com", "example.net", "example.org", "example", "invalid"];

pub(super) fn is_reserved_host(host: &[u8]) -> bool {
    RESERVED.iter().any(|reserved| is_or_is_below(host, reserved))
}

/// Tells whether the host is the machine itself. What stands there still opens something for who is
/// on it, so that it is a finding, of the lowest severity.
pub(super) fn is_loopback(host: &[u8]) -> bool {
    let is_address = std::str::from_utf8(host)
        .ok()
        .and_then(|host| host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().ok())
        .is_some_and(|address| address.is_loopback() || address.is_unspecified());
    is_address || is_or_is_below(host, "localhost")
}

/// Tells whether a host has this name, or one below it, in any case and with or without a final dot.
fn is_or_is_below(host: &[u8], name: &str) -> bool {
    let host = host.strip_suffix(b".").unwrap_or(host);
    let Some(start) = host.len().checked_sub(name.len()) else {
        return false;
    };
    let is_edge = start == 0 || host[start - 1] == b'.';
    is_edge && host[start..].eq_ignore_ascii_case(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span_of_key(text: &str) -> Range<usize> {
        let start = text.find("KEY").unwrap();
        start..start + 3
    }

    #[test]
    fn knows_the_labels_of_hashes() {
        let is_digest = |text: &str| is_labelled_as_digest(text.as_bytes(), &span_of_key(text));
        for text in [
            "checksum = \"KEY",
            "  integrity sha512-KEY",
            "--hash=sha256:KEY",
            "example.com/x v1.0.0 h1:KEY",
            "api_key_md5: 'KEY'",
        ] {
            assert!(is_digest(text), "{text}");
        }
        assert!(!is_digest("token=KEY") && !is_digest("sha256\nKEY") && !is_digest("KEY"));
        assert!(!is_digest("hash_key = KEY"));
    }

    #[test]
    fn knows_code() {
        let is_code = |text: &str, length: usize| is_code(text.as_bytes(), &(0..length));
        assert!(is_code("process.env.KEY", 15) && is_code("load_key_of_x(path)", 13));
        assert!(is_code("secrets[0]", 7) && !is_code("abc def", 3));
    }

    #[test]
    fn knows_hosts_that_are_nobody_s() {
        for host in ["example.com", "db.Example.ORG", "a.example", "x.invalid", "example.com."] {
            assert!(is_reserved_host(host.as_bytes()), "{host}");
        }
        assert!(!is_reserved_host(b"myexample.com") && !is_reserved_host(b"example.com.acme.io"));
        for host in ["localhost", "127.0.0.1", "127.8.8.8", "[::1]", "0.0.0.0", "db.localhost"] {
            assert!(is_loopback(host.as_bytes()), "{host}");
        }
        assert!(!is_loopback(b"10.0.0.1") && !is_loopback(b"mylocalhost"));
    }
}
