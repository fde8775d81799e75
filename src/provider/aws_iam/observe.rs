//! Looking, as the responder: whose the key is, in what state it and its siblings are.

use aws_sdk_iam::primitives::DateTime;
use aws_sdk_iam::types::{AccessKeyLastUsed, AccessKeyMetadata, StatusType};
use jiff::Timestamp;

use super::evidence::name_in;
use super::failure::{self, Asked};
use super::permissions::{LAST_USED, LIST};
use super::responder::{is_not_the_owner, is_not_the_role, user_arn};
use super::watch::Watch;
use super::{AwsIam, unsupported};
use crate::pattern::aws_account_of;
use crate::provider::{Error, Identity, Key, KeyKind, KeyState, LastUse, Observation};
use crate::secret::Credential;

/// The name observations give to a root user.
const ROOT: &str = "root";

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

pub(super) fn timestamp(time: &DateTime) -> Option<Timestamp> {
    let nanoseconds = i32::try_from(time.subsec_nanos()).ok()?;
    Timestamp::new(time.secs(), nanoseconds).ok()
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

    #[test]
    fn a_root_users_key_is_nobodys_to_stop() {
        for name in [None, Some(""), Some("root"), Some("<root_account>")] {
            assert_eq!(user(name.map(str::to_owned)), None, "{name:?}");
        }
        assert_eq!(user(Some("bot".to_owned())), Some("bot".to_owned()));
    }

    #[test]
    fn a_session_is_of_the_user_or_role_that_issued_it() {
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
