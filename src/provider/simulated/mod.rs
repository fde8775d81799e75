//! A provider that is simulated, for drills and tests: two keys an owner, sessions that outlive a key,
//! restrictions on an owner, a log; and the faults of real ones.
//!
//! Its state lives in memory, or in a file that outlives a killed process. Either way it keeps digests
//! of secrets, never a secret: [`Simulated::issue`] returns the only copy. It has no clock of its own.

mod state;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::state::{State, id_of, of_key, random};
use super::{
    Call, Created, Error, Evidence, Key, KeyState, Known, Meaning, Observation, Operation, Page,
    Power, Probe, Provider, Receipt, Restriction, Search, SearchBy, Standing,
};
use crate::secret::{Credential, Secret};

/// The only account there is.
const ACCOUNT: &str = "simulated-account";
/// As many keys as an AWS user may have.
const KEYS_PER_OWNER: usize = 2;
/// So many lines of the log are a page.
const PAGE: usize = 2;

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
    /// Somebody else starts a stopped key again before the next look, that many times.
    RevivesKeys(u32),
    /// Somebody else lifts every restriction before the next look, that many times.
    LiftsRestrictions(u32),
    /// Somebody else makes a further key before the next look, that many times.
    PlantsKeys(u32),
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

    /// Tells whether a key or a session really works, whatever the faults.
    ///
    /// # Errors
    /// [`Error::Unreachable`] where the file can't be read.
    pub fn really_works(&self, credential: &Credential) -> Result<bool, Error> {
        Ok(self.state("read")?.working_owner(credential).is_some())
    }

    /// Begins a session with a key that works, as whoever holds it would, and returns the only copy of
    /// its secret; `None` where the key doesn't work.
    ///
    /// # Errors
    /// [`Error::Unreachable`] where the file can't be written.
    pub fn begin_session(&self, with: &Credential) -> Result<Option<Credential>, Error> {
        let mut state = self.state("begin a session")?;
        let at = (self.now)();
        let session = state.begin_session(with, at);
        if session.is_some() {
            state.log(id_of(with), "simulated:BeginSession", Meaning::Other, at);
        }
        self.keep(&state, "begin a session")?;
        Ok(session)
    }

    /// Writes a use of a key into the log.
    ///
    /// # Errors
    /// [`Error::Unreachable`] where the file can't be written.
    pub fn used(&self, id: &str, call: &str, meaning: Meaning) -> Result<(), Error> {
        self.used_at(id, call, meaning, (self.now)())
    }

    /// Writes a use of a key at an instant into the log.
    ///
    /// # Errors
    /// [`Error::Unreachable`] where the file can't be written.
    pub fn used_at(
        &self,
        id: &str,
        call: &str,
        meaning: Meaning,
        at: Timestamp,
    ) -> Result<(), Error> {
        self.change(|state| state.log(id, call, meaning, at))
    }

    /// Says whether an owner administers the account; nobody knows before.
    ///
    /// # Errors
    /// [`Error::Unreachable`] where the file can't be written.
    pub fn administers(&self, owner: &str, known: Known) -> Result<(), Error> {
        self.change(|state| {
            state.administers.insert(owner.to_owned(), known);
        })
    }

    /// Returns the restrictions that stand.
    ///
    /// # Errors
    /// [`Error::Unreachable`] where the file can't be read.
    pub fn restrictions(&self) -> Result<Vec<Restriction>, Error> {
        Ok(self.state("read")?.restrictions.clone())
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
        let (before, placed) = (state.keys.clone(), state.restrictions.len());
        let done = act(&mut state);
        let subject = match &done {
            Ok((Some(made), _)) => Some(made.clone()),
            Ok((None, _)) | Err(_) => key.map(str::to_owned),
        };
        let is_done = state.remember(before) || placed != state.restrictions.len();
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
        let checked = state.check(operation);
        if checked.is_ok() && operation == Operation::Observe {
            state.intrude((self.now)());
        }
        let answer = checked.map(|()| at(&mut state));
        state.one_look_less();
        self.keep(&state, &name)?;
        answer
    }

    fn receipt(&self) -> Receipt {
        Receipt { request_id: Some(random(b"0123456789abcdef", 16)), at: (self.now)() }
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
        let at = (self.now)();
        let liveness = self.look(Operation::Probe, |state| {
            // Asking leaves a line, too.
            state.log(id_of(credential), &name_of(Operation::Probe), Meaning::Other, at);
            state.answer_to(credential)
        })?;
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

    async fn evidence(&self, observation: &Observation) -> Result<Evidence, Error> {
        let at = (self.now)();
        self.look(Operation::Evidence, |state| evidence(state, observation, at))
    }

    async fn standing(&self, restriction: &Restriction) -> Result<Standing, Error> {
        self.look(Operation::Observe, |state| {
            let of_owner = state.restrictions.iter().filter(|r| r.owner == restriction.owner);
            let before: Vec<_> = of_owner.filter(|placed| *placed != restriction).collect();
            let before = json!({"others": before.len()});
            Standing { holds: state.restrictions.contains(restriction), before }
        })
    }

    async fn restrict(&self, restriction: &Restriction) -> Result<Receipt, Error> {
        self.mutate(Operation::Restrict, Some(&restriction.owner), |state| {
            if !state.restrictions.contains(restriction) {
                state.restrictions.push(restriction.clone());
            }
            Ok((None, self.receipt()))
        })
    }

    async fn lift(&self, restriction: &Restriction, _: &Value) -> Result<Receipt, Error> {
        self.mutate(Operation::Lift, Some(&restriction.owner), |state| {
            state.restrictions.retain(|placed| placed != restriction);
            Ok((None, self.receipt()))
        })
    }

    async fn activity(&self, search: &Search, from: Option<&str>) -> Result<Page, Error> {
        self.look(Operation::Review, |state| page(state, search, from))
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

fn evidence(state: &State, observation: &Observation, at: Timestamp) -> Evidence {
    let owner = &observation.key.owner;
    let administers = state.administers.get(owner).copied().unwrap_or_default();
    let power = Power {
        what: "make itself an administrator".to_owned(),
        actions: vec!["simulated:Everything".to_owned()],
        allowed: administers,
        through: None,
    };
    let sentence = match administers {
        Known::Yes => format!("{owner} may do anything in the simulated account"),
        Known::No => format!("{owner} may use the simulated service and nothing else"),
        Known::Unknown => format!("nobody said what {owner} may do"),
    };
    let gaps = match administers {
        Known::Unknown => vec![format!("the rights of {owner} are not known")],
        Known::Yes | Known::No => Vec::new(),
    };
    Evidence {
        documents: [(name_of(Operation::Evidence), json!({"owner": owner}))].into(),
        powers: vec![power],
        sentence,
        administers,
        quarantined_by: None,
        gaps,
        at,
    }
}

fn page(state: &State, search: &Search, from: Option<&str>) -> Page {
    let is_of = |id: &str| match &search.by {
        SearchBy::Key(key) => key == id,
        SearchBy::Owner(owner) => state.keys.iter().any(|key| key.owner == *owner && key.id == id),
    };
    let skipped = from.and_then(|from| from.parse().ok()).unwrap_or(0);
    let found = state.log.iter().filter(|line| search.since <= line.at && line.at < search.until);
    let mut found = found.filter(|line| {
        let keys = state.keys.iter().map(|key| key.id.as_str());
        let of = keys.chain(match &search.by {
            SearchBy::Key(key) => Some(key.as_str()),
            SearchBy::Owner(_) => None,
        });
        of.into_iter().any(|id| of_key(line, id) && is_of(id))
    });
    let uses: Vec<_> = found.by_ref().skip(skipped).take(PAGE).cloned().collect();
    let next = found.next().map(|_| (skipped + uses.len()).to_string());
    Page { uses, next, gaps: Vec::new() }
}
