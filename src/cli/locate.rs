//! From the first characters of a fingerprint to the finding, secret included: where it was seen last,
//! or by scanning again.

use std::path::{Path, PathBuf};

use super::progress::Progress;
use super::remembered::Remembered;
use super::{Failure, Global, environment};
use crate::finding::{Finding, plain};
use crate::scan::{Scanner, scan};
use crate::secret::FingerprintPrefix;
use crate::source::{self, Gap, History, Source, Stdin, Worktree, open_repository};

/// A finding, and the folder or repository it is in.
pub(super) struct Located {
    pub(super) finding: Finding,
    pub(super) root: PathBuf,
}

/// Finds the one finding that a prefix names.
pub(super) fn locate(
    prefix: &FingerprintPrefix,
    paths: &[PathBuf],
    global: &Global,
) -> Result<Located, Failure> {
    let scanner = Scanner::new(global.pattern_set()?);
    let remembered = Remembered::of(prefix);
    if let Some(root) = remembered.root() {
        global.say(format_args!("reading the places where {prefix} was seen last"));
        // What is gone from where it was is no gap, as long as a scan finds it elsewhere.
        if let Some(finding) = find(prefix, &scanner, &[&remembered], global)?.0 {
            return Ok(Located { finding, root: root.to_owned() });
        }
    }
    global.say(format_args!("scanning for {prefix}"));
    let mut gaps = Vec::new();
    for sources in [files(paths), histories(paths)] {
        let sources: Vec<&dyn Source> = sources.iter().map(|source| &**source).collect();
        let (finding, left_out) = find(prefix, &scanner, &sources, global)?;
        gaps.extend(left_out);
        if let Some(finding) = finding {
            let root = paths.first().map_or(Path::new("."), PathBuf::as_path);
            return Ok(Located { finding, root: environment::absolute(root) });
        }
    }
    Err(not_found(prefix, &gaps))
}

fn not_found(prefix: &FingerprintPrefix, gaps: &[Gap]) -> Failure {
    match gaps {
        [] => Failure::new(format!("no finding begins with {prefix}")).hint(
            "run `stanch scan . --history` where the leak is, or name its path: `stanch contain FINDING PATH`",
        ),
        [first, ..] => Failure::new(format!(
            "no finding begins with {prefix} in what could be read; left out ({}): {}: {}",
            gaps.len(),
            plain(&first.what),
            plain(&first.why)
        ))
        .hint(&first.remedy)
        .unsettled(),
    }
}

/// Returns the finding with that prefix, or none, and what could not be read; two are an error.
fn find(
    prefix: &FingerprintPrefix,
    scanner: &Scanner,
    sources: &[&dyn Source],
    global: &Global,
) -> Result<(Option<Finding>, Vec<Gap>), Failure> {
    let progress = Progress::new(global);
    let report = scan(scanner, sources, &|tick| progress.count(tick))?;
    let matches =
        report.findings.into_iter().filter(|finding| prefix.matches(&finding.fingerprint));
    let mut matches: Vec<Finding> = matches.collect();
    if matches.len() > 1 {
        let names =
            matches.iter().map(|found| format!("{} ({})", found.fingerprint, found.pattern.id));
        let names = names.collect::<Vec<_>>().join(", ");
        return Err(Failure::new(format!("{prefix} may be any of {names}"))
            .hint("type more of the fingerprint"));
    }
    Ok((matches.pop(), report.coverage.gaps))
}

fn files(paths: &[PathBuf]) -> Vec<Box<dyn Source>> {
    let is_stdin = |path: &&PathBuf| path.as_os_str() == "-";
    let (stdin, paths): (Vec<_>, Vec<_>) = paths.iter().partition(is_stdin);
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    if !stdin.is_empty() {
        sources.push(Box::new(Stdin::new(std::io::stdin())));
    }
    if !paths.is_empty() {
        sources.push(Box::new(Worktree::new(paths.into_iter().cloned().collect())));
    }
    sources
}

fn histories(paths: &[PathBuf]) -> Vec<Box<dyn Source>> {
    // A repository that can't be opened is one, and its history says why it can't be read.
    let is_in_none = |path: &&PathBuf| {
        path.as_os_str() == "-"
            || matches!(open_repository(path), Err(source::Error::NotARepository { .. }))
    };
    let repositories = paths.iter().filter(|path| !is_in_none(path));
    repositories.map(|path| Box::new(History::new(path)) as Box<dyn Source>).collect()
}
