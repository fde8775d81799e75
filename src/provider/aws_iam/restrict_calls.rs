//! The calls that set a restriction, lift it, and show what stands.

use serde_json::Value;

use super::evidence::{is_quarantine, policy_document};
use super::failure::{self, Asked};
use super::permissions::{
    ATTACH, ATTACHED, DELETE_BOUNDARY, DELETE_POLICY, DELETE_ROLE_POLICY, DETACH, GET_USER, POLICY,
    PUT_BOUNDARY, PUT_POLICY, PUT_ROLE_POLICY, QUARANTINE, ROLE_POLICY, TAG, TAG_KEY, UNTAG,
    USER_POLICY, USER_TAGS,
};
use super::restrict::{aws_policy, kept_by_aws};
use super::watch::Watch;
use super::{AwsIam, unsupported};
use crate::provider::{Error, Identity, Receipt};

/// The editions of the quarantine policy that are looked for, newest first. The first has no number.
const EDITIONS: std::ops::RangeInclusive<u32> = 2..=9;

/// Sends a request with the writer or reader and maps its error.
macro_rules! sent {
    ($aws:expr, $asked:expr, $request:expr) => {{
        let watch = Watch::default();
        let answer = $request.customize().interceptor(watch.clone()).send().await;
        let receipt = $aws.receipt(&answer, &watch);
        answer.map(|answer| (answer, receipt)).map_err(|error| {
            let is_missing = failure::is_missing(&error);
            (is_missing, failure::of($asked, &error, &watch))
        })
    }};
}

/// An error, and whether it is "there is no such thing".
type Sent<T> = Result<(T, Receipt), (bool, Error)>;

impl AwsIam {
    pub(super) async fn user_policy(
        &self,
        user: &str,
        name: &str,
        arn: &str,
    ) -> Result<Option<Value>, Error> {
        let request = self.clients.reader.get_user_policy().user_name(user).policy_name(name);
        let asked = Asked { call: USER_POLICY, resource: arn, what: &format!("user {user}") };
        let text = there(sent!(self, asked, request))?.map(|answer| answer.policy_document);
        understood(USER_POLICY, text)
    }

    pub(super) async fn role_policy(
        &self,
        role: &str,
        name: &str,
        arn: &str,
    ) -> Result<Option<Value>, Error> {
        let request = self.clients.reader.get_role_policy().role_name(role).policy_name(name);
        let asked = Asked { call: ROLE_POLICY, resource: arn, what: &format!("role {role}") };
        let text = there(sent!(self, asked, request))?.map(|answer| answer.policy_document);
        understood(ROLE_POLICY, text)
    }

    pub(super) async fn tag_of(&self, user: &str, arn: &str) -> Result<Option<String>, Error> {
        let request = self.clients.reader.list_user_tags().user_name(user);
        let asked = Asked { call: USER_TAGS, resource: arn, what: &format!("user {user}") };
        let (answer, _) = sent!(self, asked, request).map_err(|(_, error)| error)?;
        Ok(answer.tags.into_iter().find(|tag| tag.key == TAG_KEY).map(|tag| tag.value))
    }

    pub(super) async fn boundary_of(&self, user: &str, arn: &str) -> Result<Option<String>, Error> {
        let request = self.clients.reader.get_user().user_name(user);
        let asked = Asked { call: GET_USER, resource: arn, what: &format!("user {user}") };
        let (answer, _) = sent!(self, asked, request).map_err(|(_, error)| error)?;
        let bound = answer.user.and_then(|user| user.permissions_boundary);
        Ok(bound.and_then(|bound| bound.permissions_boundary_arn))
    }

    /// Returns the quarantine policy a user has, of whatever edition.
    pub(super) async fn quarantine_of(
        &self,
        user: &str,
        arn: &str,
    ) -> Result<Option<String>, Error> {
        let request = self.clients.reader.list_attached_user_policies().user_name(user);
        let asked = Asked { call: ATTACHED, resource: arn, what: &format!("user {user}") };
        let (answer, _) = sent!(self, asked, request).map_err(|(_, error)| error)?;
        let policies = answer.attached_policies.unwrap_or_default();
        let arns = policies.into_iter().filter_map(|policy| policy.policy_arn);
        Ok(arns.into_iter().find(|arn| is_quarantine(arn)))
    }

