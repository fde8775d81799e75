//! Amazon Bedrock API keys.
//!
//! A long-term key (`ABSK…`) is a service-specific credential of an IAM user: base64 of an alias and a
//! secret, and the alias (`USER+1-at-ACCOUNT`) is what IAM lists it under. It is stopped and started like
//! an access key, and a user may have two. A short-term key (`bedrock-api-key-…`) is a presigned request
//! and lives as long as the session that signed it. Their users and roles are restricted, read and
//! searched for as those of access keys are, so all that is [`AwsIam`]'s.
//!
//! AWS can also reset a long-term key, which kills the old one at once and gives the new one in an answer
//! that may be lost: a second key beside the first is made instead.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_iam::types::{ServiceSpecificCredentialMetadata, StatusType};

use super::bedrock_key::{KEY, Said, said};
use super::change::Change;
use super::failure::{self, Asked};
use super::observe::{named, state, timestamp};
use super::permissions::{
    CREATE_SERVICE_KEY, DELETE_SERVICE_KEY, SERVICE_KEYS, UPDATE_SERVICE_KEY, calls, listed,
};
use super::responder::{is_not_the_owner, user_arn};
use super::watch::Watch;
use super::{AwsIam, Options, unsupported};
use crate::pattern::aws_account_of;
use crate::provider::{
    Call, Created, Error, Evidence, Identity, Key, KeyKind, KeyState, Log, Observation, Operation,
    Page, Probe, Provider, Query, Receipt, Restriction, Search, Standing,
};
use crate::secret::{Credential, Part, Secret};

const ID: &str = "aws-bedrock";
const SERVICE: &str = "bedrock.amazonaws.com";
pub(super) const ASK: &str = "bedrock:ListFoundationModels";

/// Amazon Bedrock's keys as a [`Provider`].
#[derive(Debug)]
pub struct AwsBedrock(pub(super) AwsIam);

impl AwsBedrock {
    /// As [`AwsIam::connect`].
    ///
    /// # Errors
    ///
    /// As [`AwsIam::connect`].
    pub async fn connect(options: Options) -> Result<Self, Error> {
        AwsIam::connect(options).await.map(Self)
    }
}

#[async_trait]
impl Provider for AwsBedrock {
    fn id(&self) -> &'static str {
        ID
    }

    fn endpoint(&self) -> Option<&str> {
        self.0.endpoint()
    }

    fn calls(&self, operation: Operation) -> Vec<Call> {
        match operation {
            Operation::Observe => listed([SERVICE_KEYS]),
            Operation::Probe => vec![Call { name: ASK.to_owned(), permission: None }],
            Operation::Disable | Operation::Enable => listed([UPDATE_SERVICE_KEY]),
            Operation::Create => listed([CREATE_SERVICE_KEY]),
            Operation::Delete => listed([DELETE_SERVICE_KEY]),
            operation => calls(operation),
        }
    }

    async fn observe(&self, credential: &Credential) -> Result<Observation, Error> {
        match said(credential)? {
            Said::Long { alias, user, account } => self.observed(&alias, &user, account).await,
            Said::Short { session, ends_at, .. } => {
                self.0.may_be_asked_about(aws_account_of(&session).as_deref())?;
                self.0.observed_session(&session, ends_at).await
            }
        }
    }

    async fn probe(&self, credential: &Credential) -> Result<Probe, Error> {
        self.probed(credential).await
    }

    async fn keys(&self, owner: &str) -> Result<Vec<Key>, Error> {
        let responder = self.0.responder_for(None, None).await?;
        let listed = self.list(owner, &responder.account, &Watch::default()).await?;
        let listed = listed.ok_or_else(|| Error::NotFound {
            call: SERVICE_KEYS.to_owned(),
            what: format!("user {owner}"),
        })?;
        Ok(listed.into_iter().map(|(_, key)| key).collect())
    }

    async fn disable(&self, key: &Key) -> Result<Receipt, Error> {
        self.update(key, StatusType::Inactive, true).await
    }

    async fn enable(&self, key: &Key) -> Result<Receipt, Error> {
        self.update(key, StatusType::Active, false).await
    }

    async fn create(&self, owner: &str) -> Result<Created, Error> {
        self.created(owner).await
    }

    async fn delete(&self, key: &Key) -> Result<Receipt, Error> {
        let responder = self.before(DELETE_SERVICE_KEY, key).await?;
        let watch = Watch::default();
        let request = self.0.clients.writer.delete_service_specific_credential();
        let request = request.user_name(&key.owner).service_specific_credential_id(&key.id);
        let answer = request.customize().interceptor(watch.clone()).send().await;
        let change = Change { call: DELETE_SERVICE_KEY, key, gone_is_done: true };
        self.0.settle(change, answer, &responder, &watch)
    }

    async fn evidence(&self, observation: &Observation) -> Result<Evidence, Error> {
        self.0.evidence(observation).await
    }

    async fn standing(&self, restriction: &Restriction) -> Result<Standing, Error> {
        self.0.standing(restriction).await
    }

    async fn restrict(&self, restriction: &Restriction) -> Result<Receipt, Error> {
        self.0.restrict(restriction).await
    }

    async fn lift(
        &self,
        restriction: &Restriction,
        before: &serde_json::Value,
    ) -> Result<Receipt, Error> {
        self.0.lift(restriction, before).await
    }

    fn logs(&self) -> Vec<Log> {
        self.0.logs()
    }

    fn queries(&self, search: &Search) -> Result<Vec<Query>, Error> {
        self.0.queries(search)
    }

    async fn activity(&self, search: &Search, from: Option<&str>) -> Result<Page, Error> {
        self.0.activity(search, from).await
    }
}

