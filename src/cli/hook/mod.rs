//! `stanch hook`: stop a credential before it is committed, pushed or taken in.

mod advice;
mod guard;
mod install;
mod kept;
mod place;
mod script;
mod updates;

use std::io::Write;
use std::path::PathBuf;

use super::{ExitCode, Failure, Global};

/// Stop a credential before it is committed, pushed or taken in
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    Install(Install),
    /// Take the hooks out again, and put back what was there before
    Uninstall(Repository),
    /// Say which hooks are installed, and where git looks for them
    Status(Repository),
    PreCommit(guard::PreCommit),
    PrePush(guard::PrePush),
    PreReceive(guard::PreReceive),
}

/// Put hooks into a repository: pre-commit and pre-push, or pre-receive into a bare one
///
/// A hook that is there already is kept, under its own name in the folder `before-stanch` beside it, and
/// called first. `core.hooksPath` and husky are followed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  stanch hook install                  commits and pushes of this repository
  stanch hook install --pre-commit     only commits
  stanch hook install /srv/code.git    what is pushed to a bare repository
  stanch hook uninstall                as it was before

Where stanch is missing, a hook of its own stops git. The lines in husky's files, which are committed and
run on others' machines, say so and let the commit or the push pass.

Exit codes: 0 installed, 2 could not.")]
pub(super) struct Install {
    /// Before each commit: what is staged
    #[arg(long)]
    pre_commit: bool,
    /// Before each push: the commits that the remote lacks
    #[arg(long)]
    pre_push: bool,
    /// Before a push is taken in, on the server
    #[arg(long)]
    pre_receive: bool,
    #[command(flatten)]
    repository: Repository,
}

/// Which repository.
#[derive(Debug, clap::Args)]
pub(super) struct Repository {
    /// The repository
    #[arg(default_value = ".", value_name = "PATH")]
    path: PathBuf,
}

/// A hook of git that this program can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hook {
    Commit,
    Push,
    Receive,
}

impl Hook {
    const ALL: [Self; 3] = [Self::Commit, Self::Push, Self::Receive];

    /// Returns what git calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Commit => "pre-commit",
            Self::Push => "pre-push",
            Self::Receive => "pre-receive",
        }
    }

    /// Tells whether git writes to it what it is about.
    fn reads_input(self) -> bool {
        self != Self::Commit
    }
}

pub(super) fn run(
    command: &Command,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    match command {
        Command::Install(args) => install::install(args, out),
        Command::Uninstall(args) => install::uninstall(&args.path, out),
        Command::Status(args) => install::status(&args.path, out),
        Command::PreCommit(args) => guard::pre_commit(args, global, out),
        Command::PrePush(args) => guard::pre_push(args, global, out),
        Command::PreReceive(args) => guard::pre_receive(args, global, out),
    }
}
