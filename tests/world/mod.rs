//! A world for tests of the command: folders, repositories made by the real git, keys made on the spot,
//! and the program run with an environment that holds nothing but what the test names.

#![allow(
    dead_code,
    reason = "every test binary has its own copy of this module and uses its own part of it"
)]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A folder that is removed with the value, with a home of its own beside the work.
pub(crate) struct World {
    folder: TempDir,
}

/// What a run of the program came to.
#[derive(Debug)]
pub(crate) struct Run {
    /// The exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl World {
    pub(crate) fn new() -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir_all(world.home()).unwrap();
        fs::create_dir_all(world.path("")).unwrap();
        world
    }

    /// Returns a path within the work folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("work").join(name)
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Writes a file of the work folder.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Runs git in the work folder, at a fixed time and as a fixed person.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.git_with(&[], arguments)
    }

    /// Runs git with further variables.
    pub(crate) fn git_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> String {
        let output = self
            .command("git")
            .envs(variables.iter().copied())
            .args(["-c", "init.defaultBranch=main", "-c", "core.autocrlf=false"])
            .args(arguments)
            .output()
            .expect("git must be installed to run the tests");
        assert!(
            output.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Stages everything and commits it; returns the commit's id.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Runs the program in the work folder.
    pub(crate) fn stanch<I: AsRef<OsStr>>(&self, arguments: &[I]) -> Run {
        self.stanch_with(arguments, &[], "")
    }

    /// Runs the program with these variables, and this text on its standard input.
    pub(crate) fn stanch_with<I: AsRef<OsStr>>(
        &self,
        arguments: &[I],
        variables: &[(&str, &str)],
        input: &str,
    ) -> Run {
        let mut child = self
            .command(env!("CARGO_BIN_EXE_stanch"))
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that fails early doesn't read its input.
        let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes());
        child.wait_with_output().unwrap().into()
    }

    /// Returns a command in the work folder, with the environment of a test.
    #[expect(clippy::disallowed_methods, reason = "a test hands on what a program needs to start")]
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let keep = |name: &str| std::env::var_os(name).map(|value| (name.to_owned(), value));
        let date = "2026-01-02T03:04:05+01:00";
        command
            .current_dir(self.path(""))
            .env_clear()
            .envs(
                ["PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "GIT_DEFAULT_HASH"]
                    .into_iter()
                    .filter_map(keep),
            )
            .env("HOME", self.home())
            .env("USER", "tester")
            .env("XDG_DATA_HOME", self.home().join("data"))
            .env("XDG_CACHE_HOME", self.home().join("cache"))
            .env("APPDATA", self.home().join("data"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@example.com")])
            .envs([("GIT_COMMITTER_NAME", "Bea"), ("GIT_COMMITTER_EMAIL", "bea@example.com")])
            .envs([("GIT_AUTHOR_DATE", date), ("GIT_COMMITTER_DATE", date)]);
        command
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        // A process that was killed has no code.
        let code = output.status.code().unwrap_or(-1);
        Self { code, out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Run {
    /// Returns the findings of a run with `--format jsonl`.
    pub(crate) fn findings(&self) -> Vec<serde_json::Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Returns both outputs.
    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

/// Returns text that a pattern's first example gives when its gaps are filled, and what was filled in.
pub(crate) fn planted(pattern: &str) -> (String, Vec<String>) {
    let set = stanch::pattern::PatternSet::embedded().unwrap();
    let scanner = stanch::scan::Scanner::new(set.clone());
    let pattern = set.get(pattern).unwrap();
    // Now and then random text reads like a template or a word, which is rightly dropped.
    let is_found = |filled: &stanch::pattern::Example| {
        let found = scanner.scan_bytes(filled.text.as_bytes());
        found.iter().any(|detection| detection.pattern.id == pattern.id)
    };
    let mut fillings =
        (0..10).map(|_| pattern.fill(&pattern.examples[0], &mut rand::rng()).unwrap());
    let filled = fillings.find(is_found).unwrap();
    let is_secret = |gap: &&stanch::pattern::Gap| !pattern.is_public(&gap.group);
    let secrets = filled.gaps.iter().filter(is_secret);
    let secrets = secrets.map(|gap| filled.text[gap.span.clone()].to_owned()).collect();
    (format!("{}\n", filled.text), secrets)
}

/// Returns every format that findings can be written in, as the program itself names them.
pub(crate) fn formats() -> Vec<String> {
    use clap::CommandFactory;
    let command = stanch::cli::Cli::command();
    let scan = command.find_subcommand("scan").unwrap();
    let format = scan.get_arguments().find(|argument| argument.get_id() == "format").unwrap();
    let names = format.get_possible_values();
    names.iter().map(|value| value.get_name().to_owned()).collect()
}

/// Asserts that no part of a secret longer than a few characters stands in a text.
pub(crate) fn assert_absent(secrets: &[String], text: &str, whose: &str) {
    const WINDOW: usize = 10;
    let windows = secrets.iter().flat_map(|secret| {
        let bytes = secret.as_bytes();
        // The beginning may be a prefix all such keys share, and the last four may be shown.
        let hidden = &bytes[bytes.len() / 3..bytes.len() - 4.min(bytes.len())];
        match hidden.len() {
            WINDOW.. => hidden.windows(WINDOW),
            // A part of a short password stands in any text by chance: the whole one does not.
            _ => bytes.windows(bytes.len().max(7)),
        }
    });
    // What stands between the lines of a key, such as an indentation, stands in any text, too.
    let windows = windows.filter(|window| !window.iter().any(u8::is_ascii_whitespace));
    let searcher = aho_corasick::AhoCorasick::new(windows).unwrap();
    let found = searcher.find(text).map(|found| &text[found.range()]);
    assert_eq!(found, None, "{whose} holds a part of a secret");
}

/// Returns the bytes of every file below a folder, as one text.
pub(crate) fn everything_in(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => text.push_str(&everything_in(&path)),
            false => text.push_str(&String::from_utf8_lossy(&fs::read(&path).unwrap())),
        }
    }
    text
}
