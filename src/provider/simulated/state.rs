//! What the simulated provider knows: keys, sessions, restrictions, its log; and how faults bend it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rand::seq::IndexedRandom;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{ACCOUNT, Asked, Fault, KEYS_PER_OWNER, name_of};
use crate::provider::{
    Error, Identity, Key, KeyKind, KeyState, Known, LastUse, Liveness, Meaning, Measure,
    Observation, Operation, Restriction, Use,
};
use crate::secret::{Credential, Part, Secret};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) id: String,
    pub(super) owner: String,
    pub(super) secret_sha256: String,
    pub(super) state: KeyState,
    pub(super) created_at: Timestamp,
}

/// A session: it works without the key that made it, until a restriction ends it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Session {
    id: String,
    owner: String,
    secret_sha256: String,
    issued_at: Timestamp,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) keys: Vec<Kept>,
    /// The keys before the last change, shown for as many further looks.
    pub(super) old: Option<(u32, Vec<Kept>)>,
    pub(super) faults: Vec<Fault>,
    /// The key the responder acts with, where a test wants it to be one of these.
    pub(super) responder_key: Option<String>,
    pub(super) asked: Vec<Asked>,
    #[serde(default)]
    sessions: Vec<Session>,
    #[serde(default)]
    pub(super) restrictions: Vec<Restriction>,
    /// Which owners administer the account, as far as somebody said.
    #[serde(default)]
    pub(super) administers: BTreeMap<String, Known>,
    #[serde(default)]
    pub(super) log: Vec<Use>,
}

impl Kept {
    pub(super) fn is_of(&self, credential: &Credential) -> bool {
        has_secret(credential, &self.secret_sha256)
    }

    fn as_key(&self) -> Key {
        Key {
            id: self.id.clone(),
            owner: self.owner.clone(),
            account: ACCOUNT.to_owned(),
            state: self.state,
            created_at: Some(self.created_at),
            kind: KeyKind::Lasting,
        }
    }
}

impl Session {
    fn as_key(&self, is_ended: bool) -> Key {
        Key {
            id: self.id.clone(),
            owner: self.owner.clone(),
            account: ACCOUNT.to_owned(),
            state: if is_ended { KeyState::Inactive } else { KeyState::Active },
            created_at: Some(self.issued_at),
            kind: KeyKind::Session { issuer: Some(self.owner.clone()), ends_at: None },
        }
    }
}

impl State {
    pub(super) fn add(&mut self, owner: &str, at: Timestamp) -> Result<(Key, Credential), Error> {
        if self.keys.iter().filter(|key| key.owner == owner).count() >= KEYS_PER_OWNER {
            return Err(Error::Quota { call: name_of(Operation::Create), owner: owner.to_owned() });
        }
        let credential = fresh();
        let kept = Kept {
            id: id_of(&credential).to_owned(),
            owner: owner.to_owned(),
            secret_sha256: secret_digest(&credential),
            state: KeyState::Active,
            created_at: at,
        };
        let key = kept.as_key();
        self.keys.push(kept);
        Ok((key, credential))
    }

    /// Begins a session with a key that works.
    pub(super) fn begin_session(&mut self, with: &Credential, at: Timestamp) -> Option<Credential> {
        let owner = self.working_owner(with)?.to_owned();
        let credential = fresh();
        self.sessions.push(Session {
            id: id_of(&credential).to_owned(),
            owner,
            secret_sha256: secret_digest(&credential),
            issued_at: at,
        });
        Some(credential)
    }

    /// Returns whose a credential is, if it is accepted and nothing denies it everything.
    pub(super) fn working_owner(&self, credential: &Credential) -> Option<&str> {
        let id = id_of(credential);
        let is_active = |key: &&Kept| key.id == id && key.state == KeyState::Active;
        if let Some(key) = self.keys.iter().find(is_active) {
            let is_free = key.is_of(credential) && !self.is_denied(&key.owner, None);
            return is_free.then_some(key.owner.as_str());
        }
        let session = self.sessions.iter().find(|session| session.id == id)?;
        let is_free = has_secret(credential, &session.secret_sha256)
            && !self.is_denied(&session.owner, Some(session.issued_at));
        is_free.then_some(session.owner.as_str())
    }

