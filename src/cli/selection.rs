//! What is scanned, and which findings are asked for: the flags that `scan` and `baseline` share.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::progress::Progress;
use super::{Failure, Global, environment};
use crate::finding::plain;
use crate::pattern::{PatternSet, Severity};
use crate::scan::{Limits, Report, Scanner, holds_files, scan};
use crate::source::{
    Cache, CommitRange, DEFAULT_MAX_BYTES, GitFolder, History, Source, Staged, Stdin, Worktree,
    open_repository,
};

#[derive(Debug, clap::Args)]
pub(super) struct Selection {
    /// Files and folders, or - for standard input
    #[arg(default_value = ".", value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// Scan the whole history as well: every blob that any ref, reflog or stash reaches, commit and tag
    /// messages, submodules, the files of the git folder
    #[arg(long, conflicts_with = "staged")]
    history: bool,
    /// With the history scan what nothing reaches any more: staged once and never committed
    #[arg(long, requires = "history")]
    all_objects: bool,
    /// Scan what is staged instead of the files
    #[arg(long, group = "changes")]
    pub(super) staged: bool,
    /// With --staged, --range or --since: all lines of a changed file count, and not only the new ones
    #[arg(long, requires = "changes")]
    whole_files: bool,
    /// Scan what is new in these commits instead of the files: A..B, or A...B since B left A, as in a pull
    /// request; B alone is everything it reaches
    #[arg(long, value_name = "RANGE", group = "changes", conflicts_with_all = ["history", "staged"])]
    range: Option<String>,
    /// Scan what is new in the commits since this one, or since a day or an hour: v1.2, 2026-03-01, "2 weeks
    /// ago"
    #[arg(long, value_name = "REF|DATE", group = "changes", conflicts_with_all = ["history", "staged", "range"])]
    since: Option<String>,
    /// Scan each blob of the history from beginning to end, not only where it differs from another: the
    /// same is found, more slowly
    #[arg(long, requires = "history")]
    whole_blobs: bool,
    /// Scan the history as if it was never scanned before, and remember nothing of it. Only so are the objects
    /// read again in which nothing was found before: damage within them shows in no other scan
    #[arg(long)]
    no_cache: bool,
    /// Remember scans of histories in this folder [default: in the platform's cache folder]. The variable
    /// may be empty.
    #[arg(long, value_name = "DIR", env = "STANCH_CACHE", hide = true)]
    cache: Option<OsString>,
    /// Report only this class, provider or pattern; may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Report only findings of this severity and above
    #[arg(long, value_name = "LEVEL")]
    severity: Option<Level>,
    /// Read nothing larger than this; what is larger makes the scan partial [default: 256M for git
    /// objects, no limit for files]
    #[arg(long, value_name = "SIZE", value_parser = size_bytes)]
    max_size: Option<u64>,
    /// The index that git names to a hook; `git commit FILE` makes one of its own. The variable may be
    /// empty.
    #[arg(long, value_name = "FILE", env = "GIT_INDEX_FILE", hide = true)]
    index: Option<OsString>,
    /// How many threads to use [default: one a core]
    #[arg(long, short, value_name = "N")]
    jobs: Option<usize>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Level {
    Low,
    Medium,
    High,
    Critical,
}

impl From<Level> for Severity {
    fn from(level: Level) -> Self {
        match level {
            Level::Low => Self::Low,
            Level::Medium => Self::Medium,
            Level::High => Self::High,
            Level::Critical => Self::Critical,
        }
    }
}

impl Selection {
    /// Returns a part of what is in a folder, for whoever brings a source of his own.
    pub(super) fn of_folder(folder: &Path) -> Self {
        Self {
            paths: vec![folder.to_owned()],
            history: false,
            staged: true,
            whole_files: false,
            range: None,
            since: None,
            whole_blobs: false,
            all_objects: false,
            cache: None,
            no_cache: true,
            only: Vec::new(),
            severity: None,
            max_size: None,
            index: None,
            jobs: None,
        }
    }

    /// Returns everything in these paths, for whoever brings the sources of his own.
    #[cfg(feature = "contain")]
    pub(super) fn of_paths(paths: &[PathBuf]) -> Self {
        Self { paths: paths.to_vec(), staged: false, ..Self::of_folder(Path::new(".")) }
    }

    /// Returns the paths that are no stream.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.paths.iter().map(PathBuf::as_path).filter(|path| path.as_os_str() != "-")
    }

    /// Tells whether everything in the paths is scanned and reported, so that what was not found is gone.
    pub(super) fn is_whole(&self) -> bool {
        let is_part = self.staged || self.range.is_some() || self.since.is_some();
        !is_part && self.only.is_empty() && self.severity.is_none()
    }

    /// Scans. Patterns that aren't asked for are searched for all the same: what a specific one claims, a
    /// general one must not report.
    pub(super) fn find(&self, global: &Global, patterns: PatternSet) -> Result<Report, Failure> {
        self.check_names(&patterns)?;
        global.say(format_args!("searching with {} patterns", patterns.patterns().len()));
        let cache = self.cache(&patterns);
        let scanner = Scanner::new(patterns);
        let sources = self.sources(cache);
        let sources: Vec<&dyn Source> = sources.iter().map(|source| &**source).collect();
        let progress = Progress::new(global);
        let mut report =
            in_pool(self.jobs, || Ok(scan(&scanner, &sources, &|tick| progress.count(tick))?))?;
        let least = self.severity.map_or(Severity::Low, Severity::from);
        report.findings.retain(|finding| {
            let pattern = &finding.pattern;
            let names = [&pattern.id, &pattern.provider.id, &pattern.provider.class];
            let is_named = self.only.is_empty() || self.only.iter().any(|o| names.contains(&o));
            is_named && finding.severity >= least
        });
        progress.close(global, &report.coverage);
        self.note_foreign(global);
        Ok(report)
    }

