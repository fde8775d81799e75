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
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use aws_sdk_iam::types::{ServiceSpecificCredentialMetadata, StatusType};
use aws_sdk_sts::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::{ConfigBag, Credentials, IdentityCache, Intercept, RuntimeComponents};
use aws_sdk_sts::error::BoxError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};

use super::change::Change;
use super::failure::{self, Asked};
use super::observe::{is_not_the_owner, named, state, timestamp, user_arn};
use super::permissions::{
    CREATE_SERVICE_KEY, DELETE_SERVICE_KEY, SERVICE_KEYS, UPDATE_SERVICE_KEY, calls, listed,
};
use super::watch::Watch;
use super::{AwsIam, Options, connect, unsupported};
use crate::pattern::aws_account_of;
use crate::provider::{
    Call, Created, Error, Evidence, Identity, Key, KeyKind, KeyState, Liveness, Log, Observation,
    Operation, Page, Probe, Provider, Query, Receipt, Restriction, Search, Standing,
};
use crate::secret::{Credential, Part, Secret};

const ID: &str = "aws-bedrock";
/// The part of a credential that is the key.
const KEY: &str = "key";
const SERVICE: &str = "bedrock.amazonaws.com";
const LONG_PREFIX: &str = "ABSK";
const SHORT_PREFIX: &str = "bedrock-api-key-";
const ASK: &str = "bedrock:ListFoundationModels";
const ASK_PATH: &str = "/foundation-models";
/// How AWS's message begins where it knows no such key, or one that is stopped.
const NO_SUCH_KEY: &str = "Authentication failed";
/// How it goes on where it knows the key and its user may not do that.
const KNOWN_BUT_MAY_NOT: &str = "is not authorized to perform: bedrock:ListFoundationModels";

/// Amazon Bedrock's keys as a [`Provider`].
#[derive(Debug)]
pub struct AwsBedrock(AwsIam);

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

/// What a key says about itself.
enum Said {
    /// Whose long-term key it is.
    Long { alias: String, user: String, account: Option<String> },
    /// The session that signed a short-term key, and when it ends.
    Short { session: String, region: String, ends_at: Option<Timestamp> },
}

fn said(credential: &Credential) -> Result<Said, Error> {
    let key = text(credential)?;
    let said = match key.strip_prefix(LONG_PREFIX) {
        Some(rest) => long(rest),
        None => key.strip_prefix(SHORT_PREFIX).and_then(short),
    };
    said.ok_or_else(|| unsupported("tell whose key this is, which is no Bedrock key"))
}

fn text(credential: &Credential) -> Result<&str, Error> {
    let secret = credential.secret(KEY).and_then(Secret::expose_str);
    secret.ok_or_else(|| unsupported("act on a Bedrock key without the key"))
}

