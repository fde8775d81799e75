//! Where incidents are kept, as the command line names it.

use std::path::PathBuf;

use super::{Failure, environment, signing, sinks};
use crate::incident::{Signing, SqliteStore, Store};

/// The file of the default store in the data folder.
const FILE: &str = "incidents.db";

/// What the address of a server begins with.
const SERVER: [&str; 2] = ["postgres://", "postgresql://"];

/// Where the incidents are kept.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct StoreArgs {
    /// Keep the incidents in this file, or on a server as postgres://USER@HOST/DATABASE (its password in
    /// PGPASSWORD) [default: in the platform's data folder]
    #[arg(long, value_name = "FILE|URL", env = "STANCH_STORE", hide_env_values = true)]
    store: Option<String>,
}

impl StoreArgs {
    pub(super) fn open(&self) -> Result<Box<dyn Store>, Failure> {
        let store = self.unsigned()?;
        // Stopping a key is worth more than a signature: without the key it is said and gone on.
        match signing::signer() {
            Ok(signer) => {
                let signing = Signing::new(store, signer);
                Ok(Box::new(match sinks::giving() {
                    Some(giving) => signing.before(Box::new(giving)),
                    None => signing,
                }))
            }
            Err(failure) => {
                failure.warn("the record is kept unsigned");
                Ok(store)
            }
        }
    }

    /// Opens it for putting back what was signed elsewhere.
    pub(super) fn unsigned(&self) -> Result<Box<dyn Store>, Failure> {
        match &self.store {
            Some(address) if is_server(address) => server(address),
            Some(path) => file(path.into()),
            None => file(environment::data_folder()?.join(FILE)),
        }
    }
}

fn file(path: PathBuf) -> Result<Box<dyn Store>, Failure> {
    let store = SqliteStore::open(&path)?;
    warn(&path.display().to_string(), store.caution());
    Ok(Box::new(store))
}

/// Says what has to be said of a store that a newer program made.
fn warn(place: &str, caution: Option<String>) {
    if let Some(words) = caution {
        Failure::new(words).warn(place);
    }
}

fn is_server(address: &str) -> bool {
    SERVER.iter().any(|start| address.starts_with(start))
}

#[cfg(feature = "postgres")]
fn server(address: &str) -> Result<Box<dyn Store>, Failure> {
    let password = environment::store_password();
    let store = crate::incident::TeamStore::connect(address, password.as_deref())?;
    warn(&store.place(), store.caution()?);
    Ok(Box::new(store))
}

#[cfg(not(feature = "postgres"))]
fn server(_: &str) -> Result<Box<dyn Store>, Failure> {
    Err(Failure::new("this stanch was built without the feature `postgres`")
        .hint("name a file, or build it with the feature"))
}
