//! Asking with a Bedrock key whether it works.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_sts::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::{ConfigBag, Credentials, IdentityCache, Intercept, RuntimeComponents};
use aws_sdk_sts::error::BoxError;

use super::bedrock::{ASK, AwsBedrock};
use super::bedrock_key::{Said, said, text};
use super::connect;
use super::failure::{self, Asked};
use super::watch::Watch;
use crate::pattern::aws_account_of;
use crate::provider::{Error, Identity, Liveness, Probe};
use crate::secret::{Credential, Secret};

const ASK_PATH: &str = "/foundation-models";
/// How AWS's message begins where it knows no such key, or one that is stopped.
const NO_SUCH_KEY: &str = "Authentication failed";
/// How it goes on where it knows the key and its user may not do that.
const KNOWN_BUT_MAY_NOT: &str = "is not authorized to perform: bedrock:ListFoundationModels";

impl AwsBedrock {
    /// Asks with the key which models there are. There is no such call in the SDK's clients that are here,
    /// so another's request is turned into it before it is sent; nothing of the responder's is in it.
    pub(super) async fn probed(&self, credential: &Credential) -> Result<Probe, Error> {
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
