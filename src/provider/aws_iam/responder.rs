//! The responder: who acts, and that it is neither the leaked key nor of another account.

use std::future::Future;
use std::sync::PoisonError;

use jiff::{SignedDuration, Timestamp};

use super::failure::{self, Asked};
use super::observe::key_id;
use super::permissions::WHO_AM_I;
use super::watch::Watch;
use super::{AwsIam, accounts, connect};
use crate::pattern::aws_account_of;
use crate::provider::{Error, Identity};
use crate::secret::Credential;

/// How long the answer to "who am I" is taken for granted, where the responder's key is still the same.
const WHO_AM_I_HOLDS: SignedDuration = SignedDuration::from_secs(30);

/// Who the responder was found to be.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// The id of the key it signed with.
    key: String,
    identity: Identity,
    at: Timestamp,
}

impl Known {
    pub(super) fn account(&self) -> &str {
        &self.identity.account
    }
}

impl AwsIam {
    /// Nothing is asked about bait, which would alarm whoever laid it, nor about accounts that aren't
    /// the operator's.
    pub(super) fn may_be_asked_about(&self, account: Option<&str>) -> Result<(), Error> {
        let Some(account) = account else { return Ok(()) };
        if accounts::is_bait(account) {
            return Err(Error::Bait { account: account.to_owned() });
        }
        match self.accounts.is_empty() || self.accounts.iter().any(|own| own == account) {
            true => Ok(()),
            false => Err(Error::Foreign {
                account: account.to_owned(),
                responder: self.accounts.join(", "),
            }),
        }
    }

    /// Tells whether the ids of the leaked key and of the responder's say that both are of one account.
    pub(super) async fn is_of_the_responder(&self, credential: &Credential) -> bool {
        let Ok(id) = key_id(credential) else { return false };
        let Some(account) = aws_account_of(id) else { return false };
        let Ok(signs) = self.signs(Some(id)).await else { return false };
        self.may_be_asked_about(Some(&account)).is_ok()
            && aws_account_of(&signs).as_deref() == Some(&account)
    }

    /// Asks who the responder is and something else about the key: both at once where the ids of the two
    /// keys already say that they are of one account, for a foreign key is never asked about.
    pub(super) async fn responder_and<T>(
        &self,
        id: &str,
        account: Option<&str>,
        question: impl Future<Output = Result<T, Error>>,
    ) -> Result<(Identity, T), Error> {
        let signs = self.signs(Some(id)).await?;
        let own = aws_account_of(&signs);
        if account.is_some() && own.as_deref() == account {
            let (responder, answer) = tokio::join!(self.who_am_i(&signs), question);
            return Ok((of_account(responder?, account)?, answer?));
        }
        let responder = of_account(self.who_am_i(&signs).await?, account)?;
        Ok((responder, question.await?))
    }

    /// Returns who the responder is, having made sure that it is neither the key itself nor of another
    /// account than the key's. What was asked seconds ago with the same key isn't asked again.
    pub(super) async fn responder_for(
        &self,
        id: Option<&str>,
        account: Option<&str>,
    ) -> Result<Identity, Error> {
        let signs = self.signs(id).await?;
        let known = self.responder.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let now = (self.clock)();
        let responder = match known {
            Some(known)
                if known.key == signs && now.duration_since(known.at).abs() <= WHO_AM_I_HOLDS =>
            {
                known.identity
            }
            _ => self.who_am_i(&signs).await?,
        };
        of_account(responder, account)
    }

    /// Returns the id of the key the responder signs with at this moment, if it isn't the leaked one.
    async fn signs(&self, leaked: Option<&str>) -> Result<String, Error> {
        let signs = connect::find(&self.clients.responder).await?;
        match leaked == Some(signs.access_key_id()) {
            true => Err(Error::ResponderIsLeaked {
                responder: format!("access key {}", signs.access_key_id()),
            }),
            false => Ok(signs.access_key_id().to_owned()),
        }
    }

