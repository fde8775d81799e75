//! A provider that is simulated, for drills and tests: two keys an owner, and the faults of real ones.
//!
//! Its state lives in memory, or in a file that outlives a killed process. Either way it keeps digests
//! of secrets, never a secret: [`Simulated::issue`] returns the only copy. It has no clock of its own.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use rand::seq::IndexedRandom;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    Call, Created, Error, Identity, Key, KeyKind, KeyState, Liveness, Observation, Operation,
    Probe, Provider, Receipt,
};
use crate::secret::{Credential, Part, Secret};

/// The only account there is.
const ACCOUNT: &str = "simulated-account";
/// As many keys as an AWS user may have.
const KEYS_PER_OWNER: usize = 2;

/// A way in which the provider misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Says yes to every disabling and does nothing.
    LiesAboutDisabling,
    /// Shows a disabled key as inactive and yet accepts it.
    AcceptsDisabledKeys,
    /// Does what is asked and gives no answer, that many times.
    ActsThenTimesOut(Operation, u32),
    /// Gives no answer and does nothing, that many times.
    TimesOutThenDoesNothing(Operation, u32),
    /// After each change, that many looks and probes still show how it was before.
    ShowsOldState(u32),
    /// The responder lacks the permission.
    Denies(Operation),
    /// Asks to slow down, that many times, whatever is called.
    Throttles(u32),
    /// Answers that many probes with something that says nothing about the key.
    ProbeUnknown(u32),
}

/// A change that was asked for, whether or not it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Which change.
    pub operation: Operation,
    /// The key it was about; for a creation that was done, the new one.
    pub key: Option<String>,
    /// Whether anything is different since.
    pub is_done: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    id: String,
    owner: String,
    secret_sha256: String,
    state: KeyState,
    created_at: Timestamp,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct State {
    keys: Vec<Kept>,
    /// The keys before the last change, shown for as many further looks.
    old: Option<(u32, Vec<Kept>)>,
    faults: Vec<Fault>,
    /// The key the responder acts with, where a test wants it to be one of these.
    responder_key: Option<String>,
    asked: Vec<Asked>,
}

/// Tells the time to the provider.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The simulated provider.
pub struct Simulated {
    now: Now,
    file: Option<PathBuf>,
    state: Mutex<State>,
}

impl Simulated {
    /// Returns a provider without keys, in memory.
    pub fn new(now: Now) -> Self {
        Self { now, file: None, state: Mutex::default() }
    }

    /// Returns a provider whose state is kept in that file; without keys if there is no such file.
    ///
    /// # Errors
    /// [`Error::Unreachable`] where the file can't be read.
    pub fn at(path: &Path, now: Now) -> Result<Self, Error> {
        let provider = Self { now, file: Some(path.to_owned()), state: Mutex::default() };
        drop(provider.state("open")?);
        Ok(provider)
    }

    /// Makes a key for an owner, as its administrator would, and returns the only copy of its secret.
    ///
    /// # Errors
    /// [`Error::Quota`] where the owner has two; [`Error::Unreachable`] where the file can't be written.
    pub fn issue(&self, owner: &str) -> Result<Credential, Error> {
        let mut state = self.state("issue")?;
        let (_, credential) = state.add(owner, (self.now)())?;
        self.keep(&state, "issue")?;
        Ok(credential)
    }

    /// Adds a fault.
    ///
    /// # Errors
    /// [`Error::Unreachable`] where the file can't be written.
    pub fn set(&self, fault: Fault) -> Result<(), Error> {
        self.change(|state| state.faults.push(fault))
    }

    /// Removes all faults.
    ///
    /// # Errors
    /// [`Error::Unreachable`] where the file can't be written.
    pub fn heal(&self) -> Result<(), Error> {
        self.change(|state| {
            state.faults.clear();
            state.old = None;
        })
    }

    /// Sets a key's state, as somebody else would.
    ///
    /// # Errors
    /// [`Error::Unreachable`] where the file can't be written.
    pub fn force(&self, id: &str, to: KeyState) -> Result<(), Error> {
        self.change(|state| state.put(id, to))
    }

