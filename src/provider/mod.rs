//! Providers: who issued a key, and what can be done about it there.
//!
//! Takes a [`Credential`]; gives its state, its owner and the few operations of its life. Every
//! provider keeps one contract, [`Provider`]: looking changes nothing, an operation done twice is done
//! once (creating aside), and a call whose answer was lost is [`Error::Unanswered`], never a guess.
//! Deciding what to do, in which order and with whose approval, is `contain`'s work, not done here.

mod activity;
#[cfg(feature = "aws")]
pub mod aws_iam;
mod by_hand;
mod evidence;
mod measure;
pub mod simulated;

pub use activity::{Log, Meaning, Page, Query, Search, SearchBy, Use};
pub use by_hand::{by_hand, console, end_sessions_by_hand, restrict_by_hand};
pub use evidence::{Evidence, Known, Power};
pub use measure::{Measure, Restriction, Standing};

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::secret::Credential;

/// What a provider can be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Finds out whose key it is and what state it is in, as the responder. Changes nothing.
    Observe,
    /// Asks with the leaked key itself who it is. Changes nothing; leaves a line in the provider's log.
    Probe,
    /// Stops the key, so that it can be started again.
    Disable,
    /// Starts it again.
    Enable,
    /// Makes a second key for the same owner.
    Create,
    /// Removes a key for good.
    Delete,
    /// Reads what the key may do and what surrounds it. Changes nothing.
    Evidence,
    /// Sets a restriction on the key's owner.
    Restrict,
    /// Lifts such a restriction.
    Lift,
    /// Reads what the key has done, in the provider's log. Changes nothing.
    Review,
}

/// One API call an operation makes, and the permission it needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The provider's own name of the call, such as `iam:UpdateAccessKey`.
    pub name: String,
    /// The permission the responder needs, or `None` where none is needed.
    pub permission: Option<String>,
}

/// The state of a key, as the provider tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyState {
    /// It works.
    Active,
    /// It is there and doesn't work.
    Inactive,
    /// There is no such key (any more).
    Absent,
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Absent => "absent",
        })
    }
}

/// What kind of key it is: each has its own way of being stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum KeyKind {
    /// A key of its own, which can be stopped and started.
    #[default]
    Lasting,
    /// A key of the account itself: no program stops it.
    Root,
    /// A session, which lives on without the key that made it: only who issued it can be restricted.
    Session {
        /// Who issued it, as far as the provider tells: the full name of a user or role.
        issuer: Option<String>,
        /// When it ends by itself, where known.
        ends_at: Option<Timestamp>,
    },
    /// A key for one service, such as a Bedrock API key.
    Service {
        /// The service.
        service: String,
    },
}

/// A key as its provider lists it. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The id the provider gives it, such as `AKIA…`.
    pub id: String,
    /// Whose it is: a user, a service account.
    pub owner: String,
    /// The account or organisation of the owner.
    pub account: String,
    /// Its state.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// What kind of key it is.
    #[serde(default)]
    pub kind: KeyKind,
}

/// Who acts: the responder's identity as the provider sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The account or organisation.
    pub account: String,
    /// The full name, such as an ARN.
    pub name: String,
}

/// The last use of a key, where the provider tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUse {
    /// When.
    pub at: Timestamp,
    /// For what, such as `s3 in eu-west-1`.
    pub what: String,
}

/// What was seen at the provider before anything was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Who looked, and would act.
    pub responder: Identity,
    /// The leaked key.
    pub key: Key,
    /// The other keys of the same owner.
    pub siblings: Vec<Key>,
    /// The last use of the leaked key; `None` where it was never used or the provider doesn't say.
    pub last_use: Option<LastUse>,
    /// When, by the provider's clock where it tells the time.
    pub at: Timestamp,
}

/// What the provider answered to the leaked key itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer")]
pub enum Liveness {
    /// It works, and this is who it is.
    Accepted {
        /// The identity the provider gave back.
        identity: Identity,
    },
    /// The provider itself refused it, with its own code for "no such key" or "key disabled".
    Refused {
        /// The provider's error code.
        code: String,
    },
    /// The provider knows the key and says the secret isn't its own: that proves neither that the key
    /// works nor that it is dead.
    WrongSecret {
        /// The provider's error code.
        code: String,
    },
    /// Anything else: an error that says nothing about the key.
    Unknown {
        /// What was answered, without any secret.
        why: String,
    },
}

/// One question asked with the leaked key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The answer.
    pub liveness: Liveness,
    /// When it was given, by the provider's clock where it tells the time.
    pub at: Timestamp,
}

/// What a provider returned for a change. It proves that the call was taken, not that it took effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The provider's id of the request, for its support and its log.
    pub request_id: Option<String>,
    /// When, by the provider's clock where it tells the time.
    pub at: Timestamp,
}

/// A key that was just made. The secret is here and nowhere else.
#[derive(Debug)]
pub struct Created {
    /// The new key.
    pub key: Key,
    /// The new credential, to be delivered and then dropped.
    pub credential: Credential,
    /// What the provider returned.
    pub receipt: Receipt,
}

