//! Acting, as the responder: stopping, starting, making and removing keys. Each call is sent once.

use std::collections::BTreeMap;

use aws_sdk_iam::config::http::HttpResponse;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iam::operation::RequestId;
use aws_sdk_iam::types::{AccessKey, StatusType};

use super::failure::{self, Asked};
use super::observe::{named, state, timestamp};
use super::permissions::{CREATE, DELETE, UPDATE, WHO_AM_I};
use super::responder::{is_not_the_owner, user_arn};
use super::watch::Watch;
use super::{AwsIam, unsupported};
use crate::pattern::aws_account_of;
use crate::provider::{Created, Error, Identity, Key, KeyKind, Receipt};
use crate::secret::{Credential, Part, Secret};

/// A change of one key, as far as its answer is concerned.
pub(super) struct Change<'a> {
    pub(super) call: &'static str,
    pub(super) key: &'a Key,
    /// Whether the goal is reached where the key is gone. (That it is gone from the right account was
    /// made sure of before.)
    pub(super) gone_is_done: bool,
}

impl AwsIam {
    pub(super) async fn disabled(&self, key: &Key) -> Result<Receipt, Error> {
        can_be_changed(key)?;
        if key.owner.is_empty() {
            return self.gone(UPDATE, key).await;
        }
        self.update(key, StatusType::Inactive, true).await
    }

    pub(super) async fn enabled(&self, key: &Key) -> Result<Receipt, Error> {
        self.update(key, StatusType::Active, false).await
    }

    pub(super) async fn deleted(&self, key: &Key) -> Result<Receipt, Error> {
        can_be_changed(key)?;
        if key.owner.is_empty() {
            return self.gone(DELETE, key).await;
        }
        let responder = self.before(DELETE, key).await?;
        let watch = Watch::default();
        let request = self.clients.writer.delete_access_key();
        let request = request.user_name(&key.owner).access_key_id(&key.id);
        let answer = request.customize().interceptor(watch.clone()).send().await;
        let change = Change { call: DELETE, key, gone_is_done: true };
        self.settle(change, answer, &responder, &watch)
    }

    /// Makes a key. AWS returns its secret this once: it goes from the answer straight into a
    /// [`Secret`], without a copy.
    pub(super) async fn created(&self, owner: &str) -> Result<Created, Error> {
        let owner = named(CREATE, owner)?;
        let responder = self.responder_before(CREATE, None, None, owner).await?;
        let watch = Watch::default();
        let request = self.clients.writer.create_access_key().user_name(owner);
        let answer = request.customize().interceptor(watch.clone()).send().await;
        let arn = user_arn(&responder, owner);
        let receipt = self.receipt(&answer, &watch);
        let answer =
            answer.map_err(|error| failure::of(Asked::about(CREATE, &arn), &error, &watch))?;
        let made = answer.access_key.ok_or_else(|| Error::Unanswered {
            call: CREATE.to_owned(),
            why: "the answer holds no key".to_owned(),
        })?;
        Ok(Created {
            key: Key {
                id: made.access_key_id.clone(),
                owner: owner.to_owned(),
                account: responder.account,
                state: state(Some(&made.status)),
                created_at: made.create_date.as_ref().and_then(timestamp),
                kind: KeyKind::Lasting,
            },
            credential: credential(made),
            receipt,
        })
    }

    async fn update(
        &self,
        key: &Key,
        status: StatusType,
        gone_is_done: bool,
    ) -> Result<Receipt, Error> {
        let responder = self.before(UPDATE, key).await?;
        let watch = Watch::default();
        let request = self.clients.writer.update_access_key().status(status);
        let request = request.user_name(&key.owner).access_key_id(&key.id);
        let answer = request.customize().interceptor(watch.clone()).send().await;
        let change = Change { call: UPDATE, key, gone_is_done };
        self.settle(change, answer, &responder, &watch)
    }

    /// A key that was seen to be gone has no owner to name in a call. It counts as stopped and removed
    /// if it is still gone.
    async fn gone(&self, call: &str, key: &Key) -> Result<Receipt, Error> {
        let responder = self.responder_for(Some(&key.id), Some(&key.account)).await?;
        let watch = Watch::default();
        let ours = aws_account_of(&key.id).is_some_and(|account| account == responder.account);
        if ours && self.known(&key.id, &watch).await?.is_none() {
            return Ok(Receipt { request_id: None, at: self.time(&watch) });
        }
        Err(Error::NotFound {
            call: call.to_owned(),
            what: format!("the owner of access key {}", key.id),
        })
    }

    async fn before(&self, call: &str, key: &Key) -> Result<Identity, Error> {
        can_be_changed(key)?;
        let owner = named(call, &key.owner)?;
        self.responder_before(call, Some(&key.id), Some(&key.account), owner).await
    }

    /// Returns who would act, if it may. Nothing was changed by asking, so an unanswered question
    /// leaves nothing unknown.
    pub(super) async fn responder_before(
        &self,
        call: &str,
        id: Option<&str>,
        account: Option<&str>,
        owner: &str,
    ) -> Result<Identity, Error> {
        let responder = self.responder_for(id, account).await;
        let responder = responder.map_err(|error| match error {
            Error::Unanswered { why, .. } => Error::Unreachable {
                call: call.to_owned(),
                why: format!("{WHO_AM_I}, asked before it, was not answered: {why}"),
            },
            other => other,
        })?;
        is_not_the_owner(&responder, owner)?;
        Ok(responder)
    }

    pub(super) fn settle<T, E>(
        &self,
        change: Change<'_>,
        answer: Result<T, SdkError<E, HttpResponse>>,
        responder: &Identity,
        watch: &Watch,
    ) -> Result<Receipt, Error>
    where
        T: RequestId,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let receipt = self.receipt(&answer, watch);
        match answer {
            Ok(_) => Ok(receipt),
            Err(error) if change.gone_is_done && failure::is_missing(&error) => Ok(receipt),
            Err(error) => {
                let asked = Asked {
                    call: change.call,
                    resource: &user_arn(responder, &change.key.owner),
                    what: &format!("key {}", change.key.id),
                };
                Err(failure::of(asked, &error, watch))
            }
        }
    }

    pub(super) fn receipt(&self, answer: &impl RequestId, watch: &Watch) -> Receipt {
        Receipt { request_id: answer.request_id().map(str::to_owned), at: self.time(watch) }
    }
}

/// Only a lasting key can be stopped, started or removed.
pub(super) fn can_be_changed(key: &Key) -> Result<(), Error> {
    match &key.kind {
        KeyKind::Lasting => Ok(()),
        KeyKind::Root => Err(unsupported(format!(
            "stop {}, since it is a root user's key: only the root user can, in the console",
            key.id
        ))),
        KeyKind::Session { issuer, .. } => Err(unsupported(format!(
            "stop {} by itself, since it is a session's key: end the sessions of {}",
            key.id,
            issuer.as_deref().unwrap_or("the role or user that made it")
        ))),
        KeyKind::Service { service } => Err(unsupported(format!(
            "change {} as an access key, since it is a key for {service}",
            key.id
        ))),
    }
}

fn credential(made: AccessKey) -> Credential {
    let secret = Secret::new(made.secret_access_key.into_bytes());
    Credential {
        pattern: "aws-access-key".to_owned(),
        provider: "aws".to_owned(),
        parts: BTreeMap::from([
            ("id".to_owned(), Part::Public(made.access_key_id)),
            ("secret".to_owned(), Part::Secret(secret)),
        ]),
    }
}
