//! Looking, as the responder: who one is, whose the key is, in what state it and its siblings are.

use std::future::Future;
use std::sync::PoisonError;

use aws_sdk_iam::primitives::DateTime;
use aws_sdk_iam::types::{AccessKeyLastUsed, AccessKeyMetadata, StatusType};
use jiff::{SignedDuration, Timestamp};

use super::evidence::name_in;
use super::failure::{self, Asked};
use super::permissions::{LAST_USED, LIST, WHO_AM_I};
use super::watch::Watch;
use super::{AwsIam, accounts, connect, unsupported};
use crate::pattern::aws_account_of;
use crate::provider::{Error, Identity, Key, KeyKind, KeyState, LastUse, Observation};
use crate::secret::Credential;

/// How long the answer to "who am I" is taken for granted, where the responder's key is still the same.
const WHO_AM_I_HOLDS: SignedDuration = SignedDuration::from_secs(30);

/// The name observations give to a root user.
const ROOT: &str = "root";

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

/// What AWS tells of a key by its id.
pub(super) struct LastUsed {
    user: Option<String>,
    last_use: Option<LastUse>,
}

impl AwsIam {
    pub(super) async fn observed(&self, credential: &Credential) -> Result<Observation, Error> {
        let id = key_id(credential)?;
        self.may_be_asked_about(aws_account_of(id).as_deref())?;
        match id.get(..4) {
            Some("AKIA") => self.observed_lasting(id).await,
            Some("ASIA") => self.observed_session(id, None).await,
            _ => Err(unsupported(format!("stop {id}, which is no access key"))),
        }
    }

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

