//! Changes that may be made twice, and how each is brought about: act, then look until it shows.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::engine::Engine;
use super::look::{Seen, Trouble, state_of, trouble};
use crate::incident::Outcome;
use crate::provider::{Error, Key, KeyState, Operation, Receipt};

/// How a step ended, before it is written down.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    pub(super) outcome: Outcome,
    pub(super) detail: String,
    pub(super) effective_at: Option<Timestamp>,
    pub(super) seen: Value,
}

impl Ending {
    pub(super) fn new(outcome: Outcome, detail: impl Into<String>) -> Self {
        Self { outcome, detail: detail.into(), effective_at: None, seen: Value::Null }
    }

    pub(super) fn seeing(mut self, seen: Value) -> Self {
        self.seen = seen;
        self
    }

    pub(super) fn effective(mut self, at: Timestamp) -> Self {
        self.effective_at = Some(at);
        self
    }

    /// Returns the ending of a step whose call got a plain no.
    pub(super) fn no(error: &Error) -> Self {
        let outcome = match trouble(error) {
            Trouble::MayNot => Outcome::Refused,
            _ => Outcome::Failed,
        };
        Self::new(outcome, error.to_string())
    }
}

/// A change that may be made twice: the second time nothing is different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Disable,
    Enable,
    Delete,
}

impl Change {
    fn holds(self, state: KeyState) -> bool {
        match self {
            // A key that isn't there is as harmless as one that doesn't work.
            Self::Disable => state != KeyState::Active,
            Self::Enable => state == KeyState::Active,
            Self::Delete => state == KeyState::Absent,
        }
    }

    pub(super) fn operation(self) -> Operation {
        match self {
            Self::Disable => Operation::Disable,
            Self::Enable => Operation::Enable,
            Self::Delete => Operation::Delete,
        }
    }
}

impl Engine<'_> {
    /// Makes a repeatable change and looks until it shows; with `look_first`, looks whether it is made
    /// already, as after an interruption.
    pub(super) async fn bring_about(&self, change: Change, key: &Key, look_first: bool) -> Ending {
        if look_first {
            // One look is enough: where it shows the change late, making it again does no harm.
            if let Seen::Holds(state) = self.look_for(change, key, 1).await {
                return self.found_done(key, state);
            }
        }
        let attempts = self.patience.attempts.max(1);
        let mut last = String::new();
        for nth in 0..attempts {
            match self.patience.call("a change", self.make(change, key)).await {
                Ok(receipt) => return self.taken(change, key, &receipt).await,
                Err(error) => match trouble(&error) {
                    Trouble::MayNot | Trouble::No => return Ending::no(&error),
                    Trouble::NotYet => {
                        last = error.to_string();
                        self.patience.pause(nth).await;
                    }
                    Trouble::MaybeDone => {
                        last = error.to_string();
                        let is_last = nth + 1 == attempts;
                        let looks = if is_last { self.patience.looks } else { 1 };
                        match self.look_for(change, key, looks).await {
                            Seen::Holds(state) => return self.found_done(key, state),
                            Seen::Not(_) => self.patience.pause(nth).await,
                            Seen::Nothing(blind) => return unknown(&error, &blind),
                        }
                    }
                },
            }
        }
        Ending::new(Outcome::Failed, format!("not done after every attempt: {last}"))
    }

    async fn make(&self, change: Change, key: &Key) -> Result<Receipt, Error> {
        match change {
            Change::Disable => self.provider.disable(key).await,
            Change::Enable => self.provider.enable(key).await,
            Change::Delete => self.provider.delete(key).await,
        }
    }

    pub(super) async fn look_for(&self, change: Change, key: &Key, looks: u32) -> Seen<KeyState> {
        let state = |keys: &[Key]| state_of(keys, &key.id);
        let holds = |keys: &[Key]| change.holds(state(keys));
        match self.look_until(&key.owner, looks, holds).await {
            Seen::Holds(keys) => Seen::Holds(state(&keys)),
            Seen::Not(keys) => Seen::Not(state(&keys)),
            Seen::Nothing(error) => Seen::Nothing(error),
        }
    }

    /// Returns the ending of a change the provider said yes to: what is seen decides, not the answer.
    async fn taken(&self, change: Change, key: &Key, receipt: &Receipt) -> Ending {
        let seen = |state: Option<KeyState>| json!({"state": state, "receipt": receipt});
        match self.look_for(change, key, self.patience.looks).await {
            Seen::Holds(state) => {
                Ending::new(Outcome::Succeeded, format!("key {} is {state}", key.id))
                    .effective(receipt.at)
                    .seeing(seen(Some(state)))
            }
            Seen::Not(state) => Ending::new(
                Outcome::Failed,
                format!(
                    "the provider said yes and did nothing that can be seen: key {} is still {state}",
                    key.id
                ),
            )
            .seeing(seen(Some(state))),
            Seen::Nothing(blind) => Ending::new(
                Outcome::Unknown,
                format!("the provider said yes, but what it did can't be seen: {blind}"),
            )
            .seeing(seen(None)),
        }
    }

    /// Returns the ending of a change that a look found made. Its time is not known, only that it was
    /// made by now.
    fn found_done(&self, key: &Key, state: KeyState) -> Ending {
        Ending::new(Outcome::Succeeded, format!("settled by looking: key {} is {state}", key.id))
            .effective(self.clock.now())
            .seeing(json!({"state": state}))
    }
}

fn unknown(error: &Error, blind: &Error) -> Ending {
    Ending::new(Outcome::Unknown, format!("{error}; and looking can't tell: {blind}"))
}
