//! Offline proofs a pattern can name: what a real key of the kind must satisfy, without any network.
//!
//! Each check can also *complete* a random text so that it passes: that is how examples with gaps are
//! filled without a real secret ever standing in this repository.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rand::{Rng, RngExt};
use serde::Deserialize;
use serde_json::Value;

/// A proof that needs no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// The last six characters are the CRC32, in base 62, of what stands between the last `_` before
    /// them and them. GitHub and npm: <https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/>
    #[serde(rename = "crc32-base62")]
    Crc32Base62,
    /// The account number decodes from the AWS key id.
    AwsKeyId,
    /// Header and payload are JSON objects and the header names an algorithm (RFC 7519, RFC 7515).
    Jwt,
    /// The body of the PEM block is base64 of one whole DER sequence (RFC 7468), newlines as such or
    /// as the two characters `\n`.
    Pem,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is what it claims to be; the words say what was proved.
    Proved(String),
    /// It is of a kind that carries no proof.
    Unprovable,
    /// It can't be a key of the kind.
    Disproved,
}

impl Check {
    /// Judges a text.
    pub fn judge(self, text: &[u8]) -> Verdict {
        let Ok(text) = std::str::from_utf8(text) else {
            return Verdict::Disproved;
        };
        if self == Self::AwsKeyId && is_old_aws_key_id(text) {
            return Verdict::Unprovable;
        }
        let proof = match self {
            Self::Crc32Base62 => split_checksum(text)
                .filter(|(body, checksum)| crc32_base62(body) == *checksum)
                .map(|_| "checksum holds".to_owned()),
            Self::AwsKeyId => aws_account_of(text).map(|account| format!("AWS account {account}")),
            Self::Jwt => jwt_algorithm(text).map(|alg| format!("JWT signed with {alg}")),
            Self::Pem => is_private_key_pem(text).then(|| "PEM body is whole DER".to_owned()),
        };
        proof.map_or(Verdict::Disproved, Verdict::Proved)
    }

