//! Which part of a credential goes where, and its text.

use std::collections::BTreeMap;

use serde::Serialize;
use zeroize::Zeroizing;

use super::DeliveryError;
use crate::secret::{Credential, Part};

/// The names that parts of a credential have at a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(pub(super) Vec<(String, String)>);

impl Fields {
    /// Returns each name with its text: the parts that were named, or all under their own names.
    ///
    /// # Errors
    /// [`DeliveryError::Target`] where a part that was named isn't there, or a secret part is not named.
    pub(super) fn of<'a>(
        &'a self,
        credential: &'a Credential,
    ) -> Result<Vec<(&'a str, &'a str)>, DeliveryError> {
        if self.0.is_empty() {
            let all = credential.parts.iter();
            return all.map(|(name, part)| Ok((name.as_str(), text(part)?))).collect();
        }
        self.check(credential)?;
        let named = self.0.iter().filter_map(|(part, name)| {
            credential.parts.get(part).map(|part| Ok((name.as_str(), text(part)?)))
        });
        named.collect()
    }

    /// Tells whether a credential with these parts can be delivered so.
    pub(super) fn check(&self, credential: &Credential) -> Result<(), DeliveryError> {
        let known: Vec<&str> = credential.parts.keys().map(String::as_str).collect();
        let is_named = |part: &str| self.0.iter().any(|(named, _)| named == part);
        if let Some((part, _)) = self.0.iter().find(|(part, _)| !known.contains(&part.as_str())) {
            return Err(DeliveryError::Target(format!(
                "the new key has no part `{part}`; its parts are {}",
                known.join(", ")
            )));
        }
        let secrets = credential.parts.iter().filter(|(_, part)| matches!(part, Part::Secret(_)));
        match secrets.map(|(name, _)| name).find(|name| !self.0.is_empty() && !is_named(name)) {
            Some(left) => Err(DeliveryError::Target(format!(
                "it doesn't say where `{left}` goes: add `{left}=NAME` behind the `#`"
            ))),
            None => Ok(()),
        }
    }
}

fn text(part: &Part) -> Result<&str, DeliveryError> {
    match part {
        Part::Public(text) => Ok(text),
        Part::Secret(secret) => secret.expose_str().ok_or(DeliveryError::NotText),
    }
}

/// The credential as its consumers' program gets it. Borrowed all through, so that the only copy of
/// the secret made here is the text, which is wiped when it is dropped.
#[derive(Serialize)]
struct Handed<'a> {
    pattern: &'a str,
    provider: &'a str,
    parts: BTreeMap<&'a str, &'a str>,
}

pub(super) fn as_json(credential: &Credential) -> Result<Zeroizing<Vec<u8>>, DeliveryError> {
    let all = Fields::default();
    let parts = all.of(credential)?.into_iter().collect();
    wiped_json(&Handed { pattern: &credential.pattern, provider: &credential.provider, parts })
}

/// Returns the JSON of something, in memory that is wiped when it is dropped.
pub(super) fn wiped_json(value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, DeliveryError> {
    // Written twice, so that the text never grows and leaves an unwiped copy behind.
    let mut counter = Counter(0);
    serde_json::to_writer(&mut counter, value).map_err(|_| DeliveryError::NotText)?;
    let mut text = Zeroizing::new(Vec::with_capacity(counter.0));
    serde_json::to_writer(&mut *text, value).map_err(|_| DeliveryError::NotText)?;
    Ok(text)
}

struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
