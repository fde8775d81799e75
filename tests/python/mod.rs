//! Servers that come as Python packages: a virtual environment for each, made once in the target folder
//! by whoever comes first.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A package, in the version that everything here was written against.
pub(crate) struct Package {
    /// What the environment is called.
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// What pip is asked for, before the version.
    pub(crate) asked_for: &'static str,
    /// The tests that need it, for whoever lacks Python.
    pub(crate) tests: &'static str,
}

impl Package {
    /// Returns the Python of the virtual environment that has the package.
    pub(crate) fn interpreter(&self) -> PathBuf {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .parent()
            .expect("Cargo's folder for tests lies in the target folder")
            .join("stanch-tests");
        let environment = home.join(format!("{}-{}", self.name, self.version));
        let python = match cfg!(windows) {
            true => environment.join(r"Scripts\python.exe"),
            false => environment.join("bin/python"),
        };
        let complete = environment.join("complete");
        let writable = "the target folder can be written to";
        fs::create_dir_all(&home).expect(writable);
        let lock = File::create(home.join(format!("{}.lock", self.name))).expect(writable);
        lock.lock().expect("files can be locked");
        if !complete.exists() {
            self.install(&environment, &python);
            fs::write(&complete, self.version).expect(writable);
        }
        python
    }

    fn install(&self, environment: &Path, python: &Path) {
        let mut venv = Command::new(self.system_python());
        run(
            venv.args(["-m", "venv", "--clear"]).arg(environment),
            "can't make a Python virtual environment; install Python's venv module (Debian: python3-venv)",
        );
        run(
            Command::new(python)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
                .arg(format!("{}=={}", self.asked_for, self.version)),
            &format!(
                "can't install {} with pip; {} need Python's package index once",
                self.name, self.tests
            ),
        );
    }

    fn system_python(&self) -> &'static str {
        let enough = "import sys; sys.exit(sys.version_info < (3, 10))";
        let is_enough = |name: &&str| {
            let mut python = Command::new(name);
            let python = python.args(["-c", enough]).stdout(Stdio::null()).stderr(Stdio::null());
            python.status().is_ok_and(|status| status.success())
        };
        let found = ["python3", "python", "py"].into_iter().find(is_enough);
        found.unwrap_or_else(|| panic!("install Python 3.10 or newer: {} need it", self.tests))
    }
}

fn run(command: &mut Command, hint: &str) {
    let output = command.output().unwrap_or_else(|e| panic!("{hint}: {e}"));
    assert!(output.status.success(), "{hint}:\n{}", String::from_utf8_lossy(&output.stderr));
}
