//! Private keys in PEM (RFC 7468): the structure inside, and whether a passphrase protects it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::{Rng, RngExt};

use super::Verdict;

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OBJECT_ID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

const PROTECTED: &str = "a passphrase protects it";

pub(super) fn judge(text: &str) -> Verdict {
    let Some(bytes) = body_of(text) else {
        return Verdict::Disproved;
    };
    if let Some(fields) = bytes.strip_prefix(OPENSSH_MAGIC) {
        return judge_openssh(fields);
    }
    if is_encrypted_pkcs8(&bytes) {
        return Verdict::Harmless(PROTECTED.to_owned());
    }
    Verdict::proved_or_disproved(structure(&bytes))
}

/// Returns what the PEM block holds, if it is labelled as a private key.
fn body_of(text: &str) -> Option<Vec<u8>> {
    let text = text.replace("\\r", "").replace("\\n", "\n");
    let mark = line_mark(&text);
    let plain = |line| unmarked(line, mark);
    // Joined again with plain newlines: blocks are often indented, as in YAML.
    let lines: Vec<&str> = text.lines().map(plain).filter(|line| !line.is_empty()).collect();
    let block = ::pem::parse(lines.join("\n")).ok()?;
    block.tag().ends_with("PRIVATE KEY").then(|| block.into_contents())
}

/// Returns what stands before the last line, which is no base64: indentation, and perhaps a comment sign.
fn line_mark(text: &str) -> &str {
    let last = text.lines().next_back().unwrap_or_default();
    last.split_once("-----END").map_or("", |(mark, _)| mark.trim())
}

fn unmarked<'a>(line: &'a str, mark: &str) -> &'a str {
    // A backslash at its end continues a string.
    let line = line.trim_end_matches('\\').trim();
    // The first line begins behind its mark, and its dashes aren't one.
    match line.strip_prefix(mark) {
        Some(rest) if !line.starts_with("-----BEGIN") => rest.trim_start(),
        _ => line,
    }
}

/// Returns the structure of an unprotected key in words. The label is not asked: a key under the wrong
/// one opens as much.
fn structure(bytes: &[u8]) -> Option<String> {
    let mut sequence = whole(SEQUENCE, bytes)?;
    let version = take(INTEGER, &mut sequence)?;
    match (version, sequence.first()) {
        ([0 | 1], Some(&SEQUENCE)) => {
            let mut algorithm = take(SEQUENCE, &mut sequence)?;
            let algorithm = algorithm_name(take(OBJECT_ID, &mut algorithm)?);
            take(OCTET_STRING, &mut sequence)?;
            Some(format!("{algorithm} private key, PKCS#8"))
        }
        ([1], Some(&OCTET_STRING)) => {
            let bits = 8 * take(OCTET_STRING, &mut sequence)?.len();
            Some(format!("EC private key of {bits} bits, SEC 1"))
        }
        ([0 | 1], Some(&INTEGER)) => {
            let numbers = std::iter::from_fn(|| take(INTEGER, &mut sequence));
            let numbers: Vec<&[u8]> = numbers.collect();
            let bits = 8 * numbers.first()?.iter().skip_while(|&&byte| byte == 0).count();
            // RSA: the modulus and seven more; DSA: p, q, g and two keys.
            match numbers.len() {
                8 => Some(format!("RSA private key of {bits} bits, PKCS#1")),
                5 => Some(format!("DSA private key of {bits} bits")),
                _ => None,
            }
        }
        _ => None,
    }
}

/// PKCS#8's EncryptedPrivateKeyInfo: an algorithm and the encrypted bytes, no version before them.
fn is_encrypted_pkcs8(bytes: &[u8]) -> bool {
    let parse = || {
        let mut sequence = whole(SEQUENCE, bytes)?;
        let mut algorithm = take(SEQUENCE, &mut sequence)?;
        take(OBJECT_ID, &mut algorithm)?;
        take(OCTET_STRING, &mut sequence)?;
        sequence.is_empty().then_some(())
    };
    parse().is_some()
}

fn algorithm_name(object_id: &[u8]) -> &'static str {
    match object_id {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, _] => "RSA",
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01] => "EC",
        [0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01] => "DSA",
        [0x2b, 0x65, 0x70] => "Ed25519",
        [0x2b, 0x65, 0x71] => "Ed448",
        [0x2b, 0x65, 0x6e] => "X25519",
        _ => "other",
    }
}

/// Returns the content of bytes that are exactly one DER element of this tag (X.690, 8.1).
fn whole(tag: u8, bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes;
    take(tag, &mut rest).filter(|_| rest.is_empty())
}

/// Takes one DER element of this tag off the front and returns its content.
fn take<'a>(tag: u8, rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (first, after) = rest.strip_prefix(&[tag])?.split_first()?;
    let (length, after) = match first {
        0..=0x7f => (usize::from(*first), after),
        0x81..=0x84 => {
            let (length, after) = after.split_at_checked(usize::from(first & 0x7f))?;
            (length.iter().fold(0, |length, &byte| length << 8 | usize::from(byte)), after)
        }
        _ => return None,
    };
    let (content, after) = after.split_at_checked(length)?;
    *rest = after;
    Some(content)
}

/// <https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key>
const OPENSSH_MAGIC: &[u8] = b"openssh-key-v1\0";

