//! What a finding is called: a digest of the pattern and the secret, stable when lines or files move.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Separates these digests from every other use of SHA-256 and lets a later version differ.
const DOMAIN: &[u8] = b"stanch fingerprint v1";

/// Names one credential wherever it stands: 128 bits of a SHA-256 over the pattern id and the secret
/// parts, written as 32 hexadecimal digits.
///
/// It reveals nothing of a random key. A weak password can be guessed against it, as against any
/// digest that must be the same on every machine, so treat a report with fingerprints of passwords
/// as you would treat a password file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// Returns the fingerprint of a credential of that pattern with those named parts.
    pub fn of<'a>(pattern: &str, parts: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut digest = Sha256::new();
        let mut field = |bytes: &[u8]| {
            // The length goes first, so that no two lists of fields read the same.
            digest.update((bytes.len() as u64).to_be_bytes());
            digest.update(bytes);
        };
        field(DOMAIN);
        field(pattern.as_bytes());
        for (name, part) in parts {
            field(name.as_bytes());
            field(part);
        }
        let mut short = [0; 16];
        short.copy_from_slice(&digest.finalize()[..16]);
        Self(short)
    }

    /// Returns the first eight digits, which is how reports name a finding.
    pub fn short(&self) -> String {
        self.to_string()[..8].to_owned()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl std::str::FromStr for Fingerprint {
    type Err = ParsePrefixError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || ParsePrefixError(text.len());
        if text.len() != 32 || !text.is_ascii() {
            return Err(invalid());
        }
        let mut bytes = [0; 16];
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| invalid())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| invalid())?;
        }
        Ok(Self(bytes))
    }
}

/// The first characters of a fingerprint, as typed by a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FingerprintPrefix(String);

impl FingerprintPrefix {
    /// Tells whether a fingerprint begins so.
    pub fn matches(&self, fingerprint: &Fingerprint) -> bool {
        fingerprint.to_string().starts_with(&self.0)
    }
}

impl fmt::Display for FingerprintPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text isn't the beginning of a fingerprint. It carries the length only: what was typed may be
/// the secret itself, pasted by mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a finding is named by 4 to 32 hexadecimal digits of its fingerprint, not by {0} characters like these"
)]
pub struct ParsePrefixError(usize);

impl std::str::FromStr for FingerprintPrefix {
    type Err = ParsePrefixError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_prefix =
            (4..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
        if is_prefix {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(ParsePrefixError(text.len()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differs_by_pattern_part_and_secret() {
        let print = |pattern, part, secret: &[u8]| Fingerprint::of(pattern, [(part, secret)]);
        let base = print("p", "key", b"aa");
        assert_eq!(base, print("p", "key", b"aa"));
        assert_ne!(base, print("q", "key", b"aa"));
        assert_ne!(base, print("p", "kez", b"aa"));
        assert_ne!(base, print("p", "key", b"ab"));
    }

    #[test]
    fn reads_back_what_it_wrote_and_matches_its_prefix() {
        let print = Fingerprint::of("p", [("key", b"x".as_slice())]);
        assert_eq!(print.to_string().parse(), Ok(print));
        let prefix: FingerprintPrefix = print.short().to_uppercase().parse().unwrap();
        assert!(prefix.matches(&print));
    }

    #[test]
    fn refuses_what_is_no_prefix_without_repeating_it() {
        let error = "sk-live-pasted".parse::<FingerprintPrefix>().unwrap_err();
        assert!(!error.to_string().contains("sk-live"));
    }
}
