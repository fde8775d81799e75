//! Deliveries: how a replacement gets to those who use it.
//!
//! Takes a [`Credential`]; gives the place it went to, in words. Each place is a file of this folder:
//!
//! | place | what is sent | how it is known to have arrived |
//! |---|---|---|
//! | program | JSON on its standard input | its exit code |
//! | Secrets Manager | a pending version | read back, then made the current one |
//! | Parameter Store | one parameter a part | read back |
//! | Vault, OpenBao | a patch of a KV v2 secret, with check-and-set | the version it became |
//! | GitHub Actions | one sealed box a part | the answer to each |
//! | Kubernetes | a manifest for `kubectl apply -f` | it was written to the end |
//! | file descriptor | JSON | it was written to the end |
//!
//! The secret travels there and nowhere else: not on a command line, not in the environment, not in an
//! error. What a place answers is never shown where it could repeat the secret.

#[cfg(feature = "aws")]
mod aws;
mod command;
mod fields;
mod github;
mod memory;
#[cfg(feature = "aws")]
mod parameter_store;
#[cfg(feature = "aws")]
mod secrets_manager;
mod target;
mod vault;
mod written;

pub use command::CommandDelivery;
pub use github::GitHubDelivery;
pub use memory::MemoryDelivery;
#[cfg(feature = "aws")]
pub use parameter_store::ParameterStoreDelivery;
#[cfg(feature = "aws")]
pub use secrets_manager::SecretsManagerDelivery;
pub use target::{Scheme, Target};
pub use vault::VaultDelivery;
pub use written::{Form, Sink, WrittenDelivery};

use async_trait::async_trait;

use super::request::DeliveryCalls;
use crate::secret::Credential;

/// Why a replacement was not delivered, or may not have been. No variant ever holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// The command line names no program, or its quotes don't match. It isn't repeated: nobody has
    /// looked yet whether it holds a secret.
    #[error("what was given is no command line: {0}")]
    CommandLine(String),
    /// The secret isn't text, so it has no JSON form.
    #[error("the new key is not text, so it can't be handed over as JSON")]
    NotText,
    /// The program did not run: nothing was delivered.
    #[error("{program} could not be started: {why}")]
    NotStarted {
        /// The program.
        program: String,
        /// Why.
        why: String,
    },
    /// The program ran and said that it failed.
    #[error("{program} ended with exit code {code}")]
    Failed {
        /// The program.
        program: String,
        /// Its exit code.
        code: i32,
    },
    /// What was given names no place, or not what goes where.
    #[error("what was given names no place to deliver to: {0}")]
    Target(String),
    /// The place said no, or could not be asked: nothing was delivered.
    #[error("{place}: {why}")]
    Refused {
        /// The place.
        place: String,
        /// Why, without anything it repeated of what it was sent.
        why: String,
    },
    /// It was killed, by us after the time given or by someone else, or its end could not be seen:
    /// whether the new key was taken up is unknown.
    #[error("{place} did not come to an end that could be seen: {why}")]
    Unknown {
        /// The program, or the place.
        place: String,
        /// What happened.
        why: String,
    },
}

/// Hands a new credential to its consumers.
#[async_trait]
pub trait Delivery: Send + Sync {
    /// Delivers it and returns where it went, in words without secrets.
    ///
    /// # Errors
    /// [`DeliveryError::Unknown`] where the consumers may have it; every other variant where they don't.
    async fn deliver(&self, credential: &Credential) -> Result<String, DeliveryError>;

    /// Finds out, without a secret, whether a delivery would work: done before an old key is stopped for
    /// which a replacement is to be delivered. Returns what was looked at, in words.
    ///
    /// # Errors
    /// Why it would not work.
    async fn check(&self) -> Result<String, DeliveryError> {
        Ok(format!("{} can't be tried beforehand", self.describe()))
    }

    /// Returns the calls it makes, with the permission of each, for the plan; none where it is no server
    /// that is called.
    fn calls(&self) -> DeliveryCalls {
        DeliveryCalls::default()
    }

    /// Returns where it would go, in words: shown in the plan, and part of what is approved.
    fn describe(&self) -> String;
}
