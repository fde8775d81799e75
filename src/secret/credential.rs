//! A credential as a bag of named parts: an AWS pair has an `id` and a `secret`, most have one `key`.

use std::collections::BTreeMap;

use super::{Fingerprint, Secret};

/// One part of a credential.
#[derive(Clone, PartialEq, Eq)]
pub enum Part {
    /// Names the credential and gives no power by itself: a key id, a host, an account.
    Public(String),
    /// Gives the power.
    Secret(Secret),
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Public(text) => write!(f, "{text:?}"),
            Self::Secret(secret) => secret.fmt(f),
        }
    }
}

/// A credential: what kind it is and its named parts. It lives in memory only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The id of the pattern that found it, such as `aws-access-key`.
    pub pattern: String,
    /// The id of the provider that issued it, such as `aws`.
    pub provider: String,
    /// The parts by the name of the group that captured them, such as `id`, `secret`, `key`.
    pub parts: BTreeMap<String, Part>,
}

impl Credential {
    /// Returns the fingerprint of the secret parts, or of all parts where none is secret: a lone key id.
    pub fn fingerprint(&self) -> Fingerprint {
        let has_secret = self.parts.values().any(|part| matches!(part, Part::Secret(_)));
        let parts = self.parts.iter().filter_map(|(name, part)| match part {
            Part::Secret(secret) => Some((name.as_str(), secret.expose())),
            Part::Public(text) if !has_secret => Some((name.as_str(), text.as_bytes())),
            Part::Public(_) => None,
        });
        Fingerprint::of(&self.pattern, parts)
    }

    /// Returns the public parts, by name.
    pub fn public_parts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parts.iter().filter_map(|(name, part)| match part {
            Part::Public(text) => Some((name.as_str(), text.as_str())),
            Part::Secret(_) => None,
        })
    }

    /// Returns the public part of that name.
    pub fn public(&self, name: &str) -> Option<&str> {
        match self.parts.get(name)? {
            Part::Public(text) => Some(text),
            Part::Secret(_) => None,
        }
    }

    /// Returns the secret part of that name.
    pub fn secret(&self, name: &str) -> Option<&Secret> {
        match self.parts.get(name)? {
            Part::Secret(secret) => Some(secret),
            Part::Public(_) => None,
        }
    }
}
