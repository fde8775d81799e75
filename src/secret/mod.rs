//! Secrets, and the only ways to speak of them: a fingerprint, or a redacted form.
//!
//! Takes bytes; gives [`Secret`], [`Credential`], [`Fingerprint`] and a redaction. It deliberately
//! offers no way to print, log or serialise a secret: whoever needs the bytes calls
//! [`Secret::expose`], so every such place can be found by searching for that one word.

mod credential;
mod fingerprint;
mod redaction;

pub use credential::{Credential, Part};
pub use fingerprint::{Fingerprint, FingerprintPrefix, ParsePrefixError};
pub use redaction::{MASK, redact};

use zeroize::Zeroizing;

/// A secret value. Its memory is overwritten when it is dropped; it has no `Display`, its `Debug`
/// shows only the length, and it can't be serialised.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Wraps the bytes of a secret.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// Returns the bytes themselves, for a provider call or a delivery. Never for an output.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Returns the secret as text, or `None` where it isn't UTF-8. The same care as [`Secret::expose`].
    pub fn expose_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Returns the length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there are no bytes at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_length_and_nothing_else() {
        let secret = Secret::new(*b"correct-horse");
        assert_eq!(format!("{secret:?}"), "Secret(13 bytes)");
    }
}