    /// Returns the newest quarantine policy AWS offers at this moment: all editions are asked for at once.
    async fn newest_quarantine(&self, responder: &Identity) -> Result<String, Error> {
        let arns =
            EDITIONS.rev().map(|edition| aws_policy(responder, &format!("{QUARANTINE}V{edition}")));
        let asked = arns.map(|arn| async move {
            let request = self.clients.reader.get_policy().policy_arn(&arn);
            let is_there = there(sent!(self, Asked::about(POLICY, &arn), request))?.is_some();
            Ok::<_, Error>(is_there.then_some(arn))
        });
        for answer in futures_util::future::join_all(asked).await {
            if let Some(arn) = answer? {
                return Ok(arn);
            }
        }
        Err(unsupported("offer a quarantine policy here; deny everything instead"))
    }

    pub(super) async fn tagged(&self, user: &str, incident: &str, arn: &str) -> Result<(), Error> {
        let tag = aws_sdk_iam::types::Tag::builder().key(TAG_KEY).value(incident);
        let tag = tag.build().map_err(|_| unsupported("tag a user with nothing"))?;
        let request = self.clients.writer.tag_user().user_name(user).tags(tag);
        let asked = Asked { call: TAG, resource: arn, what: &format!("user {user}") };
        sent!(self, asked, request).map(drop).map_err(|(_, error)| error)
    }

    /// Restores the tag of before, unless another restriction of the same incident set it.
    pub(super) async fn untagged(
        &self,
        user: &str,
        incident: &str,
        before: &Value,
        arn: &str,
    ) -> Result<(), Error> {
        match before.get("tag").and_then(Value::as_str) {
            Some(earlier) if earlier == incident => Ok(()),
            Some(earlier) => self.tagged(user, earlier, arn).await,
            None => {
                let request = self.clients.writer.untag_user().user_name(user).tag_keys(TAG_KEY);
                let asked = Asked { call: UNTAG, resource: arn, what: &format!("user {user}") };
                sent!(self, asked, request).map(drop).map_err(|(_, error)| error)
            }
        }
    }

    pub(super) async fn put_user_policy(
        &self,
        user: &str,
        name: &str,
        document: &Value,
        arn: &str,
    ) -> Result<Receipt, Error> {
        let request = self.clients.writer.put_user_policy().user_name(user).policy_name(name);
        let request = request.policy_document(document.to_string());
        let full = format!(
            "user {user}, whose inline policies are full (2,048 characters in all): remove one that nobody needs, or use a permissions boundary or the quarantine instead"
        );
        let asked = Asked { call: PUT_POLICY, resource: arn, what: &format!("user {user}") };
        let answer = sent!(self, asked, request);
        answer.map(|(_, receipt)| receipt).map_err(|(_, error)| quota(error, &full))
    }

    pub(super) async fn delete_user_policy(
        &self,
        user: &str,
        name: &str,
        arn: &str,
    ) -> Result<Receipt, Error> {
        let request = self.clients.writer.delete_user_policy().user_name(user).policy_name(name);
        let asked = Asked { call: DELETE_POLICY, resource: arn, what: &format!("user {user}") };
        self.gone_or(sent!(self, asked, request))
    }

    pub(super) async fn put_role_policy(
        &self,
        role: &str,
        name: &str,
        document: &Value,
        arn: &str,
    ) -> Result<Receipt, Error> {
        let request = self.clients.writer.put_role_policy().role_name(role).policy_name(name);
        let request = request.policy_document(document.to_string());
        let full = format!(
            "role {role}, whose inline policies are full (10,240 characters in all): remove one that nobody needs"
        );
        let asked = Asked { call: PUT_ROLE_POLICY, resource: arn, what: &format!("role {role}") };
        let answer = sent!(self, asked, request);
        answer.map(|(_, receipt)| receipt).map_err(|(_, error)| match error {
            Error::Refused { code, .. } if code.starts_with("UnmodifiableEntity") => {
                kept_by_aws(arn)
            }
            error => quota(error, &full),
        })
    }

