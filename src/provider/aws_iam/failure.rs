//! From the SDK's errors to ours, by what the caller would do differently.
//!
//! The whole care is in two questions. Was it sent? And: did the provider say no, or did something else
//! go wrong on the way? A request that may have arrived is [`Error::Unanswered`] unless it is certain
//! that it didn't. Of an answer only the code and the first line of the message are kept: what follows
//! can repeat the request, with the session token in it.

use std::error::Error as StdError;

use aws_sdk_iam::config::http::HttpResponse;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};

use super::ID;
use super::watch::Watch;
use crate::provider::Error;

/// What was asked, in the words an error needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// The call, such as `iam:UpdateAccessKey`, which is also the permission's name.
    pub(super) call: &'static str,
    /// What the permission would have to cover, such as an ARN.
    pub(super) resource: &'a str,
    /// What was acted on, such as `access key AKIA…`.
    pub(super) what: &'a str,
}

impl<'a> Asked<'a> {
    /// A call about one thing, which is also what the permission would have to cover.
    pub(super) fn about(call: &'static str, what: &'a str) -> Self {
        Self { call, resource: what, what }
    }
}

/// The provider's codes for "that key is none of ours, or not any more", or not with that secret.
const UNKNOWN_KEY: &[&str] =
    &["InvalidClientTokenId", "InvalidAccessKeyId", "UnrecognizedClientException", WRONG_SIGNATURE];

/// The code for a wrong secret, and for a signature made at a wrong time.
pub(super) const WRONG_SIGNATURE: &str = "SignatureDoesNotMatch";
const EXPIRED: &[&str] = &["ExpiredToken", "ExpiredTokenException"];
const DENIED: &[&str] =
    &["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"];
const THROTTLED: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "SlowDown",
    "PriorRequestNotComplete",
];
const MISSING: &[&str] = &["NoSuchEntity", "NoSuchEntityException"];
const LIMIT: &[&str] = &["LimitExceeded", "LimitExceededException"];

/// Returns our error for the SDK's.
pub(super) fn of<E>(asked: Asked<'_>, error: &SdkError<E, HttpResponse>, watch: &Watch) -> Error
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    let call = asked.call.to_owned();
    match error {
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            answered(asked, status, answer.err(), watch)
        }
        SdkError::ResponseError(_) => {
            Error::Unanswered { call, why: "the answer could not be read".to_owned() }
        }
        SdkError::DispatchFailure(_) if never_connected(error) => {
            Error::Unreachable { call, why: innermost(error) }
        }
        SdkError::DispatchFailure(_) => {
            Error::Unanswered { call, why: "the connection broke before the answer".to_owned() }
        }
        SdkError::TimeoutError(_) if watch.sent() => {
            Error::Unanswered { call, why: "no answer in time".to_owned() }
        }
        // Also everything before sending: a credential that could not be loaded, a malformed address.
        _ if chain(error).iter().any(|text| text.contains("credential")) => {
            Error::NoResponder { provider: ID.to_owned(), why: innermost(error) }
        }
        _ => Error::Unreachable { call, why: innermost(error) },
    }
}

/// Returns whether an answer's code says that the key it was signed with doesn't work.
pub(super) fn refuses_the_key(code: &str) -> bool {
    UNKNOWN_KEY.contains(&code) || EXPIRED.contains(&code)
}

/// Tells whether the answer is "that doesn't exist".
pub(super) fn is_missing<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    matches!(error, SdkError::ServiceError(answer) if answer.err().code().is_some_and(|code| MISSING.contains(&code)))
}

