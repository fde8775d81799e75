//! AWS IAM: access keys, the users and roles behind them, and what they did, through AWS's own SDK.
//!
//! A key (`AKIA…`) belongs to a user, who has at most two, and is `Active` or `Inactive`; disabling it is
//! reversible, deleting it is not. A session's key (`ASIA…`) can't be stopped by itself: its issuer is
//! looked for in CloudTrail and can be restricted. A root user's key is seen and left to a person.
//! Bedrock's keys are [`AwsBedrock`]'s. Disabling a key leaves the sessions alive that were made with it.
//!
//! | file | what it does | with which calls |
//! |---|---|---|
//! | `observe` | whose the key is, in what state | who acts beside `iam:GetAccessKeyLastUsed`, then `iam:ListAccessKeys` |
//! | `evidence`, `role_rights`, `surroundings` | what it may do | everything at once, within a minute |
//! | `judge`, `powers` | that in words | none |
//! | `change` | stop, start, make, remove | one each |
//! | `restrict`, `restrict_calls` | deny, narrow, end sessions, and back | one each, and the tag |
//! | `responder`, `role` | who acts, and that it isn't the key | `sts:GetCallerIdentity`, `sts:AssumeRole` |
//! | `activity`, `told`, `meaning` | what it did | `cloudtrail:LookupEvents` in every region |
//! | `trail_logs`, `insights`, `athena`, `queries` | the same from logs of the operator's own | a query started, asked about, read |
//! | `bedrock`, `bedrock_key`, `bedrock_probe` | all that for Bedrock's keys | `iam:ListServiceSpecificCredentials` and its like |
//! | `permissions` | which of these need which permission | none |
//!
//! Who the responder is is asked with `sts:GetCallerIdentity`, which needs no permission, and for half a
//! minute taken for granted while the responder's key is the same. Only [`Provider::probe`] uses the
//! leaked key. A change is sent once and never again.
//!
//! A key is ours when its id names the responder's account, and when our own list of its owner's keys
//! holds it. An id of another account is never asked about; nor is one of an account that lays bait.

mod accounts;
mod activity;
mod athena;
mod bedrock;
mod bedrock_key;
mod bedrock_probe;
mod change;
mod connect;
mod evidence;
mod failure;
mod insights;
mod judge;
mod meaning;
mod observe;
mod permissions;
mod powers;
mod probe;
mod queries;
mod responder;
mod restrict;
mod restrict_calls;
mod role;
mod role_rights;
mod surroundings;
mod told;
mod trail_logs;
mod watch;

pub use bedrock::AwsBedrock;
pub use connect::configuration;
pub(crate) use permissions::{
    DESCRIBE_SECRET, GET_PARAMETER, GET_SECRET, MOVE_STAGE, PUT_PARAMETER, PUT_SECRET,
};
pub use permissions::{Duty, policy, policy_with_logs};
pub use queries::{athena as athena_query, logs_insights as logs_insights_query};
pub use trail_logs::TrailLogs;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use self::activity::Pace;
use self::connect::Clients;
use self::responder::Known;
use self::watch::Watch;
use super::{
    Call, Created, Error, Evidence, Key, Log, Observation, Operation, Page, Probe, Provider, Query,
    Receipt, Restriction, Search, Standing,
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
    /// The role to act as, which the responder assumes; otherwise the responder acts itself.
    pub role: Option<String>,
    /// The incident: it names the role's session, and is its source identity, so that AWS's own log shows
    /// for which incident each call was made.
    pub incident: Option<String>,
    /// The accounts that are the operator's own. Keys of any other are never asked about; where the list
    /// is empty, keys of the responder's own account are.
    pub accounts: Vec<String>,
    /// The regions whose log is searched; otherwise those that are on in the account.
    pub regions: Vec<String>,
    /// The operator's own logs, searched beside AWS's.
    pub trail_logs: TrailLogs,
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
            role: None,
            incident: None,
            accounts: Vec::new(),
            regions: Vec::new(),
            trail_logs: TrailLogs::default(),
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
    accounts: Vec<String>,
    regions: Vec<String>,
    trail_logs: TrailLogs,
    /// Who the responder is, once AWS told it.
    responder: Mutex<Option<Known>>,
    /// When each region's log may be asked again.
    pace: Pace,
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
            accounts: options.accounts,
            regions: options.regions,
            trail_logs: options.trail_logs,
            responder: Mutex::default(),
            pace: Pace::default(),
        })
    }

    /// Returns the responder's account, once AWS told it.
    fn own_account(&self) -> Option<String> {
        let known = self.responder.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().map(|known| known.account().to_owned())
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

    async fn is_own(&self, credential: &Credential) -> bool {
        self.is_of_the_responder(credential).await
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

    fn logs(&self) -> Vec<Log> {
        self.searchable()
    }

    fn queries(&self, search: &Search) -> Result<Vec<Query>, Error> {
        self.written_out(search)
    }

    async fn activity(&self, search: &Search, from: Option<&str>) -> Result<Page, Error> {
        self.uses(search, from).await
    }

    async fn standing(&self, restriction: &Restriction) -> Result<Standing, Error> {
        self.stands(restriction).await
    }

    async fn restrict(&self, restriction: &Restriction) -> Result<Receipt, Error> {
        self.restricted(restriction).await
    }

    async fn lift(
        &self,
        restriction: &Restriction,
        before: &serde_json::Value,
    ) -> Result<Receipt, Error> {
        self.lifted(restriction, before).await
    }
}

fn unsupported(what: impl Into<String>) -> Error {
    Error::Unsupported { provider: ID.to_owned(), what: what.into() }
}