fn judge_openssh(fields: &[u8]) -> Verdict {
    let mut rest = fields;
    let Some(cipher) = take_string(&mut rest) else {
        return Verdict::Disproved;
    };
    if cipher != b"none" {
        return Verdict::Harmless(PROTECTED.to_owned());
    }
    let mut kind = || {
        let _key_derivation = take_string(&mut rest)?;
        let _its_options = take_string(&mut rest)?;
        let [0, 0, 0, 1, ..] = rest else { return None };
        rest = &rest[4..];
        let mut public = take_string(&mut rest)?;
        let kind = String::from_utf8(take_string(&mut public)?.to_vec()).ok()?;
        let private = take_string(&mut rest)?;
        // Two equal numbers tell a reader that it deciphered rightly.
        let is_plain = private.len() > 8 && private[..4] == private[4..8];
        (is_plain && rest.is_empty()).then_some(kind)
    };
    let kind = kind().filter(|kind| super::plain_claim(&kind.replace('@', "-")).is_some());
    Verdict::proved_or_disproved(kind.map(|kind| format!("OpenSSH private key, {kind}")))
}

/// Takes one string, its length in four bytes before it, off the front.
fn take_string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let (string, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    *rest = after;
    Some(string)
}

/// Returns a PEM block with the sample's own label and newlines around a random Ed25519 key.
pub(super) fn complete(sample: &str, rng: &mut dyn Rng) -> String {
    let label = sample.split("-----").nth(1).unwrap_or_default();
    let label = label.strip_prefix("BEGIN ").unwrap_or("PRIVATE KEY");
    let newline = if sample.contains("\\n") { "\\n" } else { "\n" };
    let bytes = if label.starts_with("OPENSSH") { openssh_key(rng) } else { pkcs8_key(rng) };
    let body = STANDARD.encode(bytes);
    format!("-----BEGIN {label}-----{newline}{body}{newline}-----END {label}-----")
}

/// RFC 8410.
fn pkcs8_key(rng: &mut dyn Rng) -> Vec<u8> {
    const ED25519: [u8; 16] = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    [ED25519.as_slice(), &rng.random::<[u8; 32]>()].concat()
}

fn openssh_key(rng: &mut dyn Rng) -> Vec<u8> {
    let string = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes(), bytes].concat();
    let (public, private) = (rng.random::<[u8; 32]>(), rng.random::<[u8; 32]>());
    let check = rng.random::<[u8; 4]>();
    let kind = string(b"ssh-ed25519");
    let pair = [private, public].concat();
    let secret = [&check[..], &check, &kind, &string(&public), &string(&pair), &string(b"")];
    [
        OPENSSH_MAGIC.to_vec(),
        string(b"none"),
        string(b"none"),
        string(b""),
        1_u32.to_be_bytes().to_vec(),
        string(&[kind.as_slice(), &string(&public)].concat()),
        string(&secret.concat()),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(label: &str, bytes: &[u8]) -> String {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----", STANDARD.encode(bytes))
    }

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, content.len() as u8], content].concat()
    }

    fn integers(count: usize) -> Vec<u8> {
        element(INTEGER, &[5, 5]).repeat(count)
    }

    #[test]
    fn each_structure_is_named() {
        let version = element(INTEGER, &[0]);
        let rsa = element(SEQUENCE, &[version.clone(), integers(8)].concat());
        let dsa = element(SEQUENCE, &[version.clone(), integers(5)].concat());
        let sec1 =
            element(SEQUENCE, &[element(INTEGER, &[1]), element(OCTET_STRING, &[7; 32])].concat());
        for (bytes, words) in [
            (rsa, "RSA private key of 16 bits, PKCS#1"),
            (dsa, "DSA private key of 16 bits"),
            (sec1, "EC private key of 256 bits, SEC 1"),
            (pkcs8_key(&mut rand::rng()), "Ed25519 private key, PKCS#8"),
            (openssh_key(&mut rand::rng()), "OpenSSH private key, ssh-ed25519"),
        ] {
            let verdict = judge(&block("PRIVATE KEY", &bytes));
            assert_eq!(verdict, Verdict::Proved(words.to_owned()));
        }
        let seven = element(SEQUENCE, &[version, integers(7)].concat());
        assert_eq!(judge(&block("PRIVATE KEY", &seven)), Verdict::Disproved);
    }

    #[test]
    fn a_comment_sign_before_each_line_hides_nothing() {
        let plain = block("PRIVATE KEY", &pkcs8_key(&mut rand::rng()));
        for mark in ["# ", "  #", "// ", "/// ", "//! ", " * ", ";; ", "> ", "-- ", "| ", "\t"] {
            let mut marked = plain.replace('\n', &format!("\n{mark}"));
            assert!(matches!(judge(&marked), Verdict::Proved(_)), "{mark:?}");
            // A blank comment line, its trailing space trimmed as editors do.
            marked = marked.replacen('\n', &format!("\n{}\n", mark.trim_end()), 1);
            assert!(matches!(judge(&marked), Verdict::Proved(_)), "{mark:?}, with a blank line");
        }
    }

    #[test]
    fn a_passphrase_makes_it_harmless() {
        let algorithm = element(SEQUENCE, &element(OBJECT_ID, &[0x2a]));
        let pkcs8 = element(SEQUENCE, &[algorithm, element(OCTET_STRING, &[1, 2, 3])].concat());
        let cipher = [&[0, 0, 0, 10][..], b"aes256-ctr"].concat();
        let openssh = [OPENSSH_MAGIC, &cipher].concat();
        for bytes in [pkcs8, openssh] {
            let verdict = judge(&block("PRIVATE KEY", &bytes));
            assert_eq!(verdict, Verdict::Harmless(PROTECTED.to_owned()));
        }
    }

    #[test]
    fn der_must_be_whole() {
        assert!(whole(SEQUENCE, &[0x30, 0x01, 0x00]).is_some());
        assert!(whole(SEQUENCE, &[0x30, 0x02, 0x00]).is_none());
        assert!(whole(SEQUENCE, &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]).is_none());
        assert!(whole(SEQUENCE, &[]).is_none());
    }
}
