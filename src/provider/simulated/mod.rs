//! A provider that is simulated, for drills and tests: two keys an owner, sessions that outlive a key,
//! restrictions on an owner, a log; and the faults of real ones.
//!
//! Its state lives in memory, or in a file that outlives a killed process. Either way it keeps digests
//! of secrets, never a secret: [`Simulated::issue`] returns the only copy. It has no clock of its own.

mod answers;
mod fault;
mod state;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::fault::Fault;

use self::answers::name_of;
use self::state::{State, id_of, random};
use super::{Error, Key, KeyState, Known, Meaning, Operation, Receipt, Restriction};
use crate::secret::{Credential, Secret};

/// The only account there is.
const ACCOUNT: &str = "simulated-account";
/// As many keys as an AWS user may have.
const KEYS_PER_OWNER: usize = 2;
/// So many lines of the log are a page.
const PAGE: usize = 2;

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

fn unanswered(call: String) -> Error {
    Error::Unanswered { call, why: "the connection was closed".to_owned() }
}

fn unreachable_file(call: &str, why: String) -> Error {
    Error::Unreachable { call: call.to_owned(), why }
}
