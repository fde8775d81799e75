//! `stanch scan`: find credentials.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::progress::Progress;
#[cfg(feature = "contain")]
use super::remembered;
use super::{ExitCode, Failure, Global};
use crate::pattern::PatternSet;
use crate::report;
use crate::scan::{Report, Scanner, scan};
use crate::source::{History, Source, Staged, Stdin, Worktree};

/// Find credentials in files, staged changes or a whole git history
///
/// Reads bytes and nothing else: no network, no hook, filter or program a repository names.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  stanch scan                         the files of this folder
  stanch scan . --history             and every commit, on every branch and tag
  stanch scan --staged                what is about to be committed (pre-commit hook)
  kubectl get secrets -o yaml | stanch scan -
  stanch scan . --format sarif -o stanch.sarif

Exit codes: 0 nothing found, 1 found, 2 could not scan, 3 scanned in part.")]
pub(super) struct Args {
    /// Files and folders, or - for standard input
    #[arg(default_value = ".", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Scan the whole history as well: every blob any ref reaches, commit and tag messages
    #[arg(long, conflicts_with = "staged")]
    history: bool,
    /// Scan what is staged instead of the files
    #[arg(long)]
    staged: bool,
    /// How to write the findings
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Read files and objects up to this size; a larger one makes the scan partial
    #[arg(long, value_name = "SIZE", default_value = "256M", value_parser = size_bytes)]
    max_size: u64,
    /// The index that git names to a hook; `git commit FILE` makes one of its own
    #[arg(long, value_name = "FILE", env = "GIT_INDEX_FILE", hide = true)]
    index: Option<PathBuf>,
    /// How many threads to use [default: one a core]
    #[arg(long, short, value_name = "N")]
    jobs: Option<usize>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
    /// One JSON object a finding and line
    Jsonl,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

pub(super) fn run(args: &Args, global: &Global, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let report = find(args, global, global.pattern_set()?)?;
    match &args.output {
        Some(path) => write_to_file(args.format, &report, path)?,
        None => write(args.format, &report, out)?,
    }
    #[cfg(feature = "contain")]
    remember(args, global, &report);
    Ok(if !report.coverage.gaps.is_empty() {
        ExitCode::Unsettled
    } else if !report.findings.is_empty() {
        ExitCode::Found
    } else {
        ExitCode::Clean
    })
}

/// Notes where the findings stand, so that a containment finds them again. Without it a containment
/// scans anew, so a failure is no more than worth a word.
#[cfg(feature = "contain")]
fn remember(args: &Args, global: &Global, report: &Report) {
    let is_path = |path: &&PathBuf| path.as_os_str() != "-";
    let Some(path) = args.paths.iter().find(is_path).filter(|_| !report.findings.is_empty()) else {
        return;
    };
    if let Err(error) = remembered::remember(&report.findings, path) {
        global.say(format_args!("cannot note where the findings stand: {error}"));
    }
}

fn find(args: &Args, global: &Global, patterns: PatternSet) -> Result<Report, Failure> {
    global.say(format_args!("searching with {} patterns", patterns.patterns().len()));
    let scanner = Scanner::new(patterns);
    let sources = sources(args);
    let sources: Vec<&dyn Source> = sources.iter().map(|source| &**source).collect();
    let progress = Progress::new(global);
    in_pool(args.jobs, || Ok(scan(&scanner, &sources, &|bytes| progress.count(bytes))?))
}

fn sources(args: &Args) -> Vec<Box<dyn Source>> {
    let is_stdin = |path: &&PathBuf| path.as_os_str() == "-";
    let (stdin, paths): (Vec<_>, Vec<_>) = args.paths.iter().partition(is_stdin);
    let max = args.max_size;
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    if !stdin.is_empty() {
        sources.push(Box::new(Stdin::new(std::io::stdin()).max_bytes(max)));
    }
    if args.staged {
        sources.extend(paths.into_iter().map(|path| staged(path, args)));
        return sources;
    }
    if args.history {
        let history =
            |path: &&PathBuf| Box::new(History::new(path).max_bytes(max)) as Box<dyn Source>;
        sources.extend(paths.iter().map(history));
    }
    if !paths.is_empty() {
        let paths = paths.into_iter().cloned().collect();
        sources.push(Box::new(Worktree::new(paths).max_bytes(max)));
    }
    sources
}

fn staged(path: &PathBuf, args: &Args) -> Box<dyn Source> {
    let staged = Staged::new(path).max_bytes(args.max_size);
    match &args.index {
        Some(index) => Box::new(staged.index(index)),
        None => Box::new(staged),
    }
}

/// Reads `1048576`, `1024K` or `1M` as a number of bytes.
fn size_bytes(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.strip_suffix(['K', 'M', 'G']) {
        Some(digits) if text.ends_with('K') => (digits, 10),
        Some(digits) if text.ends_with('M') => (digits, 20),
        Some(digits) => (digits, 30),
        None => (text, 0),
    };
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
    number.ok_or_else(|| "a size is a number of bytes, or one with K, M or G behind it".to_owned())
}

/// Runs with so many threads, or one a core.
fn in_pool<T: Send>(
    jobs: Option<usize>,
    work: impl FnOnce() -> Result<T, Failure> + Send,
) -> Result<T, Failure> {
    let Some(jobs) = jobs else { return work() };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs.max(1)).build();
    pool.map_err(|error| Failure::new(format!("cannot start {jobs} threads: {error}")))?
        .install(work)
}

fn write_to_file(format: Format, report: &Report, path: &Path) -> Result<(), Failure> {
    let mut text = Vec::new();
    write(format, report, &mut text)?;
    let plain = anstream::adapter::strip_bytes(&text).into_vec();
    fs::write(path, plain)
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))
}

fn write(format: Format, report: &Report, out: &mut dyn Write) -> std::io::Result<()> {
    match format {
        Format::Text => report::text(report, out),
        Format::Json => report::json(report, out),
        Format::Jsonl => report::jsonl(report, out),
        Format::Sarif => report::sarif(report, out),
    }
}

#[cfg(test)]
mod tests {
    use super::size_bytes;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size_bytes("7"), Ok(7));
        assert_eq!(size_bytes("3K"), Ok(3 << 10));
        assert_eq!(size_bytes("256M"), Ok(256 << 20));
        for wrong in ["", "M", "1T", "-1", "99999999999G"] {
            assert!(size_bytes(wrong).is_err(), "{wrong}");
        }
    }
}
