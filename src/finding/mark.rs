//! A mark beside a finding, by which whoever wrote the line says that it is known.

use std::fmt;

/// A mark that stands on the line of a secret: `stanch:allow`, or the one of another scanner.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// What the mark says, such as `stanch:allow`.
    pub name: &'static str,
    /// The words behind it, with everything that could be a secret masked.
    pub reason: Option<String>,
}

impl Mark {
    /// Our own mark. It counts only with a reason behind it.
    pub const OWN: &'static str = "stanch:allow";
    /// The marks of other scanners, which need no reason.
    pub const FOREIGN: [&'static str; 5] = [
        "gitleaks:allow",
        "betterleaks:allow",
        "trufflehog:ignore",
        "kingfisher:ignore",
        "pragma: allowlist secret",
    ];

    /// Tells whether it says enough to count: our own mark needs a reason.
    pub fn is_complete(&self) -> bool {
        self.name != Self::OWN || self.reason.is_some()
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
