//! What a plan is about, and what it needs to know of a provider.

use std::collections::BTreeMap;

use super::Error;
use crate::provider::{Call, Operation, Provider};
use crate::secret::{Credential, Fingerprint, Part};

/// Which credential leaked. It can only be had from a credential with its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    pub(super) fingerprint: Fingerprint,
    pub(super) pattern: String,
}

impl Subject {
    /// Returns the subject of a plan.
    ///
    /// # Errors
    /// [`Error::NoSecret`] where the credential has no secret part: whoever knows only a key's id could
    /// otherwise have a colleague's key stopped by writing that id into a file.
    pub fn of(credential: &Credential) -> Result<Self, Error> {
        let mut secrets = credential.parts.values().filter_map(|part| match part {
            Part::Secret(secret) => Some(secret),
            Part::Public(_) => None,
        });
        if !secrets.any(|secret| !secret.is_empty()) {
            return Err(Error::NoSecret);
        }
        Ok(Self { fingerprint: credential.fingerprint(), pattern: credential.pattern.clone() })
    }
}

/// What a plan needs to know of a provider besides what was seen there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The driver's name.
    pub provider: String,
    /// Where calls go when it isn't the public endpoint.
    pub endpoint: Option<String>,
    /// How many keys an owner may have.
    pub keys_per_owner: usize,
    /// Where a person does by hand what the program can't.
    pub console: Option<String>,
    calls: BTreeMap<Operation, Vec<Call>>,
}

/// Both providers that can create keys today (AWS IAM and the simulated one) allow two an owner.
const KEYS_PER_OWNER: usize = 2;

impl Facts {
    /// Returns the facts of a provider, asking it nothing over the network.
    pub fn of(provider: &dyn Provider) -> Self {
        let operations = [
            Operation::Observe,
            Operation::Probe,
            Operation::Disable,
            Operation::Enable,
            Operation::Create,
            Operation::Delete,
            Operation::Evidence,
            Operation::Restrict,
            Operation::Lift,
            Operation::Review,
        ];
        Self {
            provider: provider.id().to_owned(),
            endpoint: provider.endpoint().map(str::to_owned),
            keys_per_owner: KEYS_PER_OWNER,
            console: None,
            calls: operations.map(|o| (o, provider.calls(o))).into(),
        }
    }

    /// Adds where a person does by hand what the program can't.
    #[must_use]
    pub fn at_console(mut self, address: &str) -> Self {
        self.console = Some(address.to_owned());
        self
    }

    pub(super) fn can(&self, operation: Operation) -> bool {
        !self.calls_of(operation).is_empty()
    }

    pub(super) fn calls_of(&self, operation: Operation) -> &[Call] {
        self.calls.get(&operation).map_or(&[], Vec::as_slice)
    }
}