    /// Tells whether an owner's keys, or a session begun at an instant, are denied everything. Who is
    /// let in from some networks only is not: the simulation has no networks.
    fn is_denied(&self, owner: &str, began: Option<Timestamp>) -> bool {
        let of_owner = self.restrictions.iter().filter(|placed| placed.owner == owner);
        of_owner.into_iter().any(|placed| match &placed.measure {
            Measure::DenyAll | Measure::Boundary => true,
            Measure::EndSessions { issued_before } => began.is_some_and(|at| at < *issued_before),
            Measure::OnlyFrom { .. } | Measure::Quarantine => false,
        })
    }

    pub(super) fn put(&mut self, id: &str, to: KeyState) {
        self.keys.retain(|key| key.id != id || to != KeyState::Absent);
        if let Some(key) = self.keys.iter_mut().find(|key| key.id == id) {
            key.state = to;
        }
    }

    /// Refuses a call as the faults say.
    pub(super) fn check(&mut self, operation: Operation) -> Result<(), Error> {
        let call = name_of(operation);
        if self.faults.contains(&Fault::Denies(operation)) {
            return Err(Error::Denied { permission: call.clone(), call });
        }
        let is_throttled = self.use_up(|fault| match fault {
            Fault::Throttles(n) => Some(n),
            _ => None,
        });
        if is_throttled { Err(Error::Throttled { call }) } else { Ok(()) }
    }

    /// Uses a fault once, if there is one of that kind with times left.
    pub(super) fn use_up(&mut self, kind: impl Fn(&mut Fault) -> Option<&mut u32>) -> bool {
        let mut left = self.faults.iter_mut().filter_map(kind);
        match left.find(|n| **n > 0) {
            Some(n) => {
                *n -= 1;
                true
            }
            None => false,
        }
    }

    /// Lets an intruder act between two calls of the responder, as the faults say.
    pub(super) fn intrude(&mut self, at: Timestamp) {
        let stopped = self.keys.iter().position(|key| key.state == KeyState::Inactive);
        if let Some(stopped) = stopped
            && self.use_up(|fault| match fault {
                Fault::RevivesKeys(n) => Some(n),
                _ => None,
            })
        {
            self.keys[stopped].state = KeyState::Active;
        }
        if !self.restrictions.is_empty()
            && self.use_up(|fault| match fault {
                Fault::LiftsRestrictions(n) => Some(n),
                _ => None,
            })
        {
            self.restrictions.clear();
        }
        let owner = self.keys.first().map(|key| key.owner.clone());
        if let Some(owner) = owner
            && self.use_up(|fault| match fault {
                Fault::PlantsKeys(n) => Some(n),
                _ => None,
            })
        {
            // Where the quota is full, an intruder can't either.
            let _ = self.add(&owner, at);
        }
    }

    /// Keeps what was before a change, for looks that are late; tells whether there was a change.
    pub(super) fn remember(&mut self, before: Vec<Kept>) -> bool {
        let states = |keys: &[Kept]| {
            let states = keys.iter().map(|key| (key.id.clone(), key.state));
            states.collect::<Vec<_>>()
        };
        let is_changed = states(&before) != states(&self.keys);
        let late = self.faults.iter().find_map(|fault| match fault {
            Fault::ShowsOldState(looks) => Some(*looks),
            _ => None,
        });
        if let (true, Some(looks)) = (is_changed, late) {
            self.old = Some((looks, before));
        }
        is_changed
    }

    pub(super) fn one_look_less(&mut self) {
        self.old = match self.old.take() {
            Some((looks, keys)) if looks > 1 => Some((looks - 1, keys)),
            _ => None,
        };
    }

    pub(super) fn note(&mut self, operation: Operation, key: Option<String>, is_done: bool) {
        self.asked.push(Asked { operation, key, is_done });
    }

    /// Writes a line into the provider's log.
    pub(super) fn log(&mut self, key: &str, call: &str, meaning: Meaning, at: Timestamp) {
        let id = format!("{}/{key}", self.log.len() + 1);
        self.log.push(Use {
            id,
            key: Some(key.to_owned()),
            at,
            is_ours: false,
            call: call.to_owned(),
            place: "simulated".to_owned(),
            from: Some("192.0.2.1".to_owned()),
            agent: None,
            error: None,
            gave: None,
            meaning,
        });
    }

    fn shown(&self, is_late: bool) -> &[Kept] {
        match &self.old {
            Some((_, old)) if is_late => old,
            _ => &self.keys,
        }
    }

