//! Makes repositories with `git`, and reads sources.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use git2::{ObjectFormat, ObjectType, Oid};
use stanch::source::{Blob, Coverage, Place, Source};
use tempfile::TempDir;

/// When the first commit is made; every further one is a minute younger.
const EPOCH: i64 = 1_700_000_000;

/// Names the hash that new repositories have their ids from.
pub(crate) const HASH: &str = "GIT_DEFAULT_HASH";

/// Returns the id that a blob has in the repositories of these tests.
#[expect(clippy::disallowed_methods, reason = "this is how a second run of the tests is told")]
pub(crate) fn blob_id(bytes: &[u8]) -> String {
    let is_long = std::env::var_os(HASH).is_some_and(|hash| hash == "sha256");
    let format = if is_long { ObjectFormat::Sha256 } else { ObjectFormat::Sha1 };
    Oid::hash_object_ext(ObjectType::Blob, bytes, format).unwrap().to_string()
}

/// A repository in a temporary folder, with nothing of the machine's configuration.
pub(crate) struct Repo {
    folder: TempDir,
    minutes: AtomicI64,
}

impl Repo {
    /// Returns an empty repository.
    pub(crate) fn new() -> Self {
        let repo = Self::unborn();
        repo.git(["init", "--quiet", "--initial-branch=main"]);
        repo
    }

    /// Returns a clone of another, made with those options.
    pub(crate) fn clone_of(other: &Self, options: &[&str]) -> Self {
        let repo = Self::unborn();
        // A URL, because a clone from a path copies the files and ignores the depth.
        let url = format!("file://{}", other.path().display());
        let mut arguments = vec!["clone", "--quiet"];
        arguments.extend(options);
        arguments.extend([&url, "."]);
        repo.git(arguments);
        repo
    }

