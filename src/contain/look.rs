//! Looking: asking the provider what is so, as often and as long as patience lasts.
//!
//! Providers show a change late, so one look that doesn't show it proves nothing; and a look changes
//! nothing, so it may be repeated after any failure that isn't a plain no.

use std::future::Future;
use std::time::Duration;

use super::engine::Engine;
use crate::provider::{Error, Key, KeyState};

/// How long the engine waits for a provider to answer, and to show what it was asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How often it looks for one thing, at most.
    pub looks: u32,
    /// How often a call is made that may be repeated, at most.
    pub attempts: u32,
    /// The wait after the first look; it doubles with each further one.
    pub wait: Duration,
    /// The longest wait between two looks.
    pub longest_wait: Duration,
    /// The wait between two looks whether consumers still use a key.
    pub poll: Duration,
    /// After how long a call counts as not answered.
    pub call: Duration,
    /// How long the stopping of a key waits for the place that is to take its replacement to say whether it
    /// would.
    pub trial: Duration,
}

impl Default for Patience {
    /// Returns a little over a minute of looking: IAM shows most changes within seconds, few later.
    fn default() -> Self {
        Self {
            looks: 12,
            attempts: 5,
            wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(10),
            poll: Duration::from_secs(30),
            call: Duration::from_secs(30),
            trial: Duration::from_secs(5),
        }
    }
}

impl Patience {
    /// Returns the same counts with no wait between two looks, for drills and tests.
    pub fn without_waiting() -> Self {
        let none = Duration::ZERO;
        Self { wait: none, longest_wait: none, poll: none, ..Self::default() }
    }

    /// Waits as long as is due between two looks at the use of a key.
    pub(super) async fn poll(&self) {
        if !self.poll.is_zero() {
            tokio::time::sleep(self.poll).await;
        }
    }

    /// Waits as long as is due after the `nth` look, counted from 0.
    pub(super) async fn pause(&self, nth: u32) {
        let wait = self.wait.saturating_mul(1 << nth.min(16)).min(self.longest_wait);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Makes a call; one that takes too long was sent and not answered.
    pub(super) async fn call<T>(
        &self,
        name: &str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let too_long = |_| Error::Unanswered {
            call: name.to_owned(),
            why: format!("no answer within {} s", self.call.as_secs_f32()),
        };
        tokio::time::timeout(self.call, call).await.unwrap_or_else(|e| Err(too_long(e)))
    }
}

/// Whether asking again may help, and whether something may have been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nothing was done; the same call may work later.
    NotYet,
    /// It may have been done.
    MaybeDone,
    /// The responder may not.
    MayNot,
    /// The provider said no.
    No,
}

pub(super) fn trouble(error: &Error) -> Trouble {
    match error {
        Error::Throttled { .. } | Error::Unreachable { .. } => Trouble::NotYet,
        // What isn't there may have been removed by the very call whose answer says so.
        Error::Unanswered { .. } | Error::NotFound { .. } => Trouble::MaybeDone,
        Error::Denied { .. }
        | Error::Foreign { .. }
        | Error::Bait { .. }
        | Error::NoResponder { .. }
        | Error::ResponderIsLeaked { .. } => Trouble::MayNot,
        Error::Quota { .. } | Error::Unsupported { .. } | Error::Refused { .. } => Trouble::No,
    }
}

/// What looking showed.
#[derive(Debug)]
pub(super) enum Seen<T> {
    /// It holds, and this shows it.
    Holds(T),
    /// It doesn't, and this was the last that was seen.
    Not(T),
    /// Nothing could be seen.
    Nothing(Error),
}

impl Engine<'_> {
    /// Lists the owner's keys until `holds`, at most `looks` times.
    pub(super) async fn look_until(
        &self,
        owner: &str,
        looks: u32,
        holds: impl Fn(&[Key]) -> bool,
    ) -> Seen<Vec<Key>> {
        let mut last = Seen::Nothing(Error::Unreachable {
            call: "looking".to_owned(),
            why: "no look was made".to_owned(),
        });
        for nth in 0..looks {
            match self.patience.call("listing keys", self.provider.keys(owner)).await {
                // Who isn't there has no keys.
                Err(Error::NotFound { .. }) if holds(&[]) => return Seen::Holds(Vec::new()),
                Err(Error::NotFound { .. }) => last = Seen::Not(Vec::new()),
                Ok(keys) if holds(&keys) => return Seen::Holds(keys),
                Ok(keys) => last = Seen::Not(keys),
                Err(error) if matches!(trouble(&error), Trouble::MayNot | Trouble::No) => {
                    return Seen::Nothing(error);
                }
                // An earlier look that showed something says more than a later one that failed.
                Err(_) if matches!(last, Seen::Not(_)) => {}
                Err(error) => last = Seen::Nothing(error),
            }
            if nth + 1 < looks {
                self.patience.pause(nth).await;
            }
        }
        last
    }
}

/// Returns the state of a key in a listing; one that isn't listed isn't there.
pub(super) fn state_of(keys: &[Key], id: &str) -> KeyState {
    let listed = keys.iter().find(|key| key.id == id);
    listed.map_or(KeyState::Absent, |key| key.state)
}
