//! Evidence: what a user and its keys may do and what surrounds them, read at once and within a minute.
//!
//! Each chain of calls (the attached policies, then each policy, then its text) runs beside the others,
//! so the whole takes as long as its longest chain. What fails or doesn't come in time is a gap; the rest
//! is kept. Nothing here changes anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_iam::config::http::HttpResponse;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::AwsIam;
use super::failure::{self, Asked};
use super::judge::Policy;
use super::permissions::{
    ATTACHED, GET_USER, GROUP_ATTACHED, GROUP_INLINE, GROUP_POLICY, GROUPS, INLINE, POLICY,
    POLICY_VERSION, QUARANTINE, SIMULATE, USER_POLICY,
};
use super::powers::Rights;
use super::responder::user_arn;
use super::watch::Watch;
use crate::provider::{Error, Evidence, KeyKind, Known, Observation};

/// From within an account nobody sees the organisation's policies.
const NO_RACE_GUARD: &str = "whether a race guard keeps the key from lifting a restriction before it holds everywhere: `stanch ready --aws-policy race-guard` prints one for the organisation";

/// What an answer was.
pub(super) enum Answer<T> {
    /// This.
    Is(T),
    /// That there is no such thing.
    Nothing,
    /// None: it is noted as a gap.
    Unread,
}

/// The reading of one user, from many sides at once.
pub(super) struct Reading<'a> {
    pub(super) aws: &'a AwsIam,
    pub(super) user: &'a str,
    pub(super) arn: String,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    documents: BTreeMap<String, Value>,
    gaps: Vec<String>,
    pending: BTreeSet<String>,
    rights: Rights,
    quarantined_by: Option<String>,
    at: Option<Timestamp>,
}

/// Asks one question and gives its [`Answer`]: the call's name, what it is about, and the SDK's request.
macro_rules! ask {
    ($reading:expr, $call:expr, $about:expr, $request:expr) => {{
        let watch = Watch::default();
        let sending = $request.customize().interceptor(watch.clone()).send();
        $reading.settle($call, &$about, sending, &watch).await
    }};
}
pub(super) use ask;

impl AwsIam {
    pub(super) async fn evidence_of(&self, observation: &Observation) -> Result<Evidence, Error> {
        let user = observation.key.owner.as_str();
        let is_role = is_role(user);
        let arn = match is_role {
            true => user.to_owned(),
            false => user_arn(&observation.responder, user),
        };
        let reading = Reading { aws: self, user, arn, found: Mutex::default() };
        match &observation.key.kind {
            KeyKind::Lasting | KeyKind::Service { .. } if !user.is_empty() => {
                if tokio::time::timeout(self.evidence_time, reading.everything()).await.is_err() {
                    reading.gave_up(self.evidence_time);
                }
            }
            KeyKind::Session { .. } if !user.is_empty() && !user.starts_with("arn:") => {
                if tokio::time::timeout(self.evidence_time, reading.everything()).await.is_err() {
                    reading.gave_up(self.evidence_time);
                }
            }
            KeyKind::Session { .. } if is_role => {
                if tokio::time::timeout(self.evidence_time, reading.role()).await.is_err() {
                    reading.gave_up(self.evidence_time);
                }
            }
            KeyKind::Root => reading.is_root(),
            _ => reading.has_no_user(),
        }
        Ok(reading.into_evidence((self.clock)()))
    }
}