    /// Returns a text like `sample` that passes the check.
    pub fn complete(self, sample: &str, rng: &mut dyn Rng) -> String {
        match self {
            Self::Crc32Base62 => match split_checksum(sample) {
                Some((body, checksum)) => {
                    let kept = &sample[..sample.len() - checksum.len()];
                    format!("{kept}{}", crc32_base62(body))
                }
                None => sample.to_owned(),
            },
            Self::AwsKeyId => complete_aws_key_id(sample),
            Self::Jwt => {
                let signature = sample.rsplit('.').next().unwrap_or_default();
                let subject: u64 = rng.random();
                let payload = format!(r#"{{"sub":"{subject}","iat":1700000000}}"#);
                let encode = |json: &str| URL_SAFE_NO_PAD.encode(json);
                format!(
                    "{}.{}.{signature}",
                    encode(r#"{"alg":"HS256","typ":"JWT"}"#),
                    encode(&payload)
                )
            }
            Self::Pem => complete_pem(sample, rng),
        }
    }
}

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CHECKSUM_CHARS: usize = 6;

/// Splits `npm_BODYCHECKS` into `BODY` and `CHECKS`.
fn split_checksum(text: &str) -> Option<(&str, &str)> {
    let (_, rest) = text.rsplit_once('_')?;
    rest.split_at_checked(rest.len().checked_sub(CHECKSUM_CHARS)?)
}

fn crc32_base62(body: &str) -> String {
    let mut number = crc32fast::hash(body.as_bytes());
    let mut digits = [b'0'; CHECKSUM_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(number % 62) as usize];
        number /= 62;
    }
    digits.iter().map(|&digit| char::from(digit)).collect()
}

/// The bits of the decoded key id that hold the account number.
const AWS_ACCOUNT_MASK: u64 = 0x7fff_ffff_ff80;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const AWS_PREFIX_CHARS: usize = 4;

/// Returns the twelve-digit account number that an AWS key id carries: the base-32 text behind the
/// four-letter prefix holds it in bits 7 to 46 of its first six bytes. `None` where the text is no key
/// id, or one of the old kind (fifth character `I` or `J`) that carries none.
pub fn aws_account_of(key_id: &str) -> Option<String> {
    let body = key_id.get(AWS_PREFIX_CHARS..)?.as_bytes();
    if body.len() != 16 || is_old_aws_key_id(key_id) {
        return None;
    }
    let digit = |c: u8| BASE32.iter().position(|&b| b == c).map(|value| value as u64);
    // Ten digits of five bits hold the first 50 bits; the first six bytes are 48 of them.
    let bits = body[..10].iter().try_fold(0, |bits, &c| Some(bits << 5 | digit(c)?))?;
    body[10..].iter().try_for_each(|&c| digit(c).map(drop))?;
    let account = ((bits >> 2) & AWS_ACCOUNT_MASK) >> 7;
    (account < 1_000_000_000_000).then(|| format!("{account:012}"))
}

fn is_old_aws_key_id(key_id: &str) -> bool {
    matches!(key_id.as_bytes().get(AWS_PREFIX_CHARS), Some(b'I' | b'J'))
}

/// Keeps a sampled key id within the account numbers there are: twelve digits need no more than the
/// lower half of the first character's values.
fn complete_aws_key_id(sample: &str) -> String {
    let (prefix, body) = sample.split_at(AWS_PREFIX_CHARS.min(sample.len()));
    // `Y` keeps the account number below 10^12 whatever follows.
    format!("{prefix}Y{}", body.get(1..).unwrap_or_default())
}

/// Returns the algorithm a JWT's header names, if header and payload are what they should be.
fn jwt_algorithm(text: &str) -> Option<String> {
    let mut segments = text.split('.');
    let mut object = || {
        let json = URL_SAFE_NO_PAD.decode(segments.next()?.trim_end_matches('=')).ok()?;
        serde_json::from_slice::<Value>(&json).ok()?.as_object().cloned()
    };
    let (header, _payload) = (object()?, object()?);
    let algorithm = header.get("alg")?.as_str()?;
    let is_name = !algorithm.is_empty() && algorithm.bytes().all(|b| b.is_ascii_alphanumeric());
    is_name.then(|| algorithm.to_owned())
}

fn is_private_key_pem(text: &str) -> bool {
    let text = text.replace("\\r", "").replace("\\n", "\n");
    // Joined again with plain newlines: blocks are often indented, as in YAML.
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    pem::parse(lines.join("\n")).is_ok_and(|block| {
        block.tag().ends_with("PRIVATE KEY") && is_whole_der_sequence(block.contents())
    })
}

/// Tells whether the bytes are one DER SEQUENCE of exactly their length (X.690, 8.1).
fn is_whole_der_sequence(der: &[u8]) -> bool {
    const SEQUENCE: u8 = 0x30;
    let [SEQUENCE, first, rest @ ..] = der else {
        return false;
    };
    match first {
        0..=0x7f => rest.len() == usize::from(*first),
        0x81..=0x84 => {
            let Some((length, body)) = rest.split_at_checked(usize::from(first & 0x7f)) else {
                return false;
            };
            let length = length.iter().fold(0, |length, &byte| length << 8 | usize::from(byte));
            body.len() == length
        }
        _ => false,
    }
}

/// Returns a PEM block with the sample's own label and newlines around a random Ed25519 key (RFC 8410).
fn complete_pem(sample: &str, rng: &mut dyn Rng) -> String {
    const PKCS8_ED25519: [u8; 16] = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    let mut der = PKCS8_ED25519.to_vec();
    der.extend(std::iter::repeat_with(|| rng.random::<u8>()).take(32));
    let label = sample.split("-----").nth(1).unwrap_or_default();
    let label = label.strip_prefix("BEGIN ").unwrap_or("PRIVATE KEY");
    let newline = if sample.contains("\\n") { "\\n" } else { "\n" };
    let body = STANDARD.encode(der);
    format!("-----BEGIN {label}-----{newline}{body}{newline}-----END {label}-----")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc32_is_of_the_part_between_prefix_and_checksum() {
        // The body is a run of one letter; its CRC32 was computed with zlib, the digits by hand.
        let token = format!("ghp_{}", "a".repeat(30));
        let checksum = crc32_base62(&"a".repeat(30));
        assert_eq!(checksum, "1yLcDB");
        let judge =
            |checksum: &str| Check::Crc32Base62.judge(format!("{token}{checksum}").as_bytes());
        assert!(matches!(judge(&checksum), Verdict::Proved(_)));
        assert_eq!(judge("1yLcDC"), Verdict::Disproved);
    }

    #[test]
    fn account_number_is_decoded() {
        // A published bait key, in two halves so that this file holds none, and its account.
        let id = ["AKIASP2TP", "HJSQH3FJRUX"].concat();
        assert_eq!(aws_account_of(&id).as_deref(), Some("171436882533"));
        let old = ["AKIAIOSF", "ODNN7EXAMPLE"].concat();
        assert_eq!(aws_account_of(&old), None);
        assert_eq!(Check::AwsKeyId.judge(old.as_bytes()), Verdict::Unprovable);
        assert_eq!(aws_account_of("AKIA"), None);
    }

    #[test]
    fn der_must_be_whole() {
        assert!(is_whole_der_sequence(&[0x30, 0x01, 0x00]));
        assert!(!is_whole_der_sequence(&[0x30, 0x02, 0x00]));
        assert!(!is_whole_der_sequence(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]));
        assert!(!is_whole_der_sequence(&[]));
    }

    #[test]
    fn completed_samples_pass() {
        let mut rng = rand::rng();
        let pem = "-----BEGIN EC PRIVATE KEY-----\\nAAAA\\n-----END EC PRIVATE KEY-----";
        let samples = [
            (Check::Crc32Base62, format!("npm_{}", "b".repeat(36))),
            (Check::AwsKeyId, format!("AKIA{}", "7".repeat(16))),
            (Check::Jwt, "eyJh.eyJz.c2ln".to_owned()),
            (Check::Pem, pem.to_owned()),
        ];
        for (check, sample) in samples {
            let completed = check.complete(&sample, &mut rng);
            let verdict = check.judge(completed.as_bytes());
            assert!(matches!(verdict, Verdict::Proved(_)), "{check:?}: {completed}");
        }
    }
}