impl AwsBedrock {
    /// One round trip where the key names the responder's account: who the responder is and the user's
    /// keys are asked at once.
    async fn observed(
        &self,
        alias: &str,
        user: &str,
        account: Option<String>,
    ) -> Result<Observation, Error> {
        self.0.may_be_asked_about(account.as_deref())?;
        let watch = Watch::default();
        let named = account.as_deref().unwrap_or_default();
        let question = self.list(user, named, &watch);
        let (responder, keys) = self.0.responder_and("", account.as_deref(), question).await?;
        is_not_the_owner(&responder, user)?;
        let keys = keys.unwrap_or_default();
        let (mine, siblings): (Vec<_>, Vec<_>) =
            keys.into_iter().partition(|(listed, _)| listed.as_deref() == Some(alias));
        let key = mine.into_iter().next().map(|(_, key)| key);
        let siblings = siblings.into_iter().map(|(_, key)| key).collect();
        Ok(Observation {
            key: key.unwrap_or_else(|| absent(alias, user, &responder)),
            siblings,
            last_use: None,
            at: self.0.time(&watch),
            responder,
        })
    }

    /// Lists a user's keys for Bedrock with their aliases, or `None` where there is no such user.
    async fn list(
        &self,
        owner: &str,
        account: &str,
        watch: &Watch,
    ) -> Result<Option<Vec<(Option<String>, Key)>>, Error> {
        let owner = named(SERVICE_KEYS, owner)?;
        let request = self.0.clients.reader.list_service_specific_credentials();
        let request = request.user_name(owner).service_name(SERVICE).customize();
        match request.interceptor(watch.clone()).send().await {
            Ok(answer) => {
                let keys = answer.service_specific_credentials.unwrap_or_default();
                Ok(Some(keys.into_iter().map(|key| listed_key(key, owner, account)).collect()))
            }
            Err(error) if failure::is_missing(&error) => Ok(None),
            Err(error) => {
                let what = format!("arn:aws:iam::{account}:user/{owner}");
                Err(failure::of(Asked::about(SERVICE_KEYS, &what), &error, watch))
            }
        }
    }

    async fn update(
        &self,
        key: &Key,
        status: StatusType,
        gone_is_done: bool,
    ) -> Result<Receipt, Error> {
        let responder = self.before(UPDATE_SERVICE_KEY, key).await?;
        let watch = Watch::default();
        let request = self.0.clients.writer.update_service_specific_credential().status(status);
        let request = request.user_name(&key.owner).service_specific_credential_id(&key.id);
        let answer = request.customize().interceptor(watch.clone()).send().await;
        let change = Change { call: UPDATE_SERVICE_KEY, key, gone_is_done };
        self.0.settle(change, answer, &responder, &watch)
    }

    async fn created(&self, owner: &str) -> Result<Created, Error> {
        let owner = named(CREATE_SERVICE_KEY, owner)?;
        let responder = self.0.responder_before(CREATE_SERVICE_KEY, None, None, owner).await?;
        let watch = Watch::default();
        let request = self.0.clients.writer.create_service_specific_credential();
        let request = request.user_name(owner).service_name(SERVICE).customize();
        let answer = request.interceptor(watch.clone()).send().await;
        let receipt = self.0.receipt(&answer, &watch);
        let arn = user_arn(&responder, owner);
        let asked = Asked::about(CREATE_SERVICE_KEY, &arn);
        let answer = answer.map_err(|error| failure::of(asked, &error, &watch))?;
        let lost = || Error::Unanswered {
            call: CREATE_SERVICE_KEY.to_owned(),
            why: "the answer holds no key".to_owned(),
        };
        let made = answer.service_specific_credential.ok_or_else(lost)?;
        let secret = made.service_credential_secret.ok_or_else(lost)?;
        Ok(Created {
            key: Key {
                id: made.service_specific_credential_id,
                owner: owner.to_owned(),
                account: responder.account,
                state: state(Some(&made.status)),
                created_at: timestamp(&made.create_date),
                kind: kind(),
            },
            credential: Credential {
                pattern: "aws-bedrock-long-term-key".to_owned(),
                provider: ID.to_owned(),
                parts: BTreeMap::from([(
                    KEY.to_owned(),
                    Part::Secret(Secret::new(secret.into_bytes())),
                )]),
            },
            receipt,
        })
    }

    async fn before(&self, call: &str, key: &Key) -> Result<Identity, Error> {
        if !matches!(key.kind, KeyKind::Service { .. }) {
            super::change::can_be_changed(key)?;
            return Err(unsupported(format!("change {}, which is no key for Bedrock", key.id)));
        }
        let owner = named(call, &key.owner)?;
        self.0.responder_before(call, None, Some(&key.account), owner).await
    }
}

fn kind() -> KeyKind {
    KeyKind::Service { service: "bedrock".to_owned() }
}

fn absent(alias: &str, user: &str, responder: &Identity) -> Key {
    Key {
        id: alias.to_owned(),
        owner: user.to_owned(),
        account: responder.account.clone(),
        state: KeyState::Absent,
        created_at: None,
        kind: kind(),
    }
}

fn listed_key(
    key: ServiceSpecificCredentialMetadata,
    owner: &str,
    account: &str,
) -> (Option<String>, Key) {
    let listed = Key {
        id: key.service_specific_credential_id,
        owner: owner.to_owned(),
        account: account.to_owned(),
        state: state(Some(&key.status)),
        created_at: timestamp(&key.create_date),
        kind: kind(),
    };
    (key.service_credential_alias, listed)
}
