//! Every error of the library becomes a message and, where there is one, a hint that says what to do.

use std::error::Error;
use std::io::{self, Write};

use anstyle::AnsiColor;

use super::ExitCode;
use crate::{pattern, policy, secret, source};

/// Something that could not be done.
#[derive(Debug)]
pub(super) struct Failure {
    code: ExitCode,
    /// Nothing where there is nobody left to tell.
    message: Option<String>,
    hint: Option<String>,
}

impl Failure {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { code: ExitCode::Failed, message: Some(message.into()), hint: None }
    }

    /// Whoever read the output has closed it, as `head` does after its lines.
    fn unread() -> Self {
        Self { code: ExitCode::Failed, message: None, hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds to the hint what to do after what it says.
    #[cfg(feature = "contain")]
    pub(super) fn further_hint(mut self, hint: &str) -> Self {
        self.hint = Some(match self.hint {
            Some(first) => format!("{first}; {hint}"),
            None => hint.to_owned(),
        });
        self
    }

    /// Says which of several things it is about.
    #[cfg(feature = "contain")]
    pub(super) fn about(mut self, what: &str) -> Self {
        self.message = self.message.map(|message| format!("{what}: {message}"));
        self
    }

    /// Marks it as something that is left unsettled.
    #[cfg(feature = "contain")]
    pub(super) fn unsettled(mut self) -> Self {
        self.code = ExitCode::Unsettled;
        self
    }

    /// Says on standard error what is done without it.
    #[cfg(feature = "contain")]
    pub(super) fn warn(&self, consequence: &str) {
        let yellow = AnsiColor::Yellow.on_default().bold();
        let message = self.message.as_deref().unwrap_or_default();
        let _ = writeln!(anstream::stderr(), "{yellow}warning{yellow:#}: {consequence}: {message}");
    }

    /// Writes it for a person and returns how the program ends.
    pub(super) fn report(&self, out: &mut dyn Write) -> ExitCode {
        let red = AnsiColor::Red.on_default().bold();
        let cyan = AnsiColor::Cyan.on_default().bold();
        // Where even the error output is gone there is nobody left to tell.
        if let Some(message) = &self.message {
            let _ = writeln!(out, "{red}error{red:#}: {message}");
        }
        if let Some(hint) = &self.hint {
            let _ = writeln!(out, "{cyan}hint{cyan:#}: {hint}");
        }
        self.code
    }
}

/// Returns an error with everything that caused it.
pub(super) fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

impl From<pattern::Error> for Failure {
    fn from(error: pattern::Error) -> Self {
        let hint = match &error {
            pattern::Error::Read { .. } => "--patterns takes a readable folder of provider files",
            pattern::Error::Invalid { .. } => {
                "patterns/README.md describes the format of provider files"
            }
        };
        Self::new(chain(&error)).hint(hint)
    }
}

impl From<policy::AllowlistError> for Failure {
    fn from(error: policy::AllowlistError) -> Self {
        Self::new(error.to_string()).hint(
            "an [[allow]] has a reason and any of fingerprint, path, pattern, value; and may have owner, expires",
        )
    }
}

impl From<policy::BaselineError> for Failure {
    fn from(error: policy::BaselineError) -> Self {
        Self::new(error.to_string())
            .hint("`stanch baseline update` writes baselines; remove the file to begin anew")
    }
}

impl From<secret::ParsePrefixError> for Failure {
    fn from(error: secret::ParsePrefixError) -> Self {
        Self::new(error.to_string()).hint(
            "`stanch scan` prints it behind the pattern's id; never put a secret on a command line",
        )
    }
}

impl From<source::Error> for Failure {
    fn from(error: source::Error) -> Self {
        let failure = Self::new(chain(&error));
        match error.remedy() {
            Some(remedy) => failure.hint(remedy),
            None => failure,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::unread(),
            _ => Self::new(format!("cannot write the output: {error}")),
        }
    }
}

#[cfg(feature = "contain")]
mod network_half {
    use super::{Failure, chain};
    use crate::{contain, incident, provider};

    impl From<provider::Error> for Failure {
        fn from(error: provider::Error) -> Self {
            use provider::Error as E;
            let hint = match &error {
                E::NoResponder { .. } => {
                    "log in as whoever may contain keys, such as with `aws sso login`, or name a profile; never use the leaked key"
                }
                E::ResponderIsLeaked { .. } => {
                    "act as another identity: name a profile, or unset the leaked key's variables"
                }
                E::Foreign { .. } => {
                    "act as a responder of the key's own account, or tell its owner; nothing was called"
                }
                E::Bait { .. } => {
                    "leave it where it is: its owner wants to know who takes it; nothing was called"
                }
                E::Denied { .. } => {
                    "give the responder that permission, or have someone do it who has it"
                }
                E::NotFound { .. } => {
                    "it may have been removed already; look at the provider's console"
                }
                E::Quota { .. } => "delete a key that nobody uses, or plan with --replace-inactive",
                E::Throttled { .. } => "nothing was done; try again in a minute",
                // An engine that has begun keeps an unanswered change as that step's outcome: what comes
                // here was only asked.
                E::Unanswered { .. } => {
                    "it was only asked, so nothing was changed; try again, or check the network and the endpoint"
                }
                E::Unreachable { .. } => "nothing was done; check the network and the endpoint",
                E::Unsupported { .. } => "do it in the provider's console",
                E::Refused { .. } => "the provider's message says why",
            };
            Self::new(chain(&error)).hint(hint)
        }
    }

    impl From<incident::Error> for Failure {
        fn from(error: incident::Error) -> Self {
            use incident::Error as E;
            let hint = match &error {
                E::Conflict { .. } => {
                    "someone else is at work on it: `stanch incident show` tells who"
                }
                E::NoSuchIncident(_) | E::Ambiguous { .. } => {
                    "`stanch incident list` shows all ids"
                }
                E::Broken { .. } | E::NotOpened(_) => {
                    "compare with an export or a backup; nothing may be built on this record"
                }
                E::Unrecordable(_) => "this is a fault of the program; nothing was recorded",
                E::Store { .. } => {
                    "nothing was lost: check the file, its permissions and the space on its disk, or name another with --store"
                }
            };
            Self::new(chain(&error)).hint(hint)
        }
    }

    impl From<contain::Error> for Failure {
        fn from(error: contain::Error) -> Self {
            use contain::Error as E;
            let is_unsettled = matches!(error, E::Unfinished { .. });
            let hint = match error {
                E::Provider(error) => return error.into(),
                E::Journal(error) => return error.into(),
                E::SomeoneElse(_) => {
                    "`stanch incident show` tells who; when they are done, `--resume` goes on"
                }
                E::Held { .. } => {
                    "`stanch incident show` tells how far they are; a lease runs out by itself when its holder is gone"
                }
                E::Forbidden(_) => {
                    "nothing was done; `stanch contain --unhalt` lets go of a halt, a policy is the operator's to change"
                }
                E::Undeliverable(_) => {
                    "mend the delivery and apply again, or stop the key at once with --mode disable-first"
                }
                E::NoSecret => {
                    "scan where the whole credential stands; a key id alone never stops a key"
                }
                E::Changed(_) => "nothing was done; look at the plan again without --apply",
                E::Unfinished { .. } => "go on with --resume",
                E::Nothing(_) => "show a plan and apply it first",
                E::WouldRevive { .. } => {
                    "a leaked key must stay dead; if it really must live, add --revive"
                }
                E::NoSuchStep { .. } => {
                    "name one of the plan's steps, or leave the step out for all"
                }
                E::NeverAutomated(_) => "do that step by hand, then plan again",
                E::Damaged(_) => "`stanch incident verify` says where; nothing was done",
            };
            let failure = Self::new(chain(&error)).hint(hint);
            if is_unsettled { failure.unsettled() } else { failure }
        }
    }
}
