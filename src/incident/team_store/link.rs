//! The connection: made safely, and kept in a thread of its own, for its client waits in a way that would
//! stand in the way of whoever else waits.

use std::fmt;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use postgres::config::{Host, SslMode};
use postgres::{Client, Config, NoTls};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::Work;
use crate::incident::Error;

/// How long to wait for the server to answer a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why something at the server failed, before it is said for whom.
#[derive(Debug)]
pub(super) enum Failed {
    /// The server or the way to it.
    Server(Box<postgres::Error>),
    /// An error of the room.
    Known(Error),
    /// Said in words.
    Words(String),
}

impl From<postgres::Error> for Failed {
    fn from(error: postgres::Error) -> Self {
        Self::Server(Box::new(error))
    }
}

/// A connection in a thread of its own.
pub(super) struct Link {
    place: String,
    work: Mutex<Sender<Work>>,
}

impl Link {
    /// Connects.
    pub(super) fn open(address: &str, password: Option<&str>) -> Result<Self, Error> {
        let refused =
            |place: &str, why: String| Error::Store { doing: "open", store: place.to_owned(), why };
        // The message of the parser could repeat the address, and with it a password.
        let mut config: Config = address.parse().map_err(|_| {
            refused(
                "postgres://…",
                "the address can't be read; it is like postgres://user@host/database".to_owned(),
            )
        })?;
        let place = place(&config);
        if let (Some(password), None) = (password, config.get_password()) {
            config.password(password);
        }
        config.connect_timeout(PATIENCE).application_name("stanch");
        let tls = safe(&mut config).map_err(|why| refused(&place, why))?;
        let (work, jobs) = channel::<Work>();
        let (answer, connected) = channel();
        thread::spawn(move || {
            let client = match tls {
                Some(tls) => config.connect(tls),
                None => config.connect(NoTls),
            };
            match client {
                Ok(client) => {
                    let _ = answer.send(None);
                    serve(client, &jobs);
                }
                Err(error) => drop(answer.send(Some(words(&error)))),
            }
        });
        match connected.recv() {
            Ok(None) => Ok(Self { place, work: Mutex::new(work) }),
            Ok(Some(why)) => Err(refused(&place, why)),
            Err(_) => Err(refused(&place, GONE.to_owned())),
        }
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Does something at the server.
    pub(super) fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut Client) -> Result<T, Failed> + Send + 'static,
    ) -> Result<T, Error> {
        let error = |why: String| Error::Store { doing, store: self.place.clone(), why };
        let (answer, answered) = channel();
        let job: Work = Box::new(move |client| drop(answer.send(work(client))));
        let sender = self.work.lock().unwrap_or_else(PoisonError::into_inner).clone();
        sender.send(job).map_err(|_| error(GONE.to_owned()))?;
        match answered.recv() {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(Failed::Known(known))) => Err(known),
            Ok(Err(Failed::Words(why))) => Err(error(why)),
            Ok(Err(Failed::Server(failure))) => Err(error(words(&failure))),
            Err(_) => Err(error(GONE.to_owned())),
        }
    }
}

const GONE: &str =
    "the connection is gone; whether the last event was kept shows when it is read again";

fn serve(mut client: Client, jobs: &Receiver<Work>) {
    for job in jobs {
        job(&mut client);
    }
}

/// Returns why the server refused or failed, and what to do where that is known.
fn words(error: &postgres::Error) -> String {
    if let Some(told) = error.as_db_error() {
        return match told.code().code() {
            "28P01" | "28000" => format!("{} (give the password in PGPASSWORD)", told.message()),
            "53100" => "the server's disk is full; nothing was half written".to_owned(),
            "25006" => "the server or this database is read-only now".to_owned(),
            "42501" => format!("{}; ask the owner of the database for it", told.message()),
            _ => told.message().to_owned(),
        };
    }
    if error.is_closed() {
        return GONE.to_owned();
    }
    let causes = std::iter::successors(std::error::Error::source(error), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Returns where that is, without a password.
fn place(config: &Config) -> String {
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    });
    let hosts = hosts.collect::<Vec<_>>().join(",");
    let port = config.get_ports().first().map_or_else(String::new, |port| format!(":{port}"));
    let user = config.get_user().map_or_else(String::new, |user| format!("{user}@"));
    format!("postgres://{user}{hosts}{port}/{}", config.get_dbname().unwrap_or_default())
}

/// Makes sure that a server elsewhere proves who it is.
fn safe(config: &mut Config) -> Result<Option<MakeRustlsConnect>, String> {
    let names = config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => name == "localhost" || is_loopback(name),
        #[cfg(unix)]
        Host::Unix(_) => true,
    });
    let is_local = names && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
    match (is_local, config.get_ssl_mode()) {
        // Between programs of one machine nobody listens who could not read the record itself.
        (true, SslMode::Prefer | SslMode::Disable) => {
            config.ssl_mode(SslMode::Disable);
            return Ok(None);
        }
        (false, SslMode::Disable) => {
            return Err("a server elsewhere is spoken to with TLS only; leave out sslmode=disable"
                .to_owned());
        }
        _ => config.ssl_mode(SslMode::Require),
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let tls = builder.with_root_certificates(roots).with_no_client_auth();
    Ok(Some(MakeRustlsConnect::new(tls)))
}

fn is_loopback(name: &str) -> bool {
    name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({})", self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_elsewhere_has_to_prove_who_it_is() {
        let made = |address: &str| {
            let mut config: Config = address.parse().unwrap();
            let tls = safe(&mut config);
            tls.map(|tls| (tls.is_some(), config.get_ssl_mode()))
        };
        for local in ["localhost", "127.0.0.1", "[::1]"] {
            assert_eq!(made(&format!("postgres://a@{local}/b")), Ok((false, SslMode::Disable)));
        }
        let required = "postgres://a@localhost/b?sslmode=require";
        assert_eq!(made(required), Ok((true, SslMode::Require)));
        assert_eq!(made("postgres://a@db.example/b"), Ok((true, SslMode::Require)));
        // A local name with an address elsewhere is elsewhere.
        let disguised = "host=localhost hostaddr=192.0.2.1 user=a";
        assert_eq!(made(disguised), Ok((true, SslMode::Require)));
        assert!(made("postgres://a@db.example/b?sslmode=disable").is_err());
    }

    #[test]
    fn a_password_is_in_no_message() {
        let config: Config = "postgres://ada:hunter2@db.example:5433/team".parse().unwrap();
        assert_eq!(place(&config), "postgres://ada@db.example:5433/team");
        let error = Link::open("postgres://ada:hunter2@:port:/", None).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
