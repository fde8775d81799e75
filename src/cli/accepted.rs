//! What a person says is known: `stanch.toml`, marks on lines, a baseline.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::selection::Selection;
use super::{Failure, environment};
use crate::policy::{Allowlist, Baseline, Policy, Review, Whereabouts};
use crate::scan::Report;

/// The name of an allowlist in a scanned folder.
pub(super) const FILE: &str = "stanch.toml";

#[derive(Debug, Default, clap::Args)]
pub(super) struct Accepted {
    /// Read the allowlist from this file [default: stanch.toml of the scanned folder or repository]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Read no allowlist
    #[arg(long, conflicts_with = "config")]
    no_config: bool,
    /// Count findings whose line has a mark such as stanch:allow
    #[arg(long)]
    no_inline_allow: bool,
}

impl Accepted {
    /// Reads the allowlists that speak for what is scanned.
    pub(super) fn policy(
        &self,
        selection: &Selection,
        baseline: Option<Baseline>,
    ) -> Result<Policy, Failure> {
        let mut allowlists = Vec::new();
        for (file, root) in self.files(selection) {
            let text = fs::read_to_string(&file).map_err(|error| {
                Failure::new(format!("cannot read {}: {error}", file.display()))
            })?;
            allowlists.push(Allowlist::parse(&file.display().to_string(), &root, &text)?);
        }
        let judges_stale = selection.is_whole() && is_all_scanned(selection);
        Ok(Policy { allowlists, ignores_marks: self.no_inline_allow, baseline, judges_stale })
    }

    /// Tells whether the allowlist of what is scanned counts.
    pub(super) fn reads_folders(&self) -> bool {
        !self.no_config && self.config.is_none()
    }

    /// Returns the allowlists, as named, and the folder each speaks for.
    fn files(&self, selection: &Selection) -> BTreeSet<(PathBuf, PathBuf)> {
        if self.no_config {
            return BTreeSet::new();
        }
        if let Some(file) = &self.config {
            return BTreeSet::from([(file.clone(), root(selection))]);
        }
        let mut paths: Vec<&Path> = selection.files().collect();
        if paths.is_empty() {
            paths.push(Path::new("."));
        }
        paths.into_iter().filter_map(|path| allowlist_above(&folder_of(path))).collect()
    }
}

/// Returns what the paths of a list from elsewhere are relative to: the repository that is scanned, or
/// the folder.
pub(super) fn root(selection: &Selection) -> PathBuf {
    let folder = folder_of(selection.files().next().unwrap_or(Path::new(".")));
    repository_of(&folder).unwrap_or(folder)
}

/// Returns the nearest allowlist from a folder up to the root of its repository. Outside a repository
/// only the folder itself counts: what lies above may be anybody's.
fn allowlist_above(folder: &Path) -> Option<(PathBuf, PathBuf)> {
    let top = repository_of(folder).unwrap_or_else(|| folder.to_owned());
    let up_to_top = folder.ancestors().take_while(|above| above.starts_with(&top));
    let found = up_to_top.map(|folder| folder.join(FILE)).find(|file| file.is_file())?;
    let root = found.parent()?.to_owned();
    // Shown as short as it can be.
    let here = environment::absolute(Path::new("."));
    let name = found.strip_prefix(&here).map(Path::to_owned).unwrap_or(found);
    Some((name, root))
}

/// Returns the root of the repository that a folder is in.
fn repository_of(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_owned)
}

/// Returns the folder, absolute, of a folder or a file.
fn folder_of(path: &Path) -> PathBuf {
    let path = environment::absolute(path);
    match (path.is_dir(), path.parent()) {
        (false, Some(folder)) => folder.to_owned(),
        _ => path,
    }
}

/// Tells whether the scan covers whole repositories, or whole folders outside one.
fn is_all_scanned(selection: &Selection) -> bool {
    let mut paths = selection.files().peekable();
    paths.peek().is_some()
        && paths.all(|path| {
            let path = environment::absolute(path);
            path.is_dir() && repository_of(&path).is_none_or(|repository| repository == path)
        })
}

/// Judges what a scan found.
pub(super) fn judge(policy: &Policy, report: Report, selection: &Selection) -> Review {
    let here = environment::absolute(Path::new("."));
    let first = selection.files().next().map(folder_of);
    let repository = first.as_deref().and_then(repository_of).or(first);
    let today = environment::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let whereabouts = Whereabouts { here, repository };
    let review = policy.judge(report.findings, &whereabouts, today);
    Review { coverage: report.coverage, ..review }
}

/// Returns the `stanch.toml` of the present folder or its repository, as its shortest name.
#[cfg(feature = "contain")]
pub(super) fn settings_file() -> Option<PathBuf> {
    allowlist_above(&folder_of(Path::new("."))).map(|(file, _)| file)
}
