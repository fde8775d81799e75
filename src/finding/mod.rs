//! Findings: credentials that survived the sieve, with every place they stand.
//!
//! One [`Finding`] is one credential; it holds the secret in memory (for a containment in the same
//! process) but can't be serialised: `report` writes only what is redacted.

mod disguise;
mod mark;
mod plain;
mod provenance;

pub use disguise::Disguise;
pub use mark::Mark;
pub use plain::{plain, plain_character};
pub use provenance::{Change, Provenance};

use std::fmt;

use crate::pattern::{Confidence, Pattern, Severity};
use crate::secret::{Credential, Fingerprint};
use crate::source::{Kind, Place};
use std::sync::Arc;

/// One credential, wherever it stands.
#[derive(Clone)]
pub struct Finding {
    /// The pattern that found it.
    pub pattern: Arc<Pattern>,
    /// The credential itself.
    pub credential: Credential,
    /// Names the finding: pattern and secret, nothing else.
    pub fingerprint: Fingerprint,
    /// The secret as it may be shown.
    pub redacted: String,
    /// What its holder could do, before a provider is asked.
    pub severity: Severity,
    /// How sure it is that this is a credential.
    pub confidence: Confidence,
    /// What was proved offline, in words: "checksum holds", "AWS account 123456789012".
    pub proofs: Vec<String>,
    /// Every place, sorted, the first one first: oldest commit before worktree.
    pub locations: Vec<Location>,
    /// How it came into the history of a repository and how long it stood there, if it did.
    pub provenance: Option<Provenance>,
}

impl Finding {
    /// Tells whether it stands in no present file: only in commits, or in their messages.
    pub fn is_history_only(&self) -> bool {
        let is_present = |kind| matches!(kind, Kind::File | Kind::Staged | Kind::Stdin);
        !self.locations.iter().any(|location| is_present(location.place.kind))
    }
}

impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finding")
            .field("pattern", &self.pattern.id)
            .field("fingerprint", &self.fingerprint)
            .field("redacted", &self.redacted)
            .field("locations", &self.locations)
            .finish_non_exhaustive()
    }
}

/// Where in a blob a secret stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The blob's place.
    pub place: Place,
    /// The path within the blob, where it is an archive: `inner/file`, `inner.zip!file`.
    pub within: Option<String>,
    /// Where in its bytes: those of the file within the archive, if it is one. A disguise counts whole.
    pub span: Span,
    /// How it is disguised there, the outermost form first.
    pub disguises: Vec<Disguise>,
    /// The line of the secret with everything secret masked and control characters shown as `?`.
    pub excerpt: String,
    /// The mark on that line by which its author says that it is known.
    pub mark: Option<Mark>,
}

impl Location {
    /// Returns the path, with what stands within an archive behind a `!`: `dist/app.jar!app.properties`.
    pub fn path(&self) -> Option<String> {
        match (&self.place.path, &self.within) {
            (Some(path), Some(within)) => Some(format!("{path}!{within}")),
            (None, Some(within)) => Some(format!("!{within}")),
            (path, None) => path.clone(),
        }
    }
}

/// A stretch of a blob, in bytes and as people count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
    /// Line of the first byte, from 1.
    pub line: usize,
    /// Column of the first byte, in characters, from 1 (bytes that aren't UTF-8 count one each).
    pub column: usize,
    /// Line of the last byte.
    pub end_line: usize,
    /// Column after the last byte.
    pub end_column: usize,
}
