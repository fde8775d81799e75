//! `stanch hook pre-commit`, `pre-push` and `pre-receive`: what git runs.

use std::env::split_paths;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::updates::Updates;
use super::{ExitCode, Failure, Global, Hook, advice};
use crate::cli::accepted::{self, Accepted};
use crate::cli::environment;
use crate::cli::scan::exit_code;
use crate::cli::selection::{Selection, size_bytes};
use crate::policy::Allowlist;
use crate::report::{self, Times};
use crate::scan::{Scanner, scan};
use crate::source::{CommitRange, Known, Source, Staged};

/// What every one of them takes.
#[derive(Debug, clap::Args)]
struct Common {
    #[command(flatten)]
    accepted: Accepted,
    /// Read objects up to this size; a larger one makes the scan partial
    #[arg(long, value_name = "SIZE", value_parser = size_bytes)]
    max_size: Option<u64>,
    /// Let through what could not be scanned whole; it is said all the same, and findings still stop it
    #[arg(long)]
    allow_partial: bool,
    /// The repository, as git names it to a hook
    #[arg(long, value_name = "DIR", env = "GIT_DIR", hide = true)]
    git_dir: Option<OsString>,
}

/// Scan what is about to be committed; git runs it before each commit
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 nothing found, 1 found, 2 could not scan, 3 scanned in part."
)]
pub(in crate::cli) struct PreCommit {
    #[command(flatten)]
    common: Common,
    /// All lines of a changed file count, and not only the new ones
    #[arg(long)]
    whole_files: bool,
    /// The index that git names to a hook
    #[arg(long, value_name = "FILE", env = "GIT_INDEX_FILE", hide = true)]
    index: Option<OsString>,
}

/// Scan the commits and tags that a push brings its remote; git runs it before each push
///
/// What is pushed stands on standard input, as git writes it. What the remote has is passed over: what git sees
/// there for this push, and what it remembers of it, in the references that are named by the `fetch` settings of
/// the remotes at this address. It doesn't count where it may be of another place: where a remote has a second
/// address, or such a reference is written by another remote or by hand, as a branch is.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 nothing found, 1 found, 2 could not scan, 3 scanned in part."
)]
pub(in crate::cli) struct PrePush {
    #[command(flatten)]
    common: Common,
    /// All lines of a changed file count, and not only the new ones
    #[arg(long)]
    whole_files: bool,
    /// The name of the remote, or its address where it has none
    #[arg(value_name = "REMOTE")]
    remote: Option<String>,
    /// The address of the remote
    #[arg(value_name = "URL")]
    url: Option<String>,
}

/// Scan exactly what a push brings, before it is taken in; git runs it on the server
///
/// The updates stand on standard input, as git writes them. A `stanch.toml` in the pushed commits counts;
/// `--no-config` and `--no-inline-allow` leave the say to the server alone.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 nothing found, 1 found, 2 could not scan, 3 scanned in part."
)]
pub(in crate::cli) struct PreReceive {
    #[command(flatten)]
    common: Common,
    /// All lines of a changed file count, and not only the new ones
    #[arg(long)]
    whole_files: bool,
    /// Where git keeps what is pushed until it is taken in
    #[arg(long, value_name = "DIR", env = "GIT_QUARANTINE_PATH", hide = true)]
    quarantine: Option<OsString>,
    /// Where git writes objects
    #[arg(long, value_name = "DIR", env = "GIT_OBJECT_DIRECTORY", hide = true)]
    objects: Option<OsString>,
    /// Where else git finds objects
    #[arg(long, value_name = "DIRS", env = "GIT_ALTERNATE_OBJECT_DIRECTORIES", hide = true)]
    alternates: Option<OsString>,
}

pub(super) fn pre_commit(
    args: &PreCommit,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let mut staged = Staged::new(args.common.repository())
        .max_bytes(args.common.max_object())
        .whole_files(args.whole_files);
    if let Some(index) = given(&args.index) {
        staged = staged.index(index);
    }
    let guard = Guard { hook: Hook::Commit, range: None, common: &args.common, global };
    guard.run(&staged, Path::new("."), Vec::new(), out)
}