    pub(super) async fn delete_role_policy(
        &self,
        role: &str,
        name: &str,
        arn: &str,
    ) -> Result<Receipt, Error> {
        let request = self.clients.writer.delete_role_policy().role_name(role).policy_name(name);
        let asked =
            Asked { call: DELETE_ROLE_POLICY, resource: arn, what: &format!("role {role}") };
        self.gone_or(sent!(self, asked, request))
    }

    pub(super) async fn put_boundary(
        &self,
        user: &str,
        boundary: &str,
        arn: &str,
    ) -> Result<Receipt, Error> {
        let request = self.clients.writer.put_user_permissions_boundary().user_name(user);
        let request = request.permissions_boundary(boundary);
        let asked = Asked { call: PUT_BOUNDARY, resource: arn, what: &format!("user {user}") };
        sent!(self, asked, request).map(|(_, receipt)| receipt).map_err(|(_, error)| error)
    }

    pub(super) async fn delete_boundary(&self, user: &str, arn: &str) -> Result<Receipt, Error> {
        let request = self.clients.writer.delete_user_permissions_boundary().user_name(user);
        let asked = Asked { call: DELETE_BOUNDARY, resource: arn, what: &format!("user {user}") };
        self.gone_or(sent!(self, asked, request))
    }

    pub(super) async fn quarantine(
        &self,
        user: &str,
        arn: &str,
        responder: &Identity,
    ) -> Result<Receipt, Error> {
        let policy = self.newest_quarantine(responder).await?;
        let request = self.clients.writer.attach_user_policy().user_name(user).policy_arn(policy);
        let full = format!(
            "user {user}, which has as many policies as the account allows: detach one that nobody needs, or deny everything by an inline policy instead"
        );
        let asked = Asked { call: ATTACH, resource: arn, what: &format!("user {user}") };
        let answer = sent!(self, asked, request);
        answer.map(|(_, receipt)| receipt).map_err(|(_, error)| quota(error, &full))
    }

    /// Detaches the quarantine policy that is there, which is ours, for there was none before.
    pub(super) async fn end_quarantine(&self, user: &str, arn: &str) -> Result<Receipt, Error> {
        let Some(policy) = self.quarantine_of(user, arn).await? else {
            return Ok(Receipt { request_id: None, at: (self.clock)() });
        };
        let request = self.clients.writer.detach_user_policy().user_name(user).policy_arn(policy);
        let asked = Asked { call: DETACH, resource: arn, what: &format!("user {user}") };
        self.gone_or(sent!(self, asked, request))
    }

    /// What is gone counts as removed.
    fn gone_or<T>(&self, answer: Sent<T>) -> Result<Receipt, Error> {
        match answer {
            Ok((_, receipt)) => Ok(receipt),
            Err((true, _)) => Ok(Receipt { request_id: None, at: (self.clock)() }),
            Err((false, error)) => Err(error),
        }
    }
}

/// Takes "there is no such thing" for an answer.
fn there<T>(answer: Sent<T>) -> Result<Option<T>, Error> {
    match answer {
        Ok((answer, _)) => Ok(Some(answer)),
        Err((true, _)) => Ok(None),
        Err((false, error)) => Err(error),
    }
}

fn understood(call: &str, text: Option<String>) -> Result<Option<Value>, Error> {
    let Some(text) = text else { return Ok(None) };
    policy_document(&text).map(Some).ok_or_else(|| Error::Unanswered {
        call: call.to_owned(),
        why: "the policy in the answer could not be understood".to_owned(),
    })
}

fn quota(error: Error, what_to_do: &str) -> Error {
    match error {
        Error::Quota { call, .. } => Error::Quota { call, owner: what_to_do.to_owned() },
        error => error,
    }
}
