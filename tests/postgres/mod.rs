//! A real PostgreSQL server, installed once into a Python virtual environment in the target folder, one for
//! each test binary and a database for each test.

#![allow(dead_code, reason = "every test binary uses its own part of it")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The version of the package that brings the server.
const VERSION: &str = "0.1.4";

static SERVER: OnceLock<Server> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

struct Server {
    /// Held for its standard input: the launcher ends when the test binary does.
    _process: Child,
    port: u16,
}

/// Makes an empty database and returns its address.
pub(crate) fn database() -> String {
    let server = SERVER.get_or_init(start);
    let name = format!("test{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let address = format!("postgres://stanch@127.0.0.1:{}", server.port);
    let mut client = client(&format!("{address}/postgres"));
    client.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
    format!("{address}/{name}")
}

/// Connects as the owner of everything.
pub(crate) fn client(address: &str) -> postgres::Client {
    postgres::Client::connect(address, postgres::NoTls).unwrap()
}

fn start() -> Server {
    let launcher = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postgres/launcher.py");
    let mut process = Command::new(interpreter())
        .arg(launcher)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the interpreter of the server's virtual environment starts");
    let mut line = String::new();
    let stdout = process.stdout.take().expect("standard output is piped");
    BufReader::new(stdout).read_line(&mut line).expect("the launcher's first line can be read");
    let port = line.trim().strip_prefix("port ").and_then(|port| port.parse().ok());
    let port = port.expect("PostgreSQL did not start; its message is above (remove target/stanch-tests to install it again)");
    Server { _process: process, port }
}

fn interpreter() -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("Cargo's folder for tests lies in the target folder")
        .join("stanch-tests");
    let environment = home.join(format!("pgserver-{VERSION}"));
    let python = match cfg!(windows) {
        true => environment.join(r"Scripts\python.exe"),
        false => environment.join("bin/python"),
    };
    let complete = environment.join("complete");
    fs::create_dir_all(&home).expect("the target folder can be written to");
    let lock =
        File::create(home.join("pgserver.lock")).expect("the target folder can be written to");
    lock.lock().expect("files can be locked");
    if !complete.exists() {
        install(&environment, &python);
        fs::write(&complete, VERSION).expect("the target folder can be written to");
    }
    python
}

fn install(environment: &Path, python: &Path) {
    let system = if cfg!(windows) { "python" } else { "python3" };
    run(
        Command::new(system).args(["-m", "venv", "--clear"]).arg(environment),
        "can't make a Python virtual environment; install Python 3.10 to 3.12 and its venv module",
    );
    run(
        Command::new(python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .arg(format!("pgserver=={VERSION}")),
        "can't install PostgreSQL with pip; the tests of the team's store need Python's package index once",
    );
}

fn run(command: &mut Command, hint: &str) {
    let output = command.output().unwrap_or_else(|e| panic!("{hint}: {e}"));
    assert!(output.status.success(), "{hint}:\n{}", String::from_utf8_lossy(&output.stderr));
}
