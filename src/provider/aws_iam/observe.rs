//! Looking, as the responder: who one is, whose the key is, in what state it and its siblings are.

use aws_sdk_iam::primitives::DateTime;
use aws_sdk_iam::types::{AccessKeyLastUsed, AccessKeyMetadata, StatusType};
use jiff::Timestamp;

use super::failure::{self, Asked};
use super::permissions::{LAST_USED, LIST, WHO_AM_I};
use super::watch::Watch;
use super::{AwsIam, connect, unsupported};
use crate::pattern::aws_account_of;
use crate::provider::{Error, Identity, Key, KeyKind, KeyState, LastUse, Observation};
use crate::secret::Credential;

/// What AWS tells of a key by its id.
pub(super) struct Known {
    user: Option<String>,
    last_use: Option<LastUse>,
}

impl AwsIam {
    pub(super) async fn observed(&self, credential: &Credential) -> Result<Observation, Error> {
        let id = key_id(credential)?;
        let account = aws_account_of(id);
        let responder = self.responder_for(Some(id), account.as_deref()).await?;
        if !id.starts_with("AKIA") {
            return Err(unsupported(format!(
                "stop {id} by itself, since it is not a long-term access key; end the sessions of the role or user that made it"
            )));
        }
        let watch = Watch::default();
        let Some(known) = self.known(id, &watch).await? else {
            return self.observed_absent(id, account, responder, &watch);
        };
        let owner = user(id, known.user)?;
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

    pub(super) async fn listed(&self, owner: &str) -> Result<Vec<Key>, Error> {
        let responder = self.responder_for(None, None).await?;
        self.list(owner, &responder, &Watch::default()).await
    }

    /// Asks who the responder is, and makes sure that it is neither the key itself nor of another
    /// account than the key's. Done before each operation, since the environment may have changed.
    pub(super) async fn responder_for(
        &self,
        id: Option<&str>,
        account: Option<&str>,
    ) -> Result<Identity, Error> {
        let signs = connect::find(&self.clients.responder).await?;
        if id == Some(signs.access_key_id()) {
            return Err(Error::ResponderIsLeaked {
                responder: format!("access key {}", signs.access_key_id()),
            });
        }
        let responder = self.who_am_i().await?;
        match account {
            Some(account) if account != responder.account => {
                Err(Error::Foreign { account: account.to_owned(), responder: responder.account })
            }
            _ => Ok(responder),
        }
    }

    async fn who_am_i(&self) -> Result<Identity, Error> {
        let watch = Watch::default();
        let request = self.clients.sts.get_caller_identity().customize();
        let answer = request.interceptor(watch.clone()).send().await;
        let asked = Asked::about(WHO_AM_I, "the responder");
        let answer = answer.map_err(|error| failure::of(asked, &error, &watch))?;
        let identity = identity(answer.account, answer.arn).ok_or_else(|| Error::Unanswered {
            call: WHO_AM_I.to_owned(),
            why: "the answer names nobody".to_owned(),
        })?;
        // An earlier call may have set it, and an account doesn't change.
        let _ = self.account.set(identity.account.clone());
        Ok(identity)
    }

    /// Returns what AWS tells of the key, or `None` if it knows no such key.
    pub(super) async fn known(&self, id: &str, watch: &Watch) -> Result<Option<Known>, Error> {
        let request = self.clients.reader.get_access_key_last_used();
        let request = request.access_key_id(id).customize();
        match request.interceptor(watch.clone()).send().await {
            Ok(answer) => Ok(Some(Known {
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

/// The owner of a key, where it is a user.
fn user(id: &str, name: Option<String>) -> Result<String, Error> {
    let is_root = |name: &str| matches!(name, "" | "root" | "<root_account>");
    name.filter(|name| !is_root(name)).ok_or_else(|| {
        unsupported(format!(
            "stop {id}, since it is a root user's key; only the root user can, in the console"
        ))
    })
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
            assert!(user("X", name.map(str::to_owned)).is_err(), "{name:?}");
        }
        assert_eq!(user("X", Some("bot".to_owned())), Ok("bot".to_owned()));
    }

    #[test]
    fn a_status_nobody_has_heard_of_may_work() {
        assert_eq!(state(Some(&StatusType::from("Sleepy"))), KeyState::Active);
        assert_eq!(state(None), KeyState::Active);
        assert_eq!(state(Some(&StatusType::Inactive)), KeyState::Inactive);
        assert_eq!(state(Some(&StatusType::Expired)), KeyState::Inactive);
    }
}