pub(super) fn pre_push(
    args: &PrePush,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let updates = Updates::of_pre_push(&input()?)?;
    // Not the name: one that was moved keeps it, and one that is pushed to by its address has none.
    let address = args.url.as_ref().or(args.remote.as_ref()).cloned();
    let push = updates.push(Known::Remote(address.unwrap_or_default()));
    let range = CommitRange::pushed(args.common.repository(), push);
    let range = range.whole_files(args.whole_files).max_bytes(args.common.max_object());
    let guard = Guard { hook: Hook::Push, range: Some(&range), common: &args.common, global };
    guard.run(&range, Path::new("."), Vec::new(), out)
}

pub(super) fn pre_receive(
    args: &PreReceive,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let updates = Updates::of_pre_receive(&input()?)?;
    let repository = environment::absolute(&args.common.repository());
    let mut range = CommitRange::pushed(&repository, updates.push(Known::All))
        .whole_files(args.whole_files)
        .max_bytes(args.common.max_object());
    if let Some(alternates) = given(&args.alternates) {
        range = range.object_folders(split_paths(&alternates).filter(|path| path.is_dir()));
    }
    // Without a quarantine git writes to where all objects are.
    if let Some(quarantine) = given(&args.quarantine) {
        range = range.quarantine(quarantine);
    } else if let Some(objects) = given(&args.objects) {
        range = range.object_folders([objects]);
    }
    let pushed = match args.common.accepted.reads_folders() {
        true => range.files_at_tips(accepted::FILE)?,
        false => Vec::new(),
    };
    let allowlist = |(commit, text): &(String, Vec<u8>)| {
        let name = format!("{}:{}", commit.get(..12).unwrap_or(commit), accepted::FILE);
        Allowlist::parse(&name, &repository, &String::from_utf8_lossy(text))
    };
    let pushed = pushed.iter().map(allowlist).collect::<Result<Vec<_>, _>>()?;
    let guard = Guard { hook: Hook::Receive, range: Some(&range), common: &args.common, global };
    guard.run(&range, &repository, pushed, out)
}

/// Returns a path from the environment, where a variable may be empty.
fn given(path: &Option<OsString>) -> Option<PathBuf> {
    path.as_ref().filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn input() -> Result<String, Failure> {
    let mut input = Vec::new();
    std::io::stdin()
        .read_to_end(&mut input)
        .map_err(|error| Failure::new(format!("cannot read standard input: {error}")))?;
    Ok(String::from_utf8_lossy(&input).into_owned())
}

impl Common {
    fn repository(&self) -> PathBuf {
        given(&self.git_dir).unwrap_or_else(|| PathBuf::from("."))
    }

    fn max_object(&self) -> u64 {
        self.max_size.unwrap_or(crate::source::DEFAULT_MAX_BYTES)
    }
}

/// A hook at work.
struct Guard<'a> {
    hook: Hook,
    /// The commits that are looked at, if commits are.
    range: Option<&'a CommitRange>,
    common: &'a Common,
    global: &'a Global,
}

impl Guard<'_> {
    /// Scans, and says what was found and what to do. Where nothing was, nothing is said.
    fn run(
        &self,
        source: &dyn Source,
        folder: &Path,
        allowlists: Vec<Allowlist>,
        out: &mut dyn Write,
    ) -> Result<ExitCode, Failure> {
        let selection = Selection::of_folder(folder);
        let mut policy = self.common.accepted.policy(&selection, None)?;
        policy.allowlists.extend(allowlists);
        let scanner = Scanner::new(self.global.pattern_set()?);
        let started = environment::now();
        let report = scan(&scanner, &[source], &|_| {})?;
        let review = accepted::judge(&policy, report, &selection);
        let code = match exit_code(&review) {
            ExitCode::Unsettled if self.common.allow_partial && review.findings.is_empty() => {
                ExitCode::Clean
            }
            code => code,
        };
        let is_quiet = review.findings.is_empty() && review.coverage.gaps.is_empty();
        if !is_quiet || self.global.verbose {
            let times = Times { started, ended: environment::now() };
            report::text(&review, &times, out)?;
        }
        if code != ExitCode::Clean {
            advice::write(self.hook, self.range, &review, out)?;
        }
        Ok(code)
    }
}
