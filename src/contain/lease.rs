//! The lease: one process works on an incident at a time, and the others see which.
//!
//! It stands in the incident's record, so it holds wherever the record is shared. It runs out by itself;
//! where its holder is seen to be dead before, it is taken over at once. It is a courtesy, not the
//! fence: two who write at once are told apart by the number of the event.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Error;
use super::record::Record;
use crate::incident::Event;

/// How long a lease holds. A live holder renews it at every step, long before.
const LEASE: SignedDuration = SignedDuration::from_mins(5);

/// How old the file of a holder is at least before it is removed: longer than any run takes.
const SWEPT_AFTER: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Who works: one process, by a name of its own.
pub trait Holder: Send + Sync {
    /// Returns the name, which no other process has.
    fn name(&self) -> &str;

    /// Tells whether another holder is surely dead. In doubt it isn't.
    fn is_gone(&self, other: &str) -> bool;
}

/// A holder that knows nothing of others: their leases run out by themselves.
#[derive(Clone, Debug)]
pub struct Alone(pub String);

impl Holder for Alone {
    fn name(&self) -> &str {
        &self.0
    }

    fn is_gone(&self, _: &str) -> bool {
        false
    }
}

/// A holder by a locked file: the system lets go of the lock when the process ends, however it ends.
#[derive(Debug)]
pub struct LockFile {
    name: String,
    folder: PathBuf,
    /// Held for its lock.
    _file: File,
}

impl LockFile {
    /// Begins to hold a lock in a folder, under the name of a person.
    ///
    /// # Errors
    /// Where the file can't be made or locked.
    pub fn hold(folder: &Path, who: &str) -> std::io::Result<Self> {
        fs::create_dir_all(folder)?;
        sweep(folder);
        let id = uuid::Uuid::now_v7();
        let path = path_in(folder, id);
        let file = File::create_new(&path)?;
        file.lock()?;
        Ok(Self { name: format!("{who} ({id})"), folder: folder.to_owned(), _file: file })
    }
}

/// Removes the files whose holders have ended, once no lease of theirs can still be in force: until then the
/// file shows that its holder is gone. What can't be removed is an empty file.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_lease = path.extension().is_some_and(|extension| extension == "lease");
        let Ok(file) = File::open(&path) else { continue };
        let age = file.metadata().and_then(|data| data.modified()).map(|made| made.elapsed());
        if is_lease && matches!(age, Ok(Ok(age)) if age > SWEPT_AFTER) && file.try_lock().is_ok() {
            let _ = fs::remove_file(&path);
        }
    }
}

fn path_in(folder: &Path, id: uuid::Uuid) -> PathBuf {
    folder.join(format!("{id}.lease"))
}

impl Holder for LockFile {
    fn name(&self) -> &str {
        &self.name
    }

    /// A holder of another machine has no file here, so its lease has to run out.
    fn is_gone(&self, other: &str) -> bool {
        let id = other.rsplit_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
        let Some(id) = id.and_then(|id| uuid::Uuid::parse_str(id).ok()) else {
            return false;
        };
        let Ok(file) = File::open(path_in(&self.folder, id)) else {
            return false;
        };
        // The file stays: whoever asks next has to be told the same.
        match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
        }
    }
}

/// A lease as the record tells it.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    pub(super) holder: String,
    until: Timestamp,
}

impl Lease {
    pub(super) fn of(holder: &str, until: Timestamp) -> Self {
        Self { holder: holder.to_owned(), until }
    }

    /// Returns the error for whoever else wants to write now, while its holder may be at work.
    pub(super) fn refuses(&self, holder: &dyn Holder, now: Timestamp) -> Option<Error> {
        let is_at_work =
            self.holder != holder.name() && self.until > now && !holder.is_gone(&self.holder);
        is_at_work.then(|| Error::Held { by: self.holder.clone(), until: self.until })
    }
}

impl Record<'_> {
    /// Refuses to go on where another process holds the lease.
    pub(super) fn check_lease(&self) -> Result<(), Error> {
        let engine = self.engine;
        let lease = self.history.lease.as_ref();
        match lease.and_then(|lease| lease.refuses(engine.holder, engine.clock.now())) {
            Some(held) => Err(held),
            None => Ok(()),
        }
    }

    /// Takes the lease, or takes it over. Of two who try at once, one gets it and the other sees whom.
    pub(super) fn claim(&mut self) -> Result<(), Error> {
        match self.take_lease() {
            Err(error @ Error::SomeoneElse(_)) => {
                Record::read(self.engine)?.check_lease()?;
                Err(error)
            }
            taken => taken,
        }
    }

    fn take_lease(&mut self) -> Result<(), Error> {
        let engine = self.engine;
        let now = engine.clock.now();
        let until = now.checked_add(LEASE).unwrap_or(Timestamp::MAX);
        self.append(&Event::LeaseTaken { holder: engine.holder.name().to_owned(), until })
    }

    /// Renews the lease once half of it is over.
    pub(super) fn renew(&mut self) -> Result<(), Error> {
        let now = self.engine.clock.now();
        match &self.history.lease {
            Some(lease) if lease.until.duration_since(now) > LEASE / 2 => Ok(()),
            _ => self.take_lease(),
        }
    }

    pub(super) fn release(&mut self) -> Result<(), Error> {
        self.append(&Event::LeaseReleased { holder: self.engine.holder.name().to_owned() })
    }
}