/// Why an operation could not be done. No variant ever carries a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no responder identity to act with.
    #[error("no credentials to act with at {provider}: {why}")]
    NoResponder {
        /// The provider's id.
        provider: String,
        /// What was looked for.
        why: String,
    },
    /// The responder would act as the leaked key itself.
    #[error(
        "the responder's identity {responder} is the leaked key's own; a leaked key must not contain itself"
    )]
    ResponderIsLeaked {
        /// Who the responder is.
        responder: String,
    },
    /// The key is of an account that isn't the responder's: never called.
    #[error("the key belongs to account {account}, the responder to {responder}")]
    Foreign {
        /// The key's account.
        account: String,
        /// The responder's account.
        responder: String,
    },
    /// The key was laid as bait, and whoever uses it sets off an alarm: never called.
    #[error("the key is bait: account {account} is known to lay such keys")]
    Bait {
        /// The key's account.
        account: String,
    },
    /// The responder lacks a permission.
    #[error("{call} was denied: the responder lacks {permission}")]
    Denied {
        /// The call.
        call: String,
        /// The missing permission.
        permission: String,
    },
    /// The thing acted on isn't there.
    #[error("{call}: {what} does not exist")]
    NotFound {
        /// The call.
        call: String,
        /// What isn't there.
        what: String,
    },
    /// The provider allows no more: keys, or policies.
    #[error("{call}: the provider allows no more for {owner}")]
    Quota {
        /// The call.
        call: String,
        /// Whose quota, and what to do about it.
        owner: String,
    },
    /// The provider asks to slow down; nothing was done.
    #[error("{call} was throttled")]
    Throttled {
        /// The call.
        call: String,
    },
    /// It was sent and no answer came: whether it was done is unknown.
    #[error("{call} was sent and not answered: {why}")]
    Unanswered {
        /// The call.
        call: String,
        /// What happened, such as a timeout.
        why: String,
    },
    /// It could not even be sent; nothing was done.
    #[error("{call} could not be sent: {why}")]
    Unreachable {
        /// The call.
        call: String,
        /// What happened.
        why: String,
    },
    /// The provider (or this build) has no such operation.
    #[error("{provider} can't {what}")]
    Unsupported {
        /// The provider's id.
        provider: String,
        /// The operation, as a verb.
        what: String,
    },
    /// The provider said no for another reason.
    #[error("{call} was refused: {code}: {message}")]
    Refused {
        /// The call.
        call: String,
        /// The provider's code.
        code: String,
        /// The provider's message, with anything secret taken out.
        message: String,
    },
}

/// A provider of credentials, held to one contract (`tests/providers`):
/// looking changes nothing; disabling, enabling and deleting twice is the same as once; a key that
/// isn't there counts as disabled and deleted; no error, log or debug text holds a secret.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Returns the driver's name, as provider files write it: `aws-iam`.
    fn id(&self) -> &'static str;

    /// Returns where calls go when it isn't the provider's public endpoint.
    fn endpoint(&self) -> Option<&str>;

    /// Returns the calls of an operation in order, none if the provider has no such operation.
    fn calls(&self, operation: Operation) -> Vec<Call>;

    /// Finds out whose key it is, as the responder, and checks that the responder isn't the key.
    async fn observe(&self, credential: &Credential) -> Result<Observation, Error>;

    /// Tells, without asking anybody, whether a key is certain to be of the responder's own account: then
    /// the key itself may be asked before whose it is was seen. What isn't certain isn't so.
    async fn is_own(&self, credential: &Credential) -> bool {
        let _ = credential;
        false
    }

    /// Asks with the leaked key itself who it is.
    async fn probe(&self, credential: &Credential) -> Result<Probe, Error>;

    /// Lists the keys of an owner as they are now.
    async fn keys(&self, owner: &str) -> Result<Vec<Key>, Error>;

    /// Stops a key.
    async fn disable(&self, key: &Key) -> Result<Receipt, Error>;

    /// Starts a key again.
    async fn enable(&self, key: &Key) -> Result<Receipt, Error>;

    /// Makes a further key for an owner. Not idempotent: after [`Error::Unanswered`], look.
    async fn create(&self, owner: &str) -> Result<Created, Error>;

    /// Removes a key for good.
    async fn delete(&self, key: &Key) -> Result<Receipt, Error>;

    /// Reads what the key may do and what surrounds it. What can't be read is a gap, not an error.
    async fn evidence(&self, observation: &Observation) -> Result<Evidence, Error> {
        let _ = observation;
        Err(self.unsupported("read what a key may do"))
    }

    /// Looks whether a restriction stands, and what is in its place.
    async fn standing(&self, restriction: &Restriction) -> Result<Standing, Error> {
        let _ = restriction;
        Err(self.unsupported("restrict the owner of a key"))
    }

    /// Sets a restriction; one that stands is left as it is.
    async fn restrict(&self, restriction: &Restriction) -> Result<Receipt, Error> {
        let _ = restriction;
        Err(self.unsupported("restrict the owner of a key"))
    }

    /// Lifts a restriction and restores what [`Provider::standing`] showed before it was set.
    async fn lift(
        &self,
        restriction: &Restriction,
        before: &serde_json::Value,
    ) -> Result<Receipt, Error> {
        let _ = (restriction, before);
        Err(self.unsupported("restrict the owner of a key"))
    }

    /// Returns the logs that can be searched for what a key has done, the surest first; none if there
    /// are none.
    fn logs(&self) -> Vec<Log> {
        Vec::new()
    }

    /// Returns the same question for logs that this provider can't search itself.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where it can't be written out for that key or owner.
    fn queries(&self, search: &Search) -> Result<Vec<Query>, Error> {
        let _ = search;
        Ok(Vec::new())
    }

    /// Reads a piece of a log: from the beginning, or from where an earlier piece ended.
    async fn activity(&self, search: &Search, from: Option<&str>) -> Result<Page, Error> {
        let _ = (search, from);
        Err(self.unsupported("tell what a key has done"))
    }

    /// Returns the error for what this provider has no call for; `what` is a verb.
    fn unsupported(&self, what: &str) -> Error {
        Error::Unsupported { provider: self.id().to_owned(), what: what.to_owned() }
    }
}
