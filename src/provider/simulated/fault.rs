//! The faults of real providers.

use serde::{Deserialize, Serialize};

use crate::provider::Operation;

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
