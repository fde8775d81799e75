//! `stanch scan`: find credentials.

use std::io::Write;
use std::path::PathBuf;

use super::accepted::{self, Accepted};
use super::baseline;
use super::output::Outputs;
#[cfg(feature = "contain")]
use super::remembered;
use super::selection::Selection;
use super::{ExitCode, Failure, Global, environment, explain, import};
use crate::policy::Review;
use crate::report::Times;
use crate::scan::Scanner;

/// Find credentials in files, staged changes or a whole git history
///
/// Reads bytes and nothing else: no network, no hook, filter or program a repository names.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  stanch scan                         the files of this folder
  stanch scan . --history             and every commit, on every branch and tag
  stanch scan . --history --all-objects    and what no branch reaches any more
  stanch scan --staged                what is about to be committed: its new lines
  stanch scan --range main...HEAD     what a branch or pull request adds, commit by commit
  stanch scan --since \"2 weeks ago\"  what the last commits add
  kubectl get secrets -o yaml | stanch scan -
  stanch scan . --format sarif=stanch.sarif --format text
  stanch scan . --baseline stanch.baseline      only what is new counts
  stanch scan --explain prod.env:12   why a line has a finding, or none

Exit codes: 0 nothing found, 1 found, 2 could not scan, 3 scanned in part.")]
pub(super) struct Args {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    outputs: Outputs,
    #[command(flatten)]
    accepted: Accepted,
    /// Findings that this file knows don't count; `stanch baseline update` writes it
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Tell why a line of a file has a finding or none: every pattern seen there and its fate
    #[arg(long, value_name = "PATH[:LINE]", conflicts_with_all = ["history", "staged", "range", "since", "format", "baseline"])]
    explain: Option<String>,
    /// Search with the rules of this gitleaks or betterleaks file instead of our patterns
    ///
    /// Where the file extends its scanner's own rules, it is searched with beside our patterns.
    #[arg(long, value_name = "FILE", conflicts_with = "patterns")]
    rules: Option<PathBuf>,
}

pub(super) fn run(args: &Args, global: &Global, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    if let Some(place) = &args.explain {
        let scanner = Scanner::new(global.pattern_set()?);
        return explain::run(place, &scanner, args.selection.max_object(), out);
    }
    // What can fail before the work does.
    args.outputs.check()?;
    let baseline = args.baseline.as_deref().map(baseline::read).transpose()?;
    let mut policy = args.accepted.policy(&args.selection, baseline)?;
    let patterns = match &args.rules {
        Some(file) => {
            let (patterns, allowlist) = import::load_rules(file, &accepted::root(&args.selection))?;
            policy.allowlists.extend(allowlist);
            patterns
        }
        None => global.pattern_set()?,
    };
    let started = environment::now();
    let report = args.selection.find(global, patterns)?;
    // What was not read may hold what the lists speak of.
    policy.judges_stale &= report.coverage.gaps.is_empty() && args.rules.is_none();
    let review = accepted::judge(&policy, report, &args.selection);
    let times = Times { started, ended: environment::now() };
    args.outputs.write(&review, &times, out)?;
    #[cfg(feature = "contain")]
    remember(args, global, &review);
    Ok(exit_code(&review))
}

/// Returns how a scan ends: only what is not suppressed counts.
pub(super) fn exit_code(review: &Review) -> ExitCode {
    if !review.coverage.gaps.is_empty() {
        ExitCode::Unsettled
    } else if !review.findings.is_empty() {
        ExitCode::Found
    } else {
        ExitCode::Clean
    }
}

/// Notes where the findings stand, so that a containment finds them again. Without it a containment
/// scans anew, so a failure is no more than worth a word.
#[cfg(feature = "contain")]
fn remember(args: &Args, global: &Global, review: &Review) {
    let suppressed = review.suppressed.iter().map(|suppressed| &suppressed.finding);
    let findings: Vec<_> = review.findings.iter().chain(suppressed).cloned().collect();
    let Some(path) = args.selection.files().next().filter(|_| !findings.is_empty()) else {
        return;
    };
    if let Err(error) = remembered::remember(&findings, path) {
        global.say(format_args!("cannot note where the findings stand: {error}"));
    }
}
