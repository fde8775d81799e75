//! Acting as a role that the responder assumes for an incident.
//!
//! The session's name and its source identity are the incident's id, so AWS's own log shows for which
//! incident each call was made. (The SDK's own provider for roles can't set a source identity.)

use std::sync::Mutex;
use std::sync::PoisonError;

use aws_config::SdkConfig;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_iam::config::Credentials;
use aws_sdk_sts::error::ProvideErrorMetadata;
use aws_sdk_sts::operation::RequestId;
use jiff::{SignedDuration, Timestamp};

use super::{Clock, ID, Options, failure};
use crate::provider::Error;

const ASSUME: &str = "sts:AssumeRole";
/// What a session is named that is for no incident yet.
const NAMELESS: &str = "stanch";
/// AWS's limits on the name of a session.
const NAME_CHARS: usize = 64;
/// A session is renewed that long before it ends.
const MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// The responder in a role.
pub(super) struct Assumed {
    sts: aws_sdk_sts::Client,
    role: String,
    name: String,
    clock: Clock,
    session: Mutex<Option<(Credentials, Option<Timestamp>)>>,
}

impl std::fmt::Debug for Assumed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assumed").field("role", &self.role).finish_non_exhaustive()
    }
}

impl Assumed {
    pub(super) fn new(role: &str, options: &Options, config: &SdkConfig) -> Result<Self, Error> {
        if !(role.starts_with("arn:") && role.contains(":role/")) {
            return Err(Error::NoResponder {
                provider: ID.to_owned(),
                why: format!(
                    "`{role}` is not a role's ARN, such as arn:aws:iam::123456789012:role/responder"
                ),
            });
        }
        Ok(Self {
            sts: aws_sdk_sts::Client::new(config),
            role: role.to_owned(),
            name: session_name(options.incident.as_deref()),
            clock: options.clock.clone(),
            session: Mutex::default(),
        })
    }

    async fn credentials(&self) -> Result<Credentials, Refusal> {
        let now = (self.clock)();
        let held = self.session.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((session, ends_at)) = held
            && ends_at.is_none_or(|end| end.duration_since(now) > MARGIN)
        {
            return Ok(session);
        }
        let request = self.sts.assume_role().role_arn(&self.role);
        let request = request.role_session_name(&self.name).source_identity(&self.name);
        let answer = request.send().await.map_err(|error| {
            let id = error.request_id().unwrap_or("unknown").to_owned();
            Refusal(match error.code() {
                Some("AccessDenied") => format!(
                    "{ASSUME} was denied: the responder lacks {ASSUME} on {} (or sts:SetSourceIdentity there, or the role doesn't trust it; request {id})",
                    self.role
                ),
                Some(code) => format!("{ASSUME} of {} was refused: {code} (request {id})", self.role),
                None => format!("{ASSUME} of {} failed: {}", self.role, failure::innermost(&error)),
            })
        })?;
        let made = answer.credentials.ok_or_else(|| Refusal(format!("{ASSUME} gave no key")))?;
        let ends_at = super::observe::timestamp(&made.expiration);
        let session = Credentials::new(
            made.access_key_id,
            made.secret_access_key,
            Some(made.session_token),
            made.expiration.try_into().ok(),
            "role",
        );
        let mut held = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        *held = Some((session.clone(), ends_at));
        Ok(session)
    }
}

impl ProvideCredentials for Assumed {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            self.credentials().await.map_err(CredentialsError::provider_error)
        })
    }
}

/// Why there is no session, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refusal(String);

/// An incident's id as AWS takes it for a name.
fn session_name(incident: Option<&str>) -> String {
    let is_allowed = |c: &char| c.is_ascii_alphanumeric() || "_=,.@-".contains(*c);
    let name: String =
        incident.unwrap_or_default().chars().filter(is_allowed).take(NAME_CHARS).collect();
    match name.len() {
        0 | 1 => NAMELESS.to_owned(),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_named_after_the_incident() {
        let id = "INC-0198c0de-7000-7000-8000-000000000001";
        assert_eq!(session_name(Some(id)), id);
        assert_eq!(session_name(Some("a b/c")), "abc");
        assert_eq!(session_name(Some("/")), NAMELESS);
        assert_eq!(session_name(None), NAMELESS);
        assert_eq!(session_name(Some(&"x".repeat(99))).len(), NAME_CHARS);
    }
}