fn answered(
    asked: Asked<'_>,
    status: u16,
    error: &impl ProvideErrorMetadata,
    watch: &Watch,
) -> Error {
    let call = asked.call.to_owned();
    let code = error.code().unwrap_or_default();
    if status == 429 || THROTTLED.contains(&code) {
        return Error::Throttled { call };
    }
    // A server that failed may have failed after doing it.
    if status >= 500 {
        return Error::Unanswered {
            call,
            why: format!("HTTP {status} {code}").trim_end().to_owned(),
        };
    }
    if refuses_the_key(code) {
        return responder_refused(code, watch);
    }
    if DENIED.contains(&code) {
        return Error::Denied { call, permission: format!("{} on {}", asked.call, asked.resource) };
    }
    let what = asked.what.to_owned();
    match code {
        code if MISSING.contains(&code) => Error::NotFound { call, what },
        code if LIMIT.contains(&code) => Error::Quota { call, owner: what },
        "" => Error::Refused {
            call,
            code: format!("HTTP {status}"),
            message: "not an answer of AWS; is there a proxy between?".to_owned(),
        },
        code => Error::Refused {
            call,
            code: code.to_owned(),
            message: first_line(error.message().unwrap_or_default()),
        },
    }
}

fn responder_refused(code: &str, watch: &Watch) -> Error {
    let why = match watch.skew() {
        Some(skew) if code == WRONG_SIGNATURE => {
            format!("AWS answered {code}; set this machine's clock, it is {skew:#} off")
        }
        _ if EXPIRED.contains(&code) => {
            format!("AWS answered {code}; the session is over: sign in again (`aws sso login`)")
        }
        _ => format!("AWS answered {code}; the responder's own key does not work (any more)"),
    };
    Error::NoResponder { provider: ID.to_owned(), why }
}

/// Whether the request surely never left: no name, no connection, no TLS. The HTTP client tells it only
/// in words; where they should change one day, the outcome becomes "unknown", which is safe.
fn never_connected(error: &(dyn StdError + 'static)) -> bool {
    let texts = chain(error);
    texts.iter().any(|text| text.contains("client error (Connect)"))
}

/// The error and its causes, in words, from the outside in. For deciding, not for showing.
fn chain(error: &(dyn StdError + 'static)) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        texts.push(error.to_string());
        cause = error.source();
    }
    texts
}

/// The last cause, which is the system's or the TLS library's own sentence and knows no secret.
pub(super) fn innermost(error: &(dyn StdError + 'static)) -> String {
    first_line(chain(error).last().map_or("", String::as_str))
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_iam::error::ErrorMetadata;

    use super::*;

    fn asked() -> Asked<'static> {
        Asked {
            call: "iam:UpdateAccessKey",
            resource: "arn:aws:iam::123456789012:user/bot",
            what: "access key X",
        }
    }

    fn answer(status: u16, code: &str, message: &str) -> Error {
        let error = ErrorMetadata::builder().code(code).message(message).build();
        answered(asked(), status, &error, &Watch::default())
    }

    #[test]
    fn a_server_that_failed_may_have_done_it() {
        for (status, code) in [(500, "ServiceFailure"), (503, ""), (502, "AccessDenied")] {
            let error = answer(status, code, "");
            assert!(matches!(error, Error::Unanswered { .. }), "{error}");
        }
    }

    #[test]
    fn throttling_did_nothing_whatever_its_status() {
        for (status, code) in [(400, "Throttling"), (503, "SlowDown"), (429, "")] {
            let error = answer(status, code, "");
            assert!(matches!(error, Error::Throttled { .. }), "{error}");
        }
    }

    #[test]
    fn only_the_first_line_of_a_message_is_kept() {
        let message = "no.\nThe Canonical String was\nx-amz-security-token:abc";
        let text = answer(400, "ValidationError", message).to_string();
        assert_eq!(text, "iam:UpdateAccessKey was refused: ValidationError: no.");
    }

    #[test]
    fn a_page_that_is_not_of_aws_denies_nothing() {
        let text = answer(403, "", "<html>").to_string();
        assert!(text.contains("HTTP 403"), "{text}");
    }

    #[test]
    fn a_refused_responder_is_told_what_to_do() {
        let expired = answer(403, "ExpiredToken", "").to_string();
        assert!(expired.contains("aws sso login"), "{expired}");
        let at = |text: &str| text.parse().expect("a time");
        let watch = Watch::of(at("20261122T080000Z"), at("20261122T100000Z"));
        let clock = responder_refused("SignatureDoesNotMatch", &watch).to_string();
        assert!(clock.contains("clock, it is 2h off"), "{clock}");
    }
}