    fn unborn() -> Self {
        Self { folder: TempDir::new().unwrap(), minutes: AtomicI64::new(0) }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs git and returns what it prints.
    pub(crate) fn git<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        let arguments: Vec<_> = arguments.into_iter().collect();
        let output = self.command().args(&arguments).output();
        let output = output.expect("these tests need git: install it, and have it in PATH");
        assert!(
            output.status.success(),
            "git {:?}: {}",
            arguments.iter().map(AsRef::as_ref).collect::<Vec<_>>(),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Runs git as if it were that second and zone.
    pub(crate) fn git_at<S: AsRef<OsStr>>(
        &self,
        when: &str,
        arguments: impl IntoIterator<Item = S>,
    ) {
        let mut command = self.command();
        let output = command.args(arguments).env("GIT_COMMITTER_DATE", when).output().unwrap();
        assert!(output.status.success());
    }

    /// Runs git where it is expected to fail, as a merge with a conflict does.
    pub(crate) fn git_fails<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) {
        let output = self.command().args(arguments).output().unwrap();
        assert!(!output.status.success());
    }

    /// Makes commits of a stream in the format of `git fast-import`, which is quicker than one by one.
    pub(crate) fn fast_import(&self, stream: &[u8]) {
        self.feed(&["-c", "fastimport.unpackLimit=0", "fast-import", "--quiet", "--force"], stream);
    }

    /// Runs git with this on its standard input.
    pub(crate) fn feed(&self, arguments: &[&str], input: &[u8]) {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        assert!(child.wait().unwrap().success(), "git {arguments:?}");
    }

    fn command(&self) -> Command {
        let mut command = Command::new("git");
        let outside = std::env::vars_os().map(|(name, _)| name).filter(|name| name != HASH);
        for name in outside.filter(|name| name.to_string_lossy().starts_with("GIT_")) {
            command.env_remove(name);
        }
        let date = format!("{} +0130", EPOCH + 60 * self.minutes.load(Ordering::Relaxed));
        command
            .current_dir(self.path())
            .env("HOME", self.path())
            .env("GIT_CONFIG_GLOBAL", self.path().join("no such file"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", "Ada")
            .env("GIT_AUTHOR_EMAIL", "ada@mail.example")
            .env("GIT_COMMITTER_NAME", "Carl")
            .env("GIT_COMMITTER_EMAIL", "carl@mail.example")
            .env("GIT_AUTHOR_DATE", "1600000000 +0000")
            .env("GIT_COMMITTER_DATE", date);
        command
    }

    /// Writes a file of the worktree.
    pub(crate) fn write(&self, path: &str, content: &str) -> PathBuf {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Commits everything and returns the id of the commit.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(["add", "--all"]);
        self.minutes.fetch_add(1, Ordering::Relaxed);
        self.git(["commit", "--quiet", "--allow-empty", "-m", message]);
        self.git(["rev-parse", "HEAD"])
    }

    /// Writes a file, commits everything, and returns the id of the commit.
    pub(crate) fn commit_file(&self, path: &str, content: &str) -> String {
        self.write(path, content);
        self.commit(&format!("write {path}"))
    }

    /// Returns the path of an object that is not in a pack.
    pub(crate) fn loose_object(&self, oid: &str) -> PathBuf {
        let (folder, file) = oid.split_at(2);
        self.path().join(".git/objects").join(folder).join(file)
    }
}

/// Everything a source gave, in one order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) blobs: Vec<(Vec<u8>, Vec<Place>)>,
    pub(crate) coverage: Coverage,
}

/// Reads a source to its end.
pub(crate) fn read(source: &impl Source) -> Read {
    read_and(source, |_| {})
}

/// Reads a source, and does something with every blob on the way.
pub(crate) fn read_and(source: &impl Source, also: impl Fn(Blob<'_>) + Sync) -> Read {
    let blobs = Mutex::new(Vec::new());
    let mut coverage = source
        .walk(&|blob| {
            if blob.trial.is_some() {
                return;
            }
            also(blob);
            blob.note();
            let read = (blob.bytes.to_vec(), blob.places.to_vec());
            blobs.lock().unwrap().push(read);
        })
        .unwrap();
    let mut blobs = blobs.into_inner().unwrap();
    for (_, places) in &mut blobs {
        let id = places[0].blob.as_ref().filter(|_| places[0].path.is_none());
        if let Some(known) = id.and_then(|id| coverage.places.get(id)) {
            *places = known.clone();
        }
    }
    coverage.places.clear();
    blobs.sort();
    assert_eq!(coverage.blobs, blobs.len() as u64);
    let bytes: usize = blobs.iter().map(|(bytes, _)| bytes.len()).sum();
    assert_eq!(coverage.bytes, bytes as u64);
    Read { blobs, coverage }
}

/// Reads a source with that many threads.
pub(crate) fn read_with_threads(threads: usize, source: &impl Source) -> Read {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    pool.build().unwrap().install(|| read(source))
}

impl Read {
    /// Returns the places of the blob with that content; it must be there exactly once.
    pub(crate) fn places(&self, content: &str) -> &[Place] {
        let of_content = |(bytes, _): &&(Vec<u8>, _)| bytes == content.as_bytes();
        let found: Vec<_> = self.blobs.iter().filter(of_content).collect();
        assert_eq!(found.len(), 1, "{content:?} in {:#?}", self.blobs);
        &found[0].1
    }

    /// Returns the paths of all blobs, sorted.
    pub(crate) fn paths(&self) -> Vec<&str> {
        let places = self.blobs.iter().flat_map(|(_, places)| places);
        let mut paths: Vec<_> = places.filter_map(|place| place.path.as_deref()).collect();
        paths.sort_unstable();
        paths
    }

    /// Asserts that nothing was left out.
    pub(crate) fn assert_whole(&self) {
        assert_eq!(self.coverage.gaps, []);
    }

    /// Asserts that there is exactly one gap whose name has that in it, and a remedy.
    pub(crate) fn assert_gap(&self, what: &str) {
        let found = self.coverage.gaps.iter().filter(|gap| gap.what.contains(what));
        let found: Vec<_> = found.collect();
        assert_eq!(found.len(), 1, "{what} in {:#?}", self.coverage.gaps);
        assert!(!found[0].why.is_empty() && !found[0].remedy.is_empty());
    }
}
