//! Where a credential in a history came from, and what became of it.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::source::Moment;

/// The life of a credential in the history of a repository. Every date and name in it is what a commit
/// says of itself, and anyone can forge it who can commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// The first commit that holds it; none where no commit does.
    pub first: Option<Change>,
    /// The last one.
    pub last: Option<Change>,
    /// The commit that took it away; none as long as a branch shows it, or no commit comes after the
    /// last one.
    pub removed: Option<Change>,
    /// Every path it had in the history, the oldest first.
    pub paths: Vec<String>,
    /// Whether a branch or tag still reaches a commit that holds it.
    pub is_reachable: bool,
    /// Where none does: the first other reference, in order of name, that does, such as a note or a pull request.
    pub reached_by: Option<String>,
    /// Whether `HEAD` still shows it: in its files, or in its log for a message.
    pub is_in_head: bool,
}

/// A commit, or an annotated tag, as far as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its id.
    pub commit: String,
    /// Who wrote it: `Name <mail>`.
    pub author: Option<String>,
    /// When it was written.
    pub authored: Option<Moment>,
    /// Who committed it.
    pub committer: Option<String>,
    /// When it was committed.
    pub committed: Option<Moment>,
    /// The first line of its message, with everything masked that may be a secret.
    pub subject: String,
}

impl Provenance {
    /// Returns when it began to be exposed.
    pub fn since(&self) -> Option<Moment> {
        self.first.as_ref()?.committed
    }

    /// Returns when it was taken away; none where it still stands.
    pub fn until(&self) -> Option<Moment> {
        self.removed.as_ref()?.committed
    }

    /// Returns how long it was exposed: until it was taken away, else until `now`. None where the dates
    /// make no sense.
    pub fn exposure(&self, now: Timestamp) -> Option<SignedDuration> {
        let end = match &self.removed {
            Some(removed) => removed.committed?.timestamp(),
            None => now,
        };
        let length = end.duration_since(self.since()?.timestamp());
        (!length.is_negative()).then_some(length)
    }
}
