//! The exit codes. The README's table is compared with these.

/// How the program ends. What stands later is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExitCode {
    /// Nothing was found, the key is contained, or what was asked was shown.
    Clean,
    /// At least one credential was found; or, by a hunt, what a person has to deal with.
    Found,
    /// What was asked could not be done; a message says why and what to do.
    Failed,
    /// Something is unsettled: an unknown outcome at a provider, an incomplete scan.
    Unsettled,
}

impl ExitCode {
    /// All of them, for the table in the README.
    pub const ALL: [Self; 4] = [Self::Clean, Self::Found, Self::Failed, Self::Unsettled];

    /// Returns the number the process ends with.
    pub fn number(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Found => 1,
            Self::Failed => 2,
            Self::Unsettled => 3,
        }
    }

    /// Returns what it means, as the README says it.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Clean => "nothing found; contained; or what was asked was shown",
            Self::Found => "at least one credential was found, or what a person has to deal with",
            Self::Failed => "could not do what was asked; the message says why and what to do",
            Self::Unsettled => "something is unsettled: an unknown outcome, an incomplete scan",
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        code.number().into()
    }
}