impl Reading<'_> {
    async fn everything(&self) {
        tokio::join!(
            self.user_itself(),
            self.attached_policies(),
            self.inline_policies(),
            self.groups(),
            self.simulation(),
            self.surroundings(),
        );
    }

    /// Awaits an answer; until it is there, it is missing.
    pub(super) async fn settle<T, E>(
        &self,
        call: &'static str,
        about: &str,
        sending: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        watch: &Watch,
    ) -> Answer<T>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let name = format!("{call} {about}");
        self.found().pending.insert(name.clone());
        let answer = sending.await;
        let mut found = self.found();
        found.pending.remove(&name);
        found.at = found.at.max(watch.answered_at());
        drop(found);
        match answer {
            Ok(answer) => Answer::Is(answer),
            Err(error) if failure::is_missing(&error) => Answer::Nothing,
            Err(error) => {
                let asked = Asked { call, resource: &self.arn, what: about };
                self.gap(failure::of(asked, &error, watch));
                Answer::Unread
            }
        }
    }

    pub(super) fn keep(&self, call: &str, about: &str, document: Value) {
        self.found().documents.insert(format!("{call} {about}"), document);
    }

    pub(super) fn gap(&self, why: impl Display) {
        self.found().gaps.push(why.to_string());
    }

    pub(super) fn rights(&self, change: impl FnOnce(&mut Rights)) {
        change(&mut self.found().rights);
    }

    pub(super) fn is_partly_unread(&self) {
        self.rights(|rights| rights.is_partly_unread = true);
    }

    /// Says so where a list was longer than what was read of it.
    pub(super) fn whole(&self, call: &str, is_truncated: bool) {
        if is_truncated {
            self.gap(format!("{call} tells more than was read"));
            self.is_partly_unread();
        }
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn user_itself(&self) {
        let request = self.aws.clients.reader.get_user().user_name(self.user);
        match ask!(self, GET_USER, self.user, request) {
            Answer::Is(answer) => {
                let Some(user) = answer.user else { return };
                let boundary =
                    user.permissions_boundary.as_ref().and_then(|b| b.permissions_boundary_arn());
                let document = json!({
                    "Arn": user.arn,
                    "UserId": user.user_id,
                    "CreateDate": user.create_date.to_string(),
                    "PasswordLastUsed": user.password_last_used.map(|at| at.to_string()),
                    "PermissionsBoundary": boundary,
                });
                self.keep(GET_USER, self.user, document);
                if let Some(arn) = boundary {
                    self.boundary(arn).await;
                }
            }
            Answer::Nothing => self.gap(format!("there is no user {} (any more)", self.user)),
            Answer::Unread => self.is_partly_unread(),
        }
    }

    pub(super) async fn boundary(&self, arn: &str) {
        let document = self.managed(arn).await;
        self.rights(|rights| match document {
            Some(document) => {
                rights.boundary = Some(Policy { name: name_in(arn).to_owned(), document });
            }
            None => rights.is_partly_unread = true,
        });
    }

    async fn attached_policies(&self) {
        let request = self.aws.clients.reader.list_attached_user_policies().user_name(self.user);
        match ask!(self, ATTACHED, self.user, request) {
            Answer::Is(answer) => {
                self.whole(ATTACHED, answer.is_truncated);
                let policies = answer.attached_policies.unwrap_or_default();
                let arns: Vec<_> = policies.into_iter().filter_map(|one| one.policy_arn).collect();
                self.keep(ATTACHED, self.user, json!(arns));
                join_all(arns.iter().map(|arn| self.attached(arn))).await;
            }
            Answer::Nothing => {}
            Answer::Unread => self.is_partly_unread(),
        }
    }

    pub(super) async fn attached(&self, arn: &str) {
        if is_quarantine(arn) {
            self.found().quarantined_by = Some(name_in(arn).to_owned());
        }
        let document = self.managed(arn).await;
        self.take(name_in(arn), document);
    }

    pub(super) fn take(&self, name: &str, document: Option<Value>) {
        self.rights(|rights| match document {
            Some(document) => rights.policies.push(Policy { name: name.to_owned(), document }),
            None => rights.is_partly_unread = true,
        });
    }

    /// Returns the text of a managed policy as it is now.
    async fn managed(&self, arn: &str) -> Option<Value> {
        let reader = &self.aws.clients.reader;
        let known = ask!(self, POLICY, arn, reader.get_policy().policy_arn(arn));
        let Answer::Is(known) = known else { return None };
        let version = known.policy?.default_version_id?;
        let request = reader.get_policy_version().policy_arn(arn).version_id(&version);
        let about = format!("{arn} {version}");
        let Answer::Is(answer) = ask!(self, POLICY_VERSION, about, request) else { return None };
        let document = self.parsed(arn, answer.policy_version?.document.as_deref())?;
        self.keep(POLICY_VERSION, &about, document.clone());
        Some(document)
    }

    async fn inline_policies(&self) {
        let reader = &self.aws.clients.reader;
        let names =
            match ask!(self, INLINE, self.user, reader.list_user_policies().user_name(self.user)) {
                Answer::Is(answer) => {
                    self.whole(INLINE, answer.is_truncated);
                    answer.policy_names
                }
                Answer::Nothing => return,
                Answer::Unread => return self.is_partly_unread(),
            };
        self.keep(INLINE, self.user, json!(names));
        join_all(names.iter().map(|name| async move {
            let request = reader.get_user_policy().user_name(self.user).policy_name(name);
            let about = format!("{}/{name}", self.user);
            let document = match ask!(self, USER_POLICY, about, request) {
                Answer::Is(answer) => self.parsed(&about, Some(&answer.policy_document)),
                _ => None,
            };
            if let Some(document) = &document {
                self.keep(USER_POLICY, &about, document.clone());
            }
            self.take(name, document);
        }))
        .await;
    }

    async fn groups(&self) {
        let request = self.aws.clients.reader.list_groups_for_user().user_name(self.user);
        match ask!(self, GROUPS, self.user, request) {
            Answer::Is(answer) => {
                self.whole(GROUPS, answer.is_truncated);
                let names: Vec<_> = answer.groups.into_iter().map(|one| one.group_name).collect();
                self.keep(GROUPS, self.user, json!(names));
                join_all(names.iter().map(|name| self.group(name))).await;
            }
            Answer::Nothing => {}
            Answer::Unread => self.is_partly_unread(),
        }
    }

    async fn group(&self, group: &str) {
        tokio::join!(self.group_attached(group), self.group_inline(group));
    }

    async fn group_attached(&self, group: &str) {
        let request = self.aws.clients.reader.list_attached_group_policies().group_name(group);
        match ask!(self, GROUP_ATTACHED, group, request) {
            Answer::Is(answer) => {
                self.whole(GROUP_ATTACHED, answer.is_truncated);
                let policies = answer.attached_policies.unwrap_or_default();
                let arns: Vec<_> = policies.into_iter().filter_map(|one| one.policy_arn).collect();
                self.keep(GROUP_ATTACHED, group, json!(arns));
                join_all(arns.iter().map(|arn| self.attached(arn))).await;
            }
            Answer::Nothing => {}
            Answer::Unread => self.is_partly_unread(),
        }
    }

    async fn group_inline(&self, group: &str) {
        let reader = &self.aws.clients.reader;
        let names =
            match ask!(self, GROUP_INLINE, group, reader.list_group_policies().group_name(group)) {
                Answer::Is(answer) => {
                    self.whole(GROUP_INLINE, answer.is_truncated);
                    answer.policy_names
                }
                Answer::Nothing => return,
                Answer::Unread => return self.is_partly_unread(),
            };
        self.keep(GROUP_INLINE, group, json!(names));
        join_all(names.iter().map(|name| async move {
            let request = reader.get_group_policy().group_name(group).policy_name(name);
            let about = format!("{group}/{name}");
            let document = match ask!(self, GROUP_POLICY, about, request) {
                Answer::Is(answer) => self.parsed(&about, Some(&answer.policy_document)),
                _ => None,
            };
            if let Some(document) = &document {
                self.keep(GROUP_POLICY, &about, document.clone());
            }
            self.take(&about, document);
        }))
        .await;
    }

    pub(super) fn parsed(&self, about: &str, text: Option<&str>) -> Option<Value> {
        let parsed = text.and_then(policy_document);
        if parsed.is_none() {
            self.gap(format!("the text of {about} could not be understood"));
        }
        parsed
    }

    fn gave_up(&self, after: Duration) {
        let mut found = self.found();
        let pending = std::mem::take(&mut found.pending);
        found.rights.is_partly_unread = true;
        let seconds = after.as_secs();
        found.gaps.extend(
            pending.into_iter().map(|name| format!("{name} was not answered within {seconds} s")),
        );
    }

    fn is_root(&self) {
        self.gap("a root user has no policies: it may do anything in the account");
        let document =
            json!({ "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } });
        self.take("the root user", Some(document));
    }

    fn has_no_user(&self) {
        let whose = match self.user {
            "" => "nobody who could be found".to_owned(),
            role => role.to_owned(),
        };
        self.gap(format!("the key is of {whose}, which is no user: its rights were not read"));
        self.is_partly_unread();
    }

    fn into_evidence(self, now: Timestamp) -> Evidence {
        let mut found = self.found.into_inner().unwrap_or_else(PoisonError::into_inner);
        if found.rights.simulated.is_empty() && !found.rights.policies.is_empty() {
            let by = format!(
                "what the key can do was judged by the text of its policies, without {SIMULATE}: an organisation's own policies may forbid more"
            );
            found.gaps.push(by);
        }
        let judged = found.rights.judged();
        let administers = match judged.administers {
            Known::No if found.rights.is_partly_unread => Known::Unknown,
            known => known,
        };
        if administers != Known::No {
            found.gaps.push(NO_RACE_GUARD.to_owned());
        }
        let sentence = match &found.quarantined_by {
            Some(name) => {
                format!("{} AWS itself has quarantined its user ({name}).", judged.sentence)
            }
            None => judged.sentence,
        };
        found.gaps.sort();
        found.gaps.dedup();
        Evidence {
            documents: found.documents,
            powers: judged.powers,
            sentence,
            administers,
            quarantined_by: found.quarantined_by,
            gaps: found.gaps,
            at: found.at.unwrap_or(now),
        }
    }
}

/// Whether a policy is AWS's own for leaked keys, of whatever edition.
pub(super) fn is_quarantine(arn: &str) -> bool {
    arn.contains(":iam::aws:policy/") && name_in(arn).starts_with(QUARANTINE)
}

/// Whether an owner is the full name of a role.
fn is_role(owner: &str) -> bool {
    owner.starts_with("arn:") && owner.contains(":role/")
}

/// The name at the end of an ARN.
pub(super) fn name_in(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// Returns a policy's text as JSON; IAM gives it percent-encoded.
pub(super) fn policy_document(text: &str) -> Option<Value> {
    serde_json::from_str(&decoded(text)?).ok()
}

fn decoded(text: &str) -> Option<String> {
    if text.trim_start().starts_with('{') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let high = char::from(rest.next()?).to_digit(16)?;
        let low = char::from(rest.next()?).to_digit(16)?;
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_decoded() {
        let text = "%7B%22Statement%22%3A%20%5B%5D%7D";
        assert_eq!(policy_document(text), Some(json!({ "Statement": [] })));
        assert_eq!(
            policy_document("{\"Statement\": \"100%\"}"),
            Some(json!({ "Statement": "100%" }))
        );
        assert_eq!(policy_document("%7"), None);
        assert_eq!(policy_document("%zz"), None);
    }

    #[test]
    fn only_awss_own_policy_is_a_quarantine() {
        assert!(is_quarantine("arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV7"));
        assert!(is_quarantine("arn:aws-cn:iam::aws:policy/AWSCompromisedKeyQuarantine"));
        assert!(!is_quarantine("arn:aws:iam::123456789012:policy/AWSCompromisedKeyQuarantineV3"));
        assert!(!is_quarantine("arn:aws:iam::aws:policy/AWSDenyAll"));
    }
}