    /// Lets the responder act with that key.
    ///
    /// # Errors
    /// [`Error::Unreachable`] where the file can't be written.
    pub fn act_with(&self, id: &str) -> Result<(), Error> {
        self.change(|state| state.responder_key = Some(id.to_owned()))
    }

    /// Returns every change that was asked for, in order.
    ///
    /// # Errors
    /// [`Error::Unreachable`] where the file can't be read.
    pub fn asked(&self) -> Result<Vec<Asked>, Error> {
        Ok(self.state("read")?.asked.clone())
    }

    /// Returns the keys of an owner as they really are, whatever the faults.
    ///
    /// # Errors
    /// [`Error::Unreachable`] where the file can't be read.
    pub fn really(&self, owner: &str) -> Result<Vec<Key>, Error> {
        Ok(self.state("read")?.keys_of(owner, false))
    }

    /// Tells whether a credential really works, whatever the faults.
    ///
    /// # Errors
    /// [`Error::Unreachable`] where the file can't be read.
    pub fn really_works(&self, credential: &Credential) -> Result<bool, Error> {
        let state = self.state("read")?;
        let kept = state.keys.iter().find(|key| Some(key.id.as_str()) == credential.public("id"));
        Ok(kept.is_some_and(|key| key.state == KeyState::Active && key.is_of(credential)))
    }

    /// Returns a credential as it stands in a file, `ID:KEY`, for a drill that leaks one.
    pub fn text_of(credential: &Credential) -> Option<Secret> {
        let mut text = credential.public("id")?.as_bytes().to_vec();
        text.push(b':');
        text.extend_from_slice(credential.secret("key")?.expose());
        Some(Secret::new(text))
    }

    fn change(&self, how: impl FnOnce(&mut State)) -> Result<(), Error> {
        let mut state = self.state("write")?;
        how(&mut state);
        self.keep(&state, "write")
    }

    /// Returns the state, read again from its file if it has one: another process may have changed it.
    fn state(&self, call: &str) -> Result<MutexGuard<'_, State>, Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &self.file {
            let read = match fs::read(file) {
                Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| error.to_string()),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(State::default()),
                Err(error) => Err(error.to_string()),
            };
            *state = read.map_err(|why| unreachable_file(call, why))?;
        }
        Ok(state)
    }

    /// Writes the state beside its file and then in its place, so that a killed process leaves the old
    /// one or the new one.
    fn keep(&self, state: &State, call: &str) -> Result<(), Error> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let write = || -> Result<(), String> {
            let bytes = serde_json::to_vec_pretty(state).map_err(|error| error.to_string())?;
            let folder = folder.unwrap_or(Path::new("."));
            let mut beside =
                tempfile::NamedTempFile::new_in(folder).map_err(|error| error.to_string())?;
            beside.write_all(&bytes).map_err(|error| error.to_string())?;
            beside.persist(file).map_err(|error| error.to_string())?;
            Ok(())
        };
        write().map_err(|why| unreachable_file(call, why))
    }

    /// Takes a change: throttles, denies, loses the answer, or does it, as the faults say.
    fn mutate<T>(
        &self,
        operation: Operation,
        key: Option<&str>,
        act: impl FnOnce(&mut State) -> Result<(Option<String>, T), Error>,
    ) -> Result<T, Error> {
        let name = name_of(operation);
        let mut state = self.state(&name)?;
        state.check(operation)?;
        let is_lost = state.use_up(|fault| match fault {
            Fault::TimesOutThenDoesNothing(of, n) if *of == operation => Some(n),
            _ => None,
        });
        if is_lost {
            state.note(operation, key.map(str::to_owned), false);
            self.keep(&state, &name)?;
            return Err(unanswered(name));
        }
        let before = state.keys.clone();
        let done = act(&mut state);
        let subject = match &done {
            Ok((Some(made), _)) => Some(made.clone()),
            Ok((None, _)) | Err(_) => key.map(str::to_owned),
        };
        let is_done = state.remember(before);
        state.note(operation, subject, is_done);
        let is_mute = done.is_ok()
            && state.use_up(|fault| match fault {
                Fault::ActsThenTimesOut(of, n) if *of == operation => Some(n),
                _ => None,
            });
        self.keep(&state, &name)?;
        if is_mute { Err(unanswered(name)) } else { done.map(|(_, answer)| answer) }
    }

    /// Looks, at the old state as long as the faults say.
    fn look<T>(&self, operation: Operation, at: impl FnOnce(&mut State) -> T) -> Result<T, Error> {
        let name = name_of(operation);
        let mut state = self.state(&name)?;
        let answer = state.check(operation).map(|()| at(&mut state));
        state.one_look_less();
        self.keep(&state, &name)?;
        answer
    }

    fn receipt(&self) -> Receipt {
        Receipt { request_id: Some(random(b"0123456789abcdef", 16)), at: (self.now)() }
    }
}