    pub(super) fn keys_of(&self, owner: &str, is_late: bool) -> Vec<Key> {
        let owned = self.shown(is_late).iter().filter(|key| key.owner == owner);
        owned.map(Kept::as_key).collect()
    }

    pub(super) fn observed(&self, id: &str, at: Timestamp) -> Result<Observation, Error> {
        if self.responder_key.as_deref() == Some(id) {
            return Err(Error::ResponderIsLeaked { responder: id.to_owned() });
        }
        let key = self.listed(id).unwrap_or_else(|| Key {
            id: id.to_owned(),
            owner: String::new(),
            account: ACCOUNT.to_owned(),
            state: KeyState::Absent,
            created_at: None,
            kind: KeyKind::Lasting,
        });
        let mut siblings = self.keys_of(&key.owner, true);
        siblings.retain(|sibling| sibling.id != id);
        let responder =
            Identity { account: ACCOUNT.to_owned(), name: "simulated-responder".to_owned() };
        Ok(Observation { responder, key, siblings, last_use: self.last_use(id), at })
    }

    /// Returns a key, or a session, as it is shown.
    fn listed(&self, id: &str) -> Option<Key> {
        let key = self.shown(true).iter().find(|key| key.id == id).map(Kept::as_key);
        key.or_else(|| {
            let session = self.sessions.iter().find(|session| session.id == id)?;
            Some(session.as_key(self.is_denied(&session.owner, Some(session.issued_at))))
        })
    }

    fn last_use(&self, id: &str) -> Option<LastUse> {
        let last = self.log.iter().rfind(|line| of_key(line, id))?;
        Some(LastUse { at: last.at, what: last.call.clone() })
    }

    pub(super) fn answer_to(&mut self, credential: &Credential) -> Liveness {
        let unknown = |why: &str| Liveness::Unknown { why: why.to_owned() };
        let is_mute = self.use_up(|fault| match fault {
            Fault::ProbeUnknown(n) => Some(n),
            _ => None,
        });
        if is_mute {
            return unknown("the service is not available");
        }
        let accepts_disabled = self.faults.contains(&Fault::AcceptsDisabledKeys);
        let refused = |code: &str| Liveness::Refused { code: code.to_owned() };
        let accepted = |owner: &str| Liveness::Accepted {
            identity: Identity { account: ACCOUNT.to_owned(), name: owner.to_owned() },
        };
        let id = id_of(credential);
        if let Some(session) = self.sessions.iter().find(|session| session.id == id) {
            // Who it is may be asked whatever else is denied.
            return accepted(&session.owner);
        }
        let Some(key) = self.shown(true).iter().find(|key| key.id == id) else {
            return refused("no-such-key");
        };
        if !key.is_of(credential) {
            return Liveness::WrongSecret { code: "wrong-secret".to_owned() };
        }
        if key.state == KeyState::Active || accepts_disabled {
            return accepted(&key.owner);
        }
        refused("key-inactive")
    }
}

/// Tells whether a line of the log is of a key.
pub(super) fn of_key(line: &Use, id: &str) -> bool {
    line.id.rsplit_once('/').is_some_and(|(_, key)| key == id)
}

pub(super) fn id_of(credential: &Credential) -> &str {
    credential.public("id").unwrap_or_default()
}

fn has_secret(credential: &Credential, sha256: &str) -> bool {
    credential.secret("key").is_some_and(|secret| digest(secret.expose()) == sha256)
}

fn secret_digest(credential: &Credential) -> String {
    credential.secret("key").map(|secret| digest(secret.expose())).unwrap_or_default()
}

fn fresh() -> Credential {
    let id = format!("SIMK{}", random(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 12));
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let key = Secret::new(format!("stanch_drill_{}", random(alphabet, 32)).into_bytes());
    Credential {
        pattern: "simulated-key".to_owned(),
        provider: "simulated".to_owned(),
        parts: [("id".to_owned(), Part::Public(id)), ("key".to_owned(), Part::Secret(key))].into(),
    }
}

pub(super) fn random(alphabet: &[u8], len: usize) -> String {
    let mut rng = rand::rng();
    let letters = (0..len).filter_map(|_| alphabet.choose(&mut rng));
    letters.map(|letter| char::from(*letter)).collect()
}

fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
