//! AWS IAM access keys, through AWS's own SDK.
//!
//! A key (`AKIA…`) belongs to a user, who has at most two, and is `Active` or `Inactive`; disabling it is
//! reversible, deleting it is not. Temporary keys (`ASIA…`) can't be stopped by themselves, and a root
//! user's key only by that root user: both are [`Error::Unsupported`]. Disabling a key leaves the sessions
//! alive that were made with it.
//!
//! Before everything else comes `sts:GetCallerIdentity` as the responder: it needs no permission and tells
//! whether the responder works, and in which account. Then `iam:GetAccessKeyLastUsed` and
//! `iam:ListAccessKeys` look, and `iam:UpdateAccessKey`, `iam:CreateAccessKey` and `iam:DeleteAccessKey`
//! act. Only [`Provider::probe`] uses the leaked key. A change is sent once and never again.
//!
//! A key is ours when its id names the responder's account, and when our own list of its owner's keys
//! holds it. An id of another account is never asked about.

mod change;
mod connect;
mod evidence;
mod failure;
mod judge;
mod observe;
mod permissions;
mod powers;
mod probe;
mod surroundings;
mod watch;

pub use connect::configuration;
pub use permissions::{Duty, policy};

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use self::connect::Clients;
use self::watch::Watch;
use super::{
    Call, Created, Error, Evidence, Key, Observation, Operation, Probe, Provider, Receipt,
};
use crate::secret::Credential;

const ID: &str = "aws-iam";

/// Tells the time, where the provider doesn't.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Who acts, and where.
#[derive(Clone)]
pub struct Options {
    /// Where calls go, such as `http://127.0.0.1:5000`; otherwise where the SDK's own configuration
    /// says, which usually is the public endpoint.
    pub endpoint: Option<String>,
    /// The region; otherwise the one the environment or the profile names, or `us-east-1`.
    pub region: Option<String>,
    /// The profile of AWS's configuration files that is the responder; it wins over the environment.
    pub profile: Option<String>,
    /// The responder's own key (`id`, `secret`, perhaps `token`); otherwise it is looked for in AWS's
    /// usual places: environment, profile, single sign-on, web identity, container, machine.
    pub responder: Option<Credential>,
    /// Whether an unencrypted endpoint may be elsewhere than on this machine.
    pub allow_plain_http: bool,
    /// How long one attempt of a call may take.
    pub attempt_timeout: Duration,
    /// How long reading evidence may take in all; what isn't there by then is a gap.
    pub evidence_time: Duration,
    /// The clock for answers that carry no time.
    pub clock: Clock,
}

impl Options {
    /// Returns the usual options: AWS's public endpoint, the responder from AWS's usual places, ten
    /// seconds an attempt.
    pub fn new(clock: Clock) -> Self {
        Self {
            endpoint: None,
            region: None,
            profile: None,
            responder: None,
            allow_plain_http: false,
            attempt_timeout: Duration::from_secs(10),
            evidence_time: Duration::from_secs(60),
            clock,
        }
    }
}

/// AWS IAM as a [`Provider`].
pub struct AwsIam {
    clients: Clients,
    evidence_time: Duration,
    clock: Clock,
    /// The responder's account, once AWS told it.
    account: OnceLock<String>,
}

impl std::fmt::Debug for AwsIam {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwsIam").field("endpoint", &self.clients.endpoint).finish_non_exhaustive()
    }
}

impl AwsIam {
    /// Finds the responder's credentials and prepares the calls. Asks AWS nothing yet.
    ///
    /// # Errors
    ///
    /// [`Error::NoResponder`] where there are no credentials to act with, and [`Error::Unreachable`]
    /// where the endpoint can't be used, being no address or not encrypted.
    pub async fn connect(options: Options) -> Result<Self, Error> {
        Ok(Self {
            clients: connect::clients(&options).await?,
            evidence_time: options.evidence_time,
            clock: options.clock,
            account: OnceLock::new(),
        })
    }

    /// The provider's time, or ours.
    fn time(&self, watch: &Watch) -> Timestamp {
        watch.answered_at().unwrap_or_else(|| (self.clock)())
    }
}

#[async_trait]
impl Provider for AwsIam {
    fn id(&self) -> &'static str {
        ID
    }

    fn endpoint(&self) -> Option<&str> {
        self.clients.endpoint.as_deref()
    }

    fn calls(&self, operation: Operation) -> Vec<Call> {
        match operation {
            Operation::Probe => permissions::listed([]),
            operation => permissions::calls(operation),
        }
    }

    async fn observe(&self, credential: &Credential) -> Result<Observation, Error> {
        self.observed(credential).await
    }

    async fn probe(&self, credential: &Credential) -> Result<Probe, Error> {
        self.probed(credential).await
    }

    async fn keys(&self, owner: &str) -> Result<Vec<Key>, Error> {
        self.listed(owner).await
    }

    async fn disable(&self, key: &Key) -> Result<Receipt, Error> {
        self.disabled(key).await
    }

    async fn enable(&self, key: &Key) -> Result<Receipt, Error> {
        self.enabled(key).await
    }

    async fn create(&self, owner: &str) -> Result<Created, Error> {
        self.created(owner).await
    }

    async fn delete(&self, key: &Key) -> Result<Receipt, Error> {
        self.deleted(key).await
    }

    async fn evidence(&self, observation: &Observation) -> Result<Evidence, Error> {
        self.evidence_of(observation).await
    }
}

fn unsupported(what: impl Into<String>) -> Error {
    Error::Unsupported { provider: ID.to_owned(), what: what.into() }
}