fn long(rest: &str) -> Option<Said> {
    let decoded = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
    let (alias, _secret) = decoded.split_once(':')?;
    let (user, account) = match alias.rsplit_once("-at-") {
        Some((user, account)) if account.len() == 12 => (user, Some(account.to_owned())),
        _ => (alias, None),
    };
    // The second key of a user, and each after it, is told apart by a number.
    let user = match user.rsplit_once('+') {
        Some((user, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => user,
        _ => user,
    };
    Some(Said::Long { alias: alias.to_owned(), user: user.to_owned(), account })
}

fn short(rest: &str) -> Option<Said> {
    let decoded = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
    let (_, query) = decoded.split_once('?')?;
    let value = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    let scope = value("X-Amz-Credential")?;
    let scope = scope.replace("%2F", "/");
    let mut scope = scope.split('/').map(str::to_owned);
    // The session's key id, the day, the region.
    let (session, region) = (scope.next()?, scope.nth(1)?);
    let signed: Option<Timestamp> = value("X-Amz-Date").and_then(|text| text.parse().ok());
    let seconds = value("X-Amz-Expires").and_then(|text| text.parse().ok());
    let lives = seconds.map(SignedDuration::from_secs);
    let ends_at = signed.zip(lives).and_then(|(at, lives)| at.checked_add(lives).ok());
    Some(Said::Short { session, region, ends_at })
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

    /// Asks with the key which models there are. There is no such call in the SDK's clients that are here,
    /// so another's request is turned into it before it is sent; nothing of the responder's is in it.
    async fn probed(&self, credential: &Credential) -> Result<Probe, Error> {
        let own = || self.0.clients.sts.config().region().map(ToString::to_string);
        // A short-term key is refused everywhere but in its own region, which proves nothing.
        let (account, user, region) = match said(credential)? {
            Said::Long { user, account, .. } => (account, user, own()),
            Said::Short { session, region, .. } => {
                (aws_account_of(&session), String::new(), Some(region))
            }
        };
        self.0.may_be_asked_about(account.as_deref())?;
        if let (Some(account), Some(ours)) = (&account, self.0.own_account())
            && *account != ours
        {
            return Err(Error::Foreign { account: account.clone(), responder: ours });
        }
        let asking = Asking {
            bearer: Secret::new(format!("Bearer {}", text(credential)?)),
            region,
            answer: Arc::default(),
        };
        let answered = asking.answer.clone();
        let config = self.0.clients.sts.config().to_builder();
        let config = config
            .credentials_provider(Credentials::new("nobody", "nobody", None, None, "nobody"))
            .identity_cache(IdentityCache::no_cache())
            .retry_config(RetryConfig::disabled());
        let watch = Watch::default();
        let request = aws_sdk_sts::Client::from_conf(config.build()).get_caller_identity();
        let request = request.customize().interceptor(asking).interceptor(watch.clone());
        // What the SDK makes of an answer to another question means nothing.
        let sent = request.send().await;
        let answer = answered.lock().unwrap_or_else(PoisonError::into_inner).take();
        let liveness = match answer {
            Some((status, body)) => judge(status, &body, account.unwrap_or_default(), &user),
            None => Liveness::Unknown {
                why: match sent {
                    Ok(_) => "no answer".to_owned(),
                    Err(error) => {
                        failure::of(Asked::about(ASK, "the leaked key"), &error, &watch).to_string()
                    }
                },
            },
        };
        Ok(Probe { liveness, at: self.0.time(&watch) })
    }
}

/// Only AWS's own word for "no such key" is a refusal; that its user may not do it shows that it works.
fn judge(status: u16, body: &str, account: String, user: &str) -> Liveness {
    match status {
        200 => accepted(account, user),
        403 if body.contains(KNOWN_BUT_MAY_NOT) => accepted(account, user),
        401 | 403 if body.contains(NO_SUCH_KEY) => {
            Liveness::Refused { code: NO_SUCH_KEY.to_owned() }
        }
        status => Liveness::Unknown { why: format!("HTTP {status}") },
    }
}

fn accepted(account: String, user: &str) -> Liveness {
    let name = match user {
        "" => "the session that signed it".to_owned(),
        user => format!("arn:aws:iam::{account}:user/{user}"),
    };
    Liveness::Accepted { identity: Identity { account, name } }
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

/// A region may come out of the key, and so from anyone: it must not lead to another host.
fn is_region(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Turns a request into the question to Bedrock and keeps the answer.
#[derive(Debug)]
struct Asking {
    bearer: Secret,
    region: Option<String>,
    answer: Arc<Mutex<Option<(u16, String)>>>,
}

impl Intercept for Asking {
    fn name(&self) -> &'static str {
        "asking"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let origin = connect::origin(request.uri());
        let place = match (connect::is_public(&origin), self.region.as_deref()) {
            (true, Some(region)) if is_region(region) => {
                format!("https://bedrock.{region}.amazonaws.com")
            }
            (true, _) => return Err("there is no region to ask in".into()),
            (false, _) => origin,
        };
        request.set_uri(format!("{place}{ASK_PATH}"))?;
        request.set_method("GET")?;
        let headers: Vec<_> = request.headers().iter().map(|(name, _)| name.to_owned()).collect();
        for name in headers.iter().filter(|name| !name.eq_ignore_ascii_case("user-agent")) {
            request.headers_mut().remove(name.as_str());
        }
        let bearer = self.bearer.expose_str().unwrap_or_default().to_owned();
        request.headers_mut().try_insert("authorization", bearer)?;
        *request.body_mut() = "".into();
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let body = response.body().bytes().unwrap_or_default();
        let body = String::from_utf8_lossy(body).into_owned();
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        *answer = Some((response.status().as_u16(), body));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_term_key_says_whose_it_is() {
        for (alias, user, account) in [
            ("BedrockAPIKey-ab12-at-123456789012", "BedrockAPIKey-ab12", Some("123456789012")),
            ("jane+2-at-123456789012", "jane", Some("123456789012")),
            ("a+b-at-123456789012", "a+b", Some("123456789012")),
            ("jane-at-home", "jane-at-home", None),
        ] {
            let Some(Said::Long { alias: said, user: whose, account: of }) =
                long(&STANDARD.encode(format!("{alias}:c2VjcmV0")))
            else {
                panic!("{alias}");
            };
            assert_eq!((said.as_str(), whose.as_str(), of.as_deref()), (alias, user, account));
        }
        assert!(long(&STANDARD.encode("no secret")).is_none());
    }

    #[test]
    fn a_short_term_key_says_when_it_ends() {
        let request = "bedrock.amazonaws.com/?Action=CallWithBearerToken\
             &X-Amz-Credential=ASIAX%2F20260102%2Fus-east-1%2Fbedrock%2Faws4_request\
             &X-Amz-Date=20260102T030405Z&X-Amz-Expires=43200";
        let Some(Said::Short { session, region, ends_at }) = short(&STANDARD.encode(request))
        else {
            panic!("it is one");
        };
        assert_eq!((session.as_str(), region.as_str()), ("ASIAX", "us-east-1"));
        assert_eq!(ends_at, Some("2026-01-02T15:04:05Z".parse().expect("a time")));
    }

    #[test]
    fn a_region_leads_to_no_other_host() {
        assert!(is_region("ap-southeast-2"));
        for text in ["", "evil.example/", "evil.example", "us-east-1@evil", "US"] {
            assert!(!is_region(text), "{text}");
        }
    }

    #[test]
    fn only_awss_own_word_is_a_refusal() {
        let is_refused = |status, body: &str| {
            matches!(judge(status, body, String::new(), "bot"), Liveness::Refused { .. })
        };
        assert!(is_refused(403, "{\"Message\":\"Authentication failed: Please make sure\"}"));
        assert!(!is_refused(500, "Authentication failed"));
        assert!(!is_refused(403, "<html>forbidden</html>"));
        let denied = format!("User: arn:aws:iam::1:user/bot {KNOWN_BUT_MAY_NOT} on resource: *");
        assert!(matches!(judge(403, &denied, String::new(), "bot"), Liveness::Accepted { .. }));
    }
}