impl Kept {
    fn is_of(&self, credential: &Credential) -> bool {
        let secret = credential.secret("key");
        secret.is_some_and(|secret| digest(secret.expose()) == self.secret_sha256)
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

impl State {
    fn add(&mut self, owner: &str, at: Timestamp) -> Result<(Key, Credential), Error> {
        if self.keys.iter().filter(|key| key.owner == owner).count() >= KEYS_PER_OWNER {
            return Err(Error::Quota { call: name_of(Operation::Create), owner: owner.to_owned() });
        }
        let credential = fresh();
        let (id, secret) = (credential.public("id"), credential.secret("key"));
        let kept = Kept {
            id: id.unwrap_or_default().to_owned(),
            owner: owner.to_owned(),
            secret_sha256: secret.map(|secret| digest(secret.expose())).unwrap_or_default(),
            state: KeyState::Active,
            created_at: at,
        };
        let key = kept.as_key();
        self.keys.push(kept);
        Ok((key, credential))
    }

    fn put(&mut self, id: &str, to: KeyState) {
        self.keys.retain(|key| key.id != id || to != KeyState::Absent);
        if let Some(key) = self.keys.iter_mut().find(|key| key.id == id) {
            key.state = to;
        }
    }

    /// Refuses a call as the faults say.
    fn check(&mut self, operation: Operation) -> Result<(), Error> {
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
    fn use_up(&mut self, kind: impl Fn(&mut Fault) -> Option<&mut u32>) -> bool {
        let mut left = self.faults.iter_mut().filter_map(kind);
        match left.find(|n| **n > 0) {
            Some(n) => {
                *n -= 1;
                true
            }
            None => false,
        }
    }

    /// Keeps what was before a change, for looks that are late; tells whether there was a change.
    fn remember(&mut self, before: Vec<Kept>) -> bool {
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

    fn one_look_less(&mut self) {
        self.old = match self.old.take() {
            Some((looks, keys)) if looks > 1 => Some((looks - 1, keys)),
            _ => None,
        };
    }

    fn note(&mut self, operation: Operation, key: Option<String>, is_done: bool) {
        self.asked.push(Asked { operation, key, is_done });
    }

    fn shown(&self, is_late: bool) -> &[Kept] {
        match &self.old {
            Some((_, old)) if is_late => old,
            _ => &self.keys,
        }
    }

    fn keys_of(&self, owner: &str, is_late: bool) -> Vec<Key> {
        let owned = self.shown(is_late).iter().filter(|key| key.owner == owner);
        owned.map(Kept::as_key).collect()
    }

    fn observed(&self, id: &str, at: Timestamp) -> Result<Observation, Error> {
        if self.responder_key.as_deref() == Some(id) {
            return Err(Error::ResponderIsLeaked { responder: id.to_owned() });
        }
        let listed = self.shown(true).iter().find(|key| key.id == id).map(Kept::as_key);
        let key = listed.unwrap_or_else(|| Key {
            id: id.to_owned(),
            owner: String::new(),
            account: ACCOUNT.to_owned(),
            state: KeyState::Absent,
            created_at: None,
            kind: KeyKind::Lasting,
        });
        let mut siblings = self.keys_of(&key.owner, true);
        siblings.retain(|sibling| sibling.id != id);
        Ok(Observation {
            responder: Identity {
                account: ACCOUNT.to_owned(),
                name: "simulated-responder".to_owned(),
            },
            key,
            siblings,
            last_use: None,
            at,
        })
    }

    fn answer_to(&mut self, credential: &Credential) -> Liveness {
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
        let id = credential.public("id");
        let Some(key) = self.shown(true).iter().find(|key| Some(key.id.as_str()) == id) else {
            return refused("no-such-key");
        };
        if !key.is_of(credential) {
            return Liveness::WrongSecret { code: "wrong-secret".to_owned() };
        }
        if key.state == KeyState::Active || accepts_disabled {
            return Liveness::Accepted {
                identity: Identity { account: ACCOUNT.to_owned(), name: key.owner.clone() },
            };
        }
        refused("key-inactive")
    }
}

#[async_trait]
impl Provider for Simulated {
    fn id(&self) -> &'static str {
        "simulated"
    }

    fn endpoint(&self) -> Option<&str> {
        None
    }

    fn calls(&self, operation: Operation) -> Vec<Call> {
        let has_none = matches!(
            operation,
            Operation::Evidence | Operation::Restrict | Operation::Lift | Operation::Review
        );
        if has_none {
            return Vec::new();
        }
        let name = name_of(operation);
        let permission = (operation != Operation::Probe).then(|| name.clone());
        vec![Call { name, permission }]
    }

    async fn observe(&self, credential: &Credential) -> Result<Observation, Error> {
        let id = credential.public("id").unwrap_or_default();
        let at = (self.now)();
        self.look(Operation::Observe, |state| state.observed(id, at))?
    }

    async fn probe(&self, credential: &Credential) -> Result<Probe, Error> {
        let liveness = self.look(Operation::Probe, |state| state.answer_to(credential))?;
        Ok(Probe { liveness, at: (self.now)() })
    }

    async fn keys(&self, owner: &str) -> Result<Vec<Key>, Error> {
        self.look(Operation::Observe, |state| state.keys_of(owner, true))
    }

    async fn disable(&self, key: &Key) -> Result<Receipt, Error> {
        self.mutate(Operation::Disable, Some(&key.id), |state| {
            if !state.faults.contains(&Fault::LiesAboutDisabling) {
                state.put(&key.id, KeyState::Inactive);
            }
            Ok((None, self.receipt()))
        })
    }

    async fn enable(&self, key: &Key) -> Result<Receipt, Error> {
        self.mutate(Operation::Enable, Some(&key.id), |state| {
            if !state.keys.iter().any(|kept| kept.id == key.id) {
                return Err(Error::NotFound {
                    call: name_of(Operation::Enable),
                    what: format!("key {}", key.id),
                });
            }
            state.put(&key.id, KeyState::Active);
            Ok((None, self.receipt()))
        })
    }

    async fn create(&self, owner: &str) -> Result<Created, Error> {
        let at = (self.now)();
        self.mutate(Operation::Create, None, |state| {
            let (key, credential) = state.add(owner, at)?;
            let id = key.id.clone();
            let receipt = self.receipt();
            Ok((Some(id), Created { key, credential, receipt }))
        })
    }

    async fn delete(&self, key: &Key) -> Result<Receipt, Error> {
        self.mutate(Operation::Delete, Some(&key.id), |state| {
            state.put(&key.id, KeyState::Absent);
            Ok((None, self.receipt()))
        })
    }
}

fn name_of(operation: Operation) -> String {
    let name = match operation {
        Operation::Observe => "ListKeys",
        Operation::Probe => "WhoAmI",
        Operation::Disable => "DisableKey",
        Operation::Enable => "EnableKey",
        Operation::Create => "CreateKey",
        Operation::Delete => "DeleteKey",
        Operation::Evidence => "ReadRights",
        Operation::Restrict => "RestrictOwner",
        Operation::Lift => "LiftRestriction",
        Operation::Review => "ReadLog",
    };
    format!("simulated:{name}")
}

fn unanswered(call: String) -> Error {
    Error::Unanswered { call, why: "the connection was closed".to_owned() }
}

fn unreachable_file(call: &str, why: String) -> Error {
    Error::Unreachable { call: call.to_owned(), why }
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

fn random(alphabet: &[u8], len: usize) -> String {
    let mut rng = rand::rng();
    let letters = (0..len).filter_map(|_| alphabet.choose(&mut rng));
    letters.map(|letter| char::from(*letter)).collect()
}

fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