    /// Returns the size up to which an object is held in memory whole.
    pub(super) fn max_object(&self) -> u64 {
        self.max_size.unwrap_or(DEFAULT_MAX_BYTES)
    }

    /// Says that a repository is another user's, where its objects were read.
    fn note_foreign(&self, global: &Global) {
        let reads_objects =
            self.history || self.staged || self.range.is_some() || self.since.is_some();
        for path in self.files().filter(|_| reads_objects && !global.quiet) {
            if open_repository(path).is_ok_and(|repository| repository.is_foreign()) {
                let path = plain(&path.display().to_string());
                let _ = writeln!(
                    io::stderr(),
                    "note: the repository of {path} belongs to another user; it was only read, and nothing in it was run"
                );
            }
        }
    }

    fn check_names(&self, patterns: &PatternSet) -> Result<(), Failure> {
        let is_known = |name: &str| {
            patterns.patterns().iter().any(|pattern| {
                [&pattern.id, &pattern.provider.id, &pattern.provider.class]
                    .into_iter()
                    .any(|known| known == name)
            })
        };
        match self.only.iter().find(|name| !is_known(name)) {
            None => Ok(()),
            Some(name) => {
                let what = format!("--only {name}: no class, provider or pattern has that name");
                Err(Failure::new(what).hint("`stanch patterns list` shows them all"))
            }
        }
    }

    /// Returns where scans of histories by these patterns are remembered.
    fn cache(&self, patterns: &PatternSet) -> Option<Cache> {
        if !self.history || self.no_cache {
            return None;
        }
        let named = self.cache.as_ref().filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let folder = named.or_else(environment::cache_folder)?;
        let program = concat!(env!("CARGO_PKG_VERSION"), " ", env!("STANCH_SOURCE_DIGEST"));
        let settings = format!("{program} {:?}", Limits::default());
        let digest = Sha256::new().chain_update(patterns.digest()).chain_update(settings);
        Some(Cache::new(folder, digest.finalize().into()))
    }

    fn sources(&self, cache: Option<Cache>) -> Vec<Box<dyn Source>> {
        let is_stdin = |path: &&PathBuf| path.as_os_str() == "-";
        let (stdin, paths): (Vec<_>, Vec<_>) = self.paths.iter().partition(is_stdin);
        let (max, max_stream) = (self.max_object(), self.max_size.unwrap_or(u64::MAX));
        let mut sources: Vec<Box<dyn Source>> = Vec::new();
        if !stdin.is_empty() {
            sources.push(Box::new(
                Stdin::new(std::io::stdin()).max_bytes(max_stream).indivisible(holds_files),
            ));
        }
        if self.staged {
            sources.extend(paths.into_iter().map(|path| self.staged_in(path)));
            return sources;
        }
        if self.range.is_some() || self.since.is_some() {
            sources.extend(paths.into_iter().filter_map(|path| self.commits_in(path)));
            return sources;
        }
        if self.history {
            for path in &paths {
                let history = History::new(path).max_bytes(max).cache(cache.clone());
                let history = history.whole_blobs(self.whole_blobs).all_objects(self.all_objects);
                sources.push(Box::new(history));
                sources.push(Box::new(GitFolder::new(path).max_bytes(max)));
            }
        }
        // The files of a git folder are read with its history.
        let is_read = |path: &PathBuf| self.history && is_in_git_folder(path);
        let paths: Vec<PathBuf> =
            paths.into_iter().filter(|path| !is_read(path)).cloned().collect();
        if !paths.is_empty() {
            sources.push(Box::new(
                Worktree::new(paths).max_bytes(max_stream).indivisible(holds_files),
            ));
        }
        sources
    }

    fn commits_in(&self, path: &Path) -> Option<Box<dyn Source>> {
        let range = self.range.as_ref().map(|range| CommitRange::new(path, range));
        let since = || {
            let since = self.since.as_ref()?;
            Some(CommitRange::since(path, since, environment::instant(since)))
        };
        let range = range.or_else(since)?.whole_files(self.whole_files);
        Some(Box::new(range.max_bytes(self.max_object())))
    }

    fn staged_in(&self, path: &PathBuf) -> Box<dyn Source> {
        let staged = Staged::new(path).max_bytes(self.max_object()).whole_files(self.whole_files);
        match self.index.as_ref().filter(|index| !index.is_empty()) {
            Some(index) => Box::new(staged.index(index)),
            None => Box::new(staged),
        }
    }
}

/// Returns whether a path is in a git folder: a bare repository, or what stands in `.git`.
fn is_in_git_folder(path: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    let folder = open_repository(path).ok().and_then(|repository| real(repository.path()));
    real(path).zip(folder).is_some_and(|(path, folder)| path.starts_with(folder))
}

/// Reads `1048576`, `1024K` or `1M` as a number of bytes.
pub(super) fn size_bytes(text: &str) -> Result<u64, String> {
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
