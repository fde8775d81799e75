//! From the first characters of a fingerprint to the finding, secret included: where it was seen last,
//! or by scanning again.

use std::path::{Path, PathBuf};

use super::progress::Progress;
use super::remembered::Remembered;
use super::{Failure, Global, environment};
use crate::finding::Finding;
use crate::scan::{Scanner, scan};
use crate::secret::FingerprintPrefix;
use crate::source::{History, Source, Stdin, Worktree, open_repository};

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
        if let Some(finding) = find(prefix, &scanner, &[&remembered], global)? {
            return Ok(Located { finding, root: root.to_owned() });
        }
    }
    global.say(format_args!("scanning for {prefix}"));
    for sources in [files(paths), histories(paths)] {
        let sources: Vec<&dyn Source> = sources.iter().map(|source| &**source).collect();
        if let Some(finding) = find(prefix, &scanner, &sources, global)? {
            let root = paths.first().map_or(Path::new("."), PathBuf::as_path);
            return Ok(Located { finding, root: environment::absolute(root) });
        }
    }
    Err(Failure::new(format!("no finding begins with {prefix}")).hint(
        "run `stanch scan . --history` where the leak is, or name its path: `stanch contain FINDING PATH`",
    ))
}

/// Returns the finding with that prefix, or none; two are an error.
fn find(
    prefix: &FingerprintPrefix,
    scanner: &Scanner,
    sources: &[&dyn Source],
    global: &Global,
) -> Result<Option<Finding>, Failure> {
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
    Ok(matches.pop())
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
    let repositories = paths.iter().filter(|path| open_repository(path).is_ok());
    repositories.map(|path| Box::new(History::new(path)) as Box<dyn Source>).collect()
}
