//! Where incidents are kept, as the command line names it.

use std::path::PathBuf;

use super::{Failure, environment, signing};
use crate::incident::{Signing, SqliteStore, Store};

/// The file of the default store in the data folder.
const FILE: &str = "incidents.db";

/// Where the incidents are kept.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct StoreArgs {
    /// Keep the incidents in this file [default: in the platform's data folder]
    #[arg(long, value_name = "FILE", env = "STANCH_STORE")]
    store: Option<PathBuf>,
}

impl StoreArgs {
    pub(super) fn open(&self) -> Result<Box<dyn Store>, Failure> {
        let path = match &self.store {
            Some(path) => path.clone(),
            None => environment::data_folder()?.join(FILE),
        };
        let store: Box<dyn Store> = Box::new(SqliteStore::open(path)?);
        // Stopping a key is worth more than a signature: without the key it is said and gone on.
        match signing::signer() {
            Ok(signer) => Ok(Box::new(Signing::new(store, signer))),
            Err(failure) => {
                failure.warn("the record is kept unsigned");
                Ok(store)
            }
        }
    }
}
