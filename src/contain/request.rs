//! What a person asks for, and the grounds a plan is decided on: both are data, and kept with the plan.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::baseline::Baseline;
use super::mode::Mode;
use crate::incident::{Level, Visibility};
use crate::provider::{Call, Evidence, KeyState, Known, Measure, Observation};

/// A key that was not used for so long has no consumer to wait for.
const UNUSED_AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What a person asks for beyond stopping the key, and what it is decided on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Request {
    /// Where a replacement goes, in words ([`super::Delivery::describe`]); `None`: no replacement.
    pub delivery: Option<String>,
    /// The calls of that delivery.
    #[serde(skip_serializing_if = "DeliveryCalls::is_none")]
    pub delivery_calls: DeliveryCalls,
    /// An inactive key of the same owner may be deleted where it takes up the place of the replacement.
    pub replace_inactive: bool,
    /// Who uses the key, by name.
    pub consumers: Vec<String>,
    /// The mode a person chose, against or with the rule.
    pub mode: Option<ModeAsked>,
    /// A restriction of the key's owner.
    pub narrow: Option<Measure>,
    /// Where the networks of that restriction are from the provider's log: what it shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// The networks its consumers call from: others are kept out while consumers move to a replacement.
    pub networks: Vec<String>,
    /// Whether to end the owner's sessions; `None` leaves it to the rule.
    pub end_sessions: Option<bool>,
    /// Further identities (roles) whose sessions the key began, each by its full name.
    pub roles: Vec<String>,
    /// What counts as a proof.
    pub proof: Proof,
    /// The stopped key is to be deleted, and nothing else done.
    pub deletion: Option<Deletion>,
    /// What the rules are given.
    pub grounds: Grounds,
}

/// The calls of a delivery, each with the permission it needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryCalls {
    /// Those that find out whether it would be taken.
    pub check: Vec<Call>,
    /// Those that hand it over.
    pub deliver: Vec<Call>,
}

impl DeliveryCalls {
    fn is_none(&self) -> bool {
        self.check.is_empty() && self.deliver.is_empty()
    }
}

/// The wish to delete a stopped key for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deletion {
    /// When it was stopped, by the record.
    pub stopped_at: Option<Timestamp>,
    /// How many days it has to stay stopped before.
    pub cool_off_days: u32,
    /// Now.
    pub now: Timestamp,
}

impl Deletion {
    /// Returns why it is too early, where it is.
    pub(super) fn too_early(&self) -> Option<String> {
        let Some(stopped_at) = self.stopped_at else {
            return Some("the record doesn't tell since when it is stopped".to_owned());
        };
        let cool_off = SignedDuration::from_hours(24 * i64::from(self.cool_off_days));
        let due = stopped_at.checked_add(cool_off).unwrap_or(Timestamp::MAX);
        (self.now < due).then(|| format!("it has to stay stopped until {due:.0}"))
    }
}

/// A mode a person chose, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModeAsked {
    /// The mode.
    pub mode: Mode,
    /// Why, for the record.
    pub reason: String,
}

/// What counts as a proof that a key is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// How often in a row the provider has to refuse it.
    pub refusals: u32,
    /// How many seconds have to lie between the first and the last refusal, by the provider's clock.
    pub window_seconds: u32,
}

impl Default for Proof {
    /// Returns three refusals over five seconds: stopped keys were seen to work for three to four
    /// seconds more.
    fn default() -> Self {
        Self { refusals: 3, window_seconds: 5 }
    }
}

/// What the rules are given. It is decided once, when the plan is shown, so that the plan that is carried
/// out is that one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Grounds {
    /// Who can read the place of the leak.
    pub visibility: Visibility,
    /// How bad it is.
    pub level: Level,
    /// Whether the key may do anything.
    pub administers: Known,
    /// Whether somebody used it who should not have.
    pub misused: Known,
    /// Whether it was not used for so long that nobody waits for it.
    pub unused: Known,
}

impl Default for Grounds {
    /// Returns the grounds where nothing is known, which count as the worst.
    fn default() -> Self {
        Self {
            visibility: Visibility::Unknown,
            level: Level::Sev1,
            administers: Known::Unknown,
            misused: Known::Unknown,
            unused: Known::Unknown,
        }
    }
}

impl Grounds {
    /// Returns the grounds for a key as it was observed.
    pub fn of(
        observation: &Observation,
        evidence: Option<&Evidence>,
        visibility: Visibility,
        level: Level,
        now: Timestamp,
    ) -> Self {
        let unused = match &observation.last_use {
            _ if observation.key.state == KeyState::Absent => Known::Unknown,
            Some(last) if now.duration_since(last.at) < UNUSED_AFTER => Known::No,
            Some(_) | None => Known::Yes,
        };
        Self {
            visibility,
            level,
            administers: evidence.map_or(Known::Unknown, |evidence| evidence.administers),
            misused: Known::Unknown,
            unused,
        }
    }
}
