//! From the first characters of fingerprints to the findings, secrets included: where each was seen last,
//! or by scanning again.

use std::path::{Path, PathBuf};

use super::accepted::{self, Accepted};
use super::progress::Progress;
use super::remembered::Remembered;
use super::selection::Selection;
use super::{Failure, Global, environment};
use crate::finding::{Finding, plain};
use crate::scan::{Report, Scanner, scan};
use crate::secret::FingerprintPrefix;
use crate::source::{self, Gap, History, Source, Stdin, Worktree, open_repository};

/// A finding, and the folder or repository it is in.
pub(super) struct Located {
    pub(super) finding: Finding,
    pub(super) root: PathBuf,
}

impl Located {
    fn at(finding: Finding, root: &Path) -> Self {
        Self { finding, root: root.to_owned() }
    }
}

/// Everything in some paths that counts.
pub(super) struct Everything {
    pub(super) located: Vec<Located>,
    /// How many findings are known and accepted, and so left out.
    pub(super) accepted: usize,
    /// What could not be read.
    pub(super) gaps: Vec<Gap>,
}

/// Finds the one finding that each prefix names, all in one search. One that isn't found doesn't hold up
/// the others.
pub(super) fn locate(
    prefixes: &[FingerprintPrefix],
    paths: &[PathBuf],
    global: &Global,
) -> Result<Vec<Result<Located, Failure>>, Failure> {
    let scanner = Scanner::new(global.pattern_set()?);
    let mut found = Vec::new();
    for prefix in prefixes {
        found.push(where_it_was(prefix, &scanner, global)?);
    }
    let root = environment::absolute(paths.first().map_or(Path::new("."), PathBuf::as_path));
    let mut gaps = Vec::new();
    for sources in [files, histories] {
        let missing = prefixes.iter().zip(&mut found).filter(|(_, found)| found.is_none());
        let mut missing: Vec<_> = missing.collect();
        if missing.is_empty() {
            break;
        }
        let names = missing.iter().map(|(prefix, _)| prefix.to_string()).collect::<Vec<_>>();
        global.say(format_args!("scanning for {}", names.join(", ")));
        let report = search(&scanner, &sources(paths), global)?;
        for (prefix, found) in &mut missing {
            let one = one_of(prefix, &report.findings);
            **found = one.map(|one| one.map(|f| Located::at(f, &root))).transpose();
        }
        gaps.extend(report.coverage.gaps);
    }
    let each = prefixes.iter().zip(found);
    Ok(each.map(|(prefix, one)| one.unwrap_or_else(|| Err(not_found(prefix, &gaps)))).collect())
}

/// Finds everything in the files and the histories of some paths that nobody has said is known.
pub(super) fn everything(paths: &[PathBuf], global: &Global) -> Result<Everything, Failure> {
    let scanner = Scanner::new(global.pattern_set()?);
    let sources: Vec<_> = files(paths).into_iter().chain(histories(paths)).collect();
    let report = search(&scanner, &sources, global)?;
    let selection = Selection::of_paths(paths);
    let policy = Accepted::default().policy(&selection, None)?;
    let review = accepted::judge(&policy, report, &selection);
    let root = environment::absolute(paths.first().map_or(Path::new("."), PathBuf::as_path));
    Ok(Everything {
        located: review.findings.into_iter().map(|finding| Located::at(finding, &root)).collect(),
        accepted: review.suppressed.len(),
        gaps: review.coverage.gaps,
    })
}

/// Reads the places where a finding was seen last.
fn where_it_was(
    prefix: &FingerprintPrefix,
    scanner: &Scanner,
    global: &Global,
) -> Result<Option<Result<Located, Failure>>, Failure> {
    let remembered = Remembered::of(prefix);
    let Some(root) = remembered.root().map(Path::to_owned) else { return Ok(None) };
    global.say(format_args!("reading the places where {prefix} was seen last"));
    // What is gone from where it was is no gap, as long as a scan finds it elsewhere.
    let report = search(scanner, &[Box::new(remembered)], global)?;
    let one = one_of(prefix, &report.findings);
    Ok(one.map(|one| one.map(|finding| Located::at(finding, &root))).transpose())
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

fn search<'a>(
    scanner: &Scanner,
    sources: &[Box<dyn Source + 'a>],
    global: &Global,
) -> Result<Report, Failure> {
    let sources: Vec<&dyn Source> = sources.iter().map(|source| &**source as _).collect();
    let progress = Progress::new(global);
    Ok(scan(scanner, &sources, &|tick| progress.count(tick))?)
}

/// Returns the finding with that prefix, or none; two are an error.
fn one_of(prefix: &FingerprintPrefix, findings: &[Finding]) -> Result<Option<Finding>, Failure> {
    let matches = findings.iter().filter(|finding| prefix.matches(&finding.fingerprint));
    match matches.collect::<Vec<_>>()[..] {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        ref several => {
            let names =
                several.iter().map(|found| format!("{} ({})", found.fingerprint, found.pattern.id));
            let names = names.collect::<Vec<_>>().join(", ");
            Err(Failure::new(format!("{prefix} may be any of {names}"))
                .hint("type more of the fingerprint"))
        }
    }
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
