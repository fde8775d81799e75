//! How long something stood in a history: what brought it, what held it last, what took it away.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::Moment;

/// Stays by the id of the object: a blob, or the commit or tag of a message. One that several repositories
/// hold has one in each.
pub type Stays = BTreeMap<String, Vec<Stay>>;

/// How long an object stood in the history of one repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// Tells the repositories of one scan apart: empty, or the path of a submodule.
    pub repository: String,
    /// The first commit that holds it; none where no commit does.
    pub first: Option<Event>,
    /// The last one.
    pub last: Option<Event>,
    /// The commit after the last one, where no branch shows it any more.
    pub removed: Option<Event>,
    /// Whether a branch or tag reaches a commit that holds it.
    pub is_reached: bool,
    /// Where none does: the first other reference, in order of name, that does; a log is none.
    pub reached_by: Option<String>,
    /// Whether it is in the tree of `HEAD`; of a message, whether it is in its log.
    pub is_in_head: bool,
}

/// A commit or tag, and when in its history it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Grows from parents to children.
    pub order: u32,
    /// What it says of itself.
    pub record: Arc<Record>,
}

/// What a commit says of itself. Anyone can forge it who can commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The id of the commit or tag.
    pub id: String,
    /// Who wrote it: `Name <mail>`.
    pub author: Option<String>,
    /// When it was written.
    pub authored: Option<Moment>,
    /// Who committed it.
    pub committer: Option<String>,
    /// When it was committed.
    pub committed: Option<Moment>,
    /// Its message.
    pub message: Text,
}

/// A text that may hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Text(pub Vec<u8>);

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}