    async fn who_am_i(&self, signs: &str) -> Result<Identity, Error> {
        let watch = Watch::default();
        let request = self.clients.sts.get_caller_identity().customize();
        let answer = request.interceptor(watch.clone()).send().await;
        let asked = Asked::about(WHO_AM_I, "the responder");
        let answer = answer.map_err(|error| failure::of(asked, &error, &watch))?;
        let identity = identity(answer.account, answer.arn).ok_or_else(|| Error::Unanswered {
            call: WHO_AM_I.to_owned(),
            why: "the answer names nobody".to_owned(),
        })?;
        let known = Known { key: signs.to_owned(), identity: identity.clone(), at: (self.clock)() };
        *self.responder.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        Ok(identity)
    }
}

/// Makes sure that the responder isn't the user whose key leaked: whoever has the key is that user too.
pub(super) fn is_not_the_owner(responder: &Identity, owner: &str) -> Result<(), Error> {
    // arn:aws:iam::123456789012:user/path/name; a name is unique in its account, whatever the path.
    let (_, user) = responder.name.split_once(":user/").unwrap_or_default();
    match user.rsplit('/').next() {
        Some(user) if !user.is_empty() && user.eq_ignore_ascii_case(owner) => {
            Err(Error::ResponderIsLeaked { responder: responder.name.clone() })
        }
        _ => Ok(()),
    }
}

/// Makes sure that the responder isn't a session of the role that is acted on.
pub(super) fn is_not_the_role(responder: &Identity, role: &str) -> Result<(), Error> {
    let (_, session) = responder.name.split_once(":assumed-role/").unwrap_or_default();
    match session.split('/').next() {
        Some(own) if !own.is_empty() && own.eq_ignore_ascii_case(role) => {
            Err(Error::ResponderIsLeaked { responder: responder.name.clone() })
        }
        _ => Ok(()),
    }
}

fn of_account(responder: Identity, account: Option<&str>) -> Result<Identity, Error> {
    match account {
        Some(account) if account != responder.account => {
            Err(Error::Foreign { account: account.to_owned(), responder: responder.account })
        }
        _ => Ok(responder),
    }
}

/// Returns a user's ARN, without its path, which nobody has told.
pub(super) fn user_arn(responder: &Identity, owner: &str) -> String {
    let partition = responder.name.split(':').nth(1).unwrap_or("aws");
    format!("arn:{partition}:iam::{}:user/{owner}", responder.account)
}

pub(super) fn identity(account: Option<String>, arn: Option<String>) -> Option<Identity> {
    let account = account.filter(|account| !account.is_empty())?;
    let name = arn.filter(|arn| arn.starts_with("arn:"))?;
    Some(Identity { account, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn someone(name: &str) -> Identity {
        Identity { account: "123456789012".to_owned(), name: name.to_owned() }
    }

    #[test]
    fn the_owner_is_known_by_name_whatever_the_path() {
        let leaked = someone("arn:aws:iam::123456789012:user/ci/Bot");
        assert!(is_not_the_owner(&leaked, "bot").is_err());
        assert!(is_not_the_owner(&leaked, "ci").is_ok());
        let role = someone("arn:aws:sts::123456789012:assumed-role/ops/bot");
        assert!(is_not_the_owner(&role, "bot").is_ok());
        assert!(is_not_the_owner(&role, "").is_ok());
    }

    #[test]
    fn an_arn_is_of_the_responders_partition() {
        let cn = someone("arn:aws-cn:iam::123456789012:user/ops");
        assert_eq!(user_arn(&cn, "bot"), "arn:aws-cn:iam::123456789012:user/bot");
    }

    #[test]
    fn a_session_of_the_role_is_the_role() {
        let role = someone("arn:aws:sts::123456789012:assumed-role/ops/INC-1");
        assert!(is_not_the_role(&role, "ops").is_err());
        assert!(is_not_the_role(&role, "INC-1").is_ok());
        assert!(is_not_the_role(&someone("arn:aws:iam::123456789012:user/ops"), "ops").is_ok());
    }
}
