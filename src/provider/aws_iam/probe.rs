//! Asking with the leaked key itself who it is: once, with no other identity to fall back on.

use aws_sdk_sts::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::{ConfigBag, IdentityCache, Intercept, RuntimeComponents};
use aws_sdk_sts::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityOutput;

use super::failure::{self, Asked};
use super::observe::key_id;
use super::permissions::WHO_AM_I;
use super::responder::identity;
use super::watch::Watch;
use super::{AwsIam, connect};
use crate::pattern::aws_account_of;
use crate::provider::{Error, Liveness, Probe};
use crate::secret::Credential;

impl AwsIam {
    /// The key has to be known as ours before, by [`observe`](crate::provider::Provider::observe). If it
    /// surely isn't, it isn't used.
    pub(super) async fn probed(&self, credential: &Credential) -> Result<Probe, Error> {
        let account = aws_account_of(key_id(credential)?);
        self.may_be_asked_about(account.as_deref())?;
        if let (Some(account), Some(ours)) = (account, self.own_account())
            && account != ours
        {
            return Err(Error::Foreign { account, responder: ours });
        }
        let watch = Watch::default();
        let request = self.as_leaked(credential)?.get_caller_identity();
        let request = request.customize().interceptor(watch.clone()).interceptor(SaysWhoAsks);
        let answer = request.send().await;
        let liveness = match answer {
            Ok(answer) => accepted(answer),
            Err(SdkError::ServiceError(answer)) => {
                let status = answer.raw().status().as_u16();
                judge(status, answer.err().code(), &watch)
            }
            Err(error) => {
                let asked = Asked::about(WHO_AM_I, "the leaked key");
                unknown(failure::of(asked, &error, &watch).to_string())
            }
        };
        Ok(Probe { liveness, at: self.time(&watch) })
    }

    fn as_leaked(&self, credential: &Credential) -> Result<aws_sdk_sts::Client, Error> {
        let config = self.clients.sts.config().to_builder();
        let config = config
            .credentials_provider(connect::static_key(credential)?)
            .identity_cache(IdentityCache::no_cache())
            .retry_config(RetryConfig::disabled());
        Ok(aws_sdk_sts::Client::from_conf(config.build()))
    }
}

/// Names this program in AWS's log, so that its own question is not taken for a use of the key.
#[derive(Debug)]
struct SaysWhoAsks;

impl Intercept for SaysWhoAsks {
    fn name(&self) -> &'static str {
        "says who asks"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.request_mut().headers_mut();
        headers.insert("user-agent", concat!("stanch/", env!("CARGO_PKG_VERSION")));
        Ok(())
    }
}

/// A proof of life has to say whose.
fn accepted(answer: GetCallerIdentityOutput) -> Liveness {
    match identity(answer.account, answer.arn) {
        Some(identity) => Liveness::Accepted { identity },
        None => unknown("the answer names nobody".to_owned()),
    }
}

/// Only AWS's own codes for a key that doesn't work are a refusal. A wrong clock earns the code of a
/// wrong secret, and then says nothing about the key.
fn judge(status: u16, code: Option<&str>, watch: &Watch) -> Liveness {
    match code {
        Some(code) if (400..500).contains(&status) && failure::refuses_the_key(code) => {
            match watch.skew() {
                Some(skew) if code == failure::WRONG_SIGNATURE => {
                    unknown(format!("{code}, but this machine's clock is {skew:#} off"))
                }
                None if code == failure::WRONG_SIGNATURE => {
                    Liveness::WrongSecret { code: code.to_owned() }
                }
                _ => Liveness::Refused { code: code.to_owned() },
            }
        }
        code => unknown(format!("HTTP {status} {}", code.unwrap_or("without a code of AWS"))),
    }
}

fn unknown(why: String) -> Liveness {
    Liveness::Unknown { why }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: Option<&str>) -> bool {
        matches!(judge(status, code, &Watch::default()), Liveness::Refused { .. })
    }

    #[test]
    fn only_awss_own_word_is_a_refusal() {
        assert!(refused(403, Some("InvalidClientTokenId")));
        let wrong = judge(403, Some("SignatureDoesNotMatch"), &Watch::default());
        assert!(matches!(wrong, Liveness::WrongSecret { .. }));
        assert!(refused(400, Some("ExpiredToken")));
        for (status, code) in [
            (403, None),
            (403, Some("AccessDenied")),
            (403, Some("IncompleteSignature")),
            (400, Some("Throttling")),
            (500, Some("InvalidClientTokenId")),
            (200, None),
        ] {
            assert!(!refused(status, code), "{status} {code:?}");
        }
    }

    #[test]
    fn a_wrong_clock_says_nothing_about_the_key() {
        let at = |text: &str| text.parse().expect("a time");
        let watch = Watch::of(at("20261122T093000Z"), at("20261122T100000Z"));
        let liveness = judge(403, Some("SignatureDoesNotMatch"), &watch);
        let why = "SignatureDoesNotMatch, but this machine's clock is 30m off".to_owned();
        assert_eq!(liveness, Liveness::Unknown { why });
        // An unknown id is unknown at any time.
        let liveness = judge(403, Some("InvalidClientTokenId"), &watch);
        assert!(matches!(liveness, Liveness::Refused { .. }));
    }

    #[test]
    fn an_answer_that_names_nobody_proves_nothing() {
        let answer = GetCallerIdentityOutput::builder().account("123456789012");
        assert!(matches!(accepted(answer.build()), Liveness::Unknown { .. }));
    }
}