    /// Two round trips: who the responder is and whose the key is, at once; then the owner's keys.
    async fn observed_lasting(&self, id: &str) -> Result<Observation, Error> {
        let account = aws_account_of(id);
        let watch = Watch::default();
        let (responder, known) =
            self.responder_and(id, account.as_deref(), self.known(id, &watch)).await?;
        let Some(known) = known else {
            return self.observed_absent(id, account, responder, &watch);
        };
        let Some(owner) = user(known.user) else {
            return Ok(self.observed_root(id, known.last_use, responder, &watch));
        };
        is_not_the_owner(&responder, &owner)?;
        let keys = self.list(&owner, &responder, &watch).await?;
        let (mine, siblings): (Vec<Key>, _) = keys.into_iter().partition(|key| key.id == id);
        let mine = mine.into_iter().next();
        Ok(Observation {
            key: mine.unwrap_or_else(|| absent(id, owner, &responder)),
            siblings,
            last_use: known.last_use,
            at: self.time(&watch),
            responder,
        })
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

    /// A session: it can't be stopped, so what matters is who issued it.
    pub(super) async fn observed_session(
        &self,
        id: &str,
        ends_at: Option<Timestamp>,
    ) -> Result<Observation, Error> {
        let account = aws_account_of(id);
        let watch = Watch::default();
        let issuer = async { Ok(self.issuer_of(id, &watch).await) };
        let (responder, issuer) = self.responder_and(id, account.as_deref(), issuer).await?;
        let owner = issuer.as_deref().map(owner_of).unwrap_or_default();
        match owner.strip_prefix("arn:") {
            Some(_) => is_not_the_role(&responder, name_in(&owner))?,
            None => is_not_the_owner(&responder, &owner)?,
        }
        let is_over = ends_at.is_some_and(|end| end <= self.time(&watch));
        Ok(Observation {
            key: Key {
                id: id.to_owned(),
                owner,
                account: account.unwrap_or_else(|| responder.account.clone()),
                state: if is_over { KeyState::Absent } else { KeyState::Active },
                created_at: None,
                kind: KeyKind::Session { issuer, ends_at },
            },
            siblings: Vec::new(),
            last_use: None,
            at: self.time(&watch),
            responder,
        })
    }

    fn observed_root(
        &self,
        id: &str,
        last_use: Option<LastUse>,
        responder: Identity,
        watch: &Watch,
    ) -> Observation {
        Observation {
            key: Key {
                id: id.to_owned(),
                owner: ROOT.to_owned(),
                account: responder.account.clone(),
                // Nobody but the root user is told; taken for the worse.
                state: KeyState::Active,
                created_at: None,
                kind: KeyKind::Root,
            },
            siblings: Vec::new(),
            last_use,
            at: self.time(watch),
            responder,
        }
    }

    pub(super) async fn listed(&self, owner: &str) -> Result<Vec<Key>, Error> {
        // Neither a root user's keys nor sessions can be listed.
        if owner == ROOT || owner.starts_with("arn:") {
            return Err(unsupported(format!("list the keys of {owner}")));
        }
        let responder = self.responder_for(None, None).await?;
        self.list(owner, &responder, &Watch::default()).await
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

    /// Returns what AWS tells of the key, or `None` if it knows no such key.
    pub(super) async fn known(&self, id: &str, watch: &Watch) -> Result<Option<LastUsed>, Error> {
        let request = self.clients.reader.get_access_key_last_used();
        let request = request.access_key_id(id).customize();
        match request.interceptor(watch.clone()).send().await {
            Ok(answer) => Ok(Some(LastUsed {
                user: answer.user_name,
                last_use: answer.access_key_last_used.and_then(last_use),
            })),
            Err(error) if failure::is_missing(&error) => Ok(None),
            Err(error) => {
                let what = format!(
                    "access key {id} (or AWS hides that the key is gone or of another account)"
                );
                Err(failure::of(Asked::about(LAST_USED, &what), &error, watch))
            }
        }
    }

    /// A key AWS doesn't know is gone, if its id says that it was in this account. Of another id it says
    /// nothing: the key may be alive elsewhere.
    fn observed_absent(
        &self,
        id: &str,
        account: Option<String>,
        responder: Identity,
        watch: &Watch,
    ) -> Result<Observation, Error> {
        if account.is_none() {
            return Err(Error::NotFound {
                call: LAST_USED.to_owned(),
                what: format!("access key {id} in account {}", responder.account),
            });
        }
        Ok(Observation {
            key: absent(id, String::new(), &responder),
            siblings: Vec::new(),
            last_use: None,
            at: self.time(watch),
            responder,
        })
    }

    /// Lists a user's keys as they are now.
    async fn list(
        &self,
        owner: &str,
        responder: &Identity,
        watch: &Watch,
    ) -> Result<Vec<Key>, Error> {
        let arn = user_arn(responder, owner);
        // Without a name AWS would list the responder's own keys.
        let owner = named(LIST, owner)?;
        let mut keys = Vec::new();
        let mut marker = None;
        loop {
            let request = self.clients.reader.list_access_keys().user_name(owner);
            let request = request.set_marker(marker).customize();
            let answer = request.interceptor(watch.clone()).send().await;
            let page =
                answer.map_err(|error| failure::of(Asked::about(LIST, &arn), &error, watch))?;
            let listed = page.access_key_metadata.into_iter();
            keys.extend(listed.filter_map(|key| listed_key(key, owner, responder)));
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                return Ok(keys);
            }
        }
    }
}

/// Returns the access key id of a credential.
pub(super) fn key_id(credential: &Credential) -> Result<&str, Error> {
    credential.public("id").ok_or_else(|| unsupported("tell the access key id of this credential"))
}

/// Returns a user's name, of which there must be one: without it AWS takes the responder's own.
pub(super) fn named<'a>(call: &str, owner: &'a str) -> Result<&'a str, Error> {
    match owner {
        "" => {
            Err(Error::NotFound { call: call.to_owned(), what: "a user without a name".to_owned() })
        }
        owner => Ok(owner),
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

pub(super) fn timestamp(time: &DateTime) -> Option<Timestamp> {
    let nanoseconds = i32::try_from(time.subsec_nanos()).ok()?;
    Timestamp::new(time.secs(), nanoseconds).ok()
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

/// The owner of a key by its issuer's ARN: a user by name, since only users have that, a role as it is.
fn owner_of(issuer: &str) -> String {
    match issuer.split_once(":user/") {
        Some((_, path)) => name_in(path).to_owned(),
        None => issuer.to_owned(),
    }
}

/// The owner of a key, where it is a user and not the root user.
fn user(name: Option<String>) -> Option<String> {
    name.filter(|name| !matches!(name.as_str(), "" | ROOT | "<root_account>"))
}

fn absent(id: &str, owner: String, responder: &Identity) -> Key {
    Key {
        id: id.to_owned(),
        owner,
        account: responder.account.clone(),
        state: KeyState::Absent,
        created_at: None,
        kind: KeyKind::Lasting,
    }
}

fn listed_key(key: AccessKeyMetadata, owner: &str, responder: &Identity) -> Option<Key> {
    Some(Key {
        id: key.access_key_id?,
        owner: owner.to_owned(),
        account: responder.account.clone(),
        state: state(key.status.as_ref()),
        created_at: key.create_date.as_ref().and_then(timestamp),
        kind: KeyKind::Lasting,
    })
}

/// A status nobody has heard of may be one in which the key works.
pub(super) fn state(status: Option<&StatusType>) -> KeyState {
    match status {
        Some(StatusType::Inactive | StatusType::Expired) => KeyState::Inactive,
        _ => KeyState::Active,
    }
}

fn last_use(last: AccessKeyLastUsed) -> Option<LastUse> {
    let at = last.last_used_date.as_ref().and_then(timestamp)?;
    Some(LastUse { at, what: format!("{} in {}", last.service_name, last.region) })
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
    fn a_root_users_key_is_nobodys_to_stop() {
        for name in [None, Some(""), Some("root"), Some("<root_account>")] {
            assert_eq!(user(name.map(str::to_owned)), None, "{name:?}");
        }
        assert_eq!(user(Some("bot".to_owned())), Some("bot".to_owned()));
    }

    #[test]
    fn a_session_of_the_role_is_the_role() {
        let role = someone("arn:aws:sts::123456789012:assumed-role/ops/INC-1");
        assert!(is_not_the_role(&role, "ops").is_err());
        assert!(is_not_the_role(&role, "INC-1").is_ok());
        assert!(is_not_the_role(&someone("arn:aws:iam::123456789012:user/ops"), "ops").is_ok());
        assert_eq!(owner_of("arn:aws:iam::123456789012:user/ci/bot"), "bot");
        let role = "arn:aws:iam::123456789012:role/web";
        assert_eq!(owner_of(role), role);
    }

    #[test]
    fn a_status_nobody_has_heard_of_may_work() {
        assert_eq!(state(Some(&StatusType::from("Sleepy"))), KeyState::Active);
        assert_eq!(state(None), KeyState::Active);
        assert_eq!(state(Some(&StatusType::Inactive)), KeyState::Inactive);
        assert_eq!(state(Some(&StatusType::Expired)), KeyState::Inactive);
    }
}
