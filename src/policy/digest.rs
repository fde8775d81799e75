//! The keyed digest of a finding in a baseline.
//!
//! A baseline is committed, so whoever reads the repository may try guesses on it:
//!
//! * The salt of each file is random, so nothing computed for one file helps with another, and equal
//!   secrets of two repositories can't be seen to be equal.
//! * A secret that a person may have chosen (its pattern is `human`, or it is short) goes through
//!   Argon2id: each guess costs 19 MiB and tens of milliseconds. That slows guessing, it doesn't make a
//!   password such as `summer` safe: a password in a baseline has leaked, and is to be changed.
//! * A random key of [`SHORT_BYTES`] or more can't be guessed, so HMAC-SHA-256 is enough.
//! * Whoever has a key already can learn that the baseline holds it. Every list that can recognise a
//!   finding tells as much.

use argon2::{Algorithm, Argon2, Params, Version};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::finding::Finding;
use crate::secret::Part;

/// A secret shorter than this, in bytes, may have been chosen by a person, whatever its pattern says.
const SHORT_BYTES: usize = 20;
/// What OWASP recommends at least for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// The random key of one baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Salt(pub(super) [u8; 32]);

/// Returns the digest of a finding under a salt, as 32 hexadecimal digits.
pub(super) fn digest(salt: &Salt, finding: &Finding) -> String {
    let name = finding.fingerprint.to_string();
    let bytes = match is_human(finding) {
        true => slow(salt, name.as_bytes()),
        false => fast(salt, name.as_bytes()),
    };
    hex(&bytes)
}

fn is_human(finding: &Finding) -> bool {
    let length = |part: &Part| match part {
        Part::Secret(secret) => secret.len(),
        Part::Public(_) => 0,
    };
    let secret_bytes: usize = finding.credential.parts.values().map(length).sum();
    finding.pattern.human || secret_bytes < SHORT_BYTES
}

fn fast(salt: &Salt, name: &[u8]) -> [u8; 16] {
    let mut mac = Hmac::<Sha256>::new_from_slice(&salt.0).expect("HMAC takes a key of any length");
    mac.update(b"stanch baseline v1");
    mac.update(name);
    let mut short = [0; 16];
    short.copy_from_slice(&mac.finalize().into_bytes()[..16]);
    short
}

fn slow(salt: &Salt, name: &[u8]) -> [u8; 16] {
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(16))
        .expect("these constants are within Argon2's limits");
    let mut out = [0; 16];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(name, &salt.0, &mut out)
        .expect("salt and output have lengths that Argon2 takes");
    out
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differs_by_salt_and_name_and_kind() {
        let (one, two) = (Salt([1; 32]), Salt([2; 32]));
        assert_eq!(fast(&one, b"a"), fast(&one, b"a"));
        assert_ne!(fast(&one, b"a"), fast(&two, b"a"));
        assert_ne!(fast(&one, b"a"), fast(&one, b"b"));
        assert_ne!(slow(&one, b"a"), slow(&two, b"a"));
        assert_ne!(slow(&one, b"a"), fast(&one, b"a"));
    }
}
