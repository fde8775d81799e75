//! What a step can do, and who must agree to it.

use serde::{Deserialize, Serialize};

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Reads what the key may do and what surrounds it.
    Evidence,
    /// Finds out whether the delivery of a replacement would work.
    CheckDelivery,
    /// Stops the leaked key.
    Disable,
    /// Restricts the owner of the leaked key.
    Narrow,
    /// Ends the sessions that were begun with the key.
    EndSessions,
    /// Looks until two looks in a row are equal, and does again what somebody undid.
    Recheck,
    /// Asks with the leaked key until the provider itself has refused it often enough.
    ProveDead,
    /// Deletes an inactive key of the same owner to make room.
    DeleteInactive,
    /// Makes a second key.
    Rotate,
    /// Hands the second key to its consumers.
    Deliver,
    /// Waits until nobody uses the leaked key any more, or the time is up.
    Wait,
    /// Deletes the leaked key for good.
    Delete,
}

impl Action {
    /// All of them, in the order in which they stand here.
    pub const ALL: [Self; 12] = [
        Self::Evidence,
        Self::CheckDelivery,
        Self::Disable,
        Self::Narrow,
        Self::EndSessions,
        Self::Recheck,
        Self::ProveDead,
        Self::DeleteInactive,
        Self::Rotate,
        Self::Deliver,
        Self::Wait,
        Self::Delete,
    ];

    /// Returns its name, which is the id of the step that does it. A plan has each once, but for
    /// [`Action::EndSessions`], of which there is one for each identity.
    pub fn id(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::CheckDelivery => "check-delivery",
            Self::Disable => "disable",
            Self::Narrow => "narrow",
            Self::EndSessions => "end-sessions",
            Self::Recheck => "recheck",
            Self::ProveDead => "prove-dead",
            Self::DeleteInactive => "delete-inactive",
            Self::Rotate => "rotate",
            Self::Deliver => "deliver",
            Self::Wait => "wait",
            Self::Delete => "delete",
        }
    }

    /// Tells whether something is different at the provider afterwards. (A re-check only does again what
    /// another step did.)
    pub fn is_mutation(self) -> bool {
        matches!(
            self,
            Self::Disable
                | Self::Narrow
                | Self::EndSessions
                | Self::DeleteInactive
                | Self::Rotate
                | Self::Delete
        )
    }

    /// Tells whether it only reads what is of use later: a key is contained whether or not it succeeds.
    pub(super) fn is_aside(self) -> bool {
        matches!(self, Self::Evidence | Self::CheckDelivery)
    }

    /// Tells whether it may be begun before the evidence is complete: it changes nothing, or nothing but
    /// the leaked key, whose state is kept beforehand.
    pub(super) fn goes_without_evidence(self) -> bool {
        matches!(self, Self::Disable | Self::Recheck | Self::ProveDead)
    }
}

/// Who must agree before a step is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Approval {
    /// Reversible and scoped to one key: a policy may allow it.
    A,
    /// Reversible but shared with others: one approver.
    B,
    /// Irreversible: two people, or the target typed out.
    C,
    /// Never automated.
    D,
}
