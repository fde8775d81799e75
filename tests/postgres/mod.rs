//! A real PostgreSQL server, installed once into a Python virtual environment in the target folder, one for
//! each test binary and a database for each test.

#![allow(dead_code, reason = "every test binary uses its own part of it")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::python::Package;

/// The package that brings the server.
const PGSERVER: Package = Package {
    name: "pgserver",
    version: "0.1.4",
    asked_for: "pgserver",
    tests: "the tests of the team's store (with Python 3.10 to 3.12)",
};

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
    let mut process = Command::new(PGSERVER.interpreter())
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
