//! The key that signs checkpoints: a file that only its owner can read, made when it is first needed.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{Failure, environment};
use crate::incident::Signer;

/// The file in the data folder. It isn't kept beside a store elsewhere: whoever takes the store should
/// not have the key with it.
const FILE: &str = "signing.key";

/// Returns the signer of this machine, `None` where there is none yet.
pub(super) fn existing() -> Result<Option<Signer>, Failure> {
    let path = path()?;
    match fs::read_to_string(&path).map(Zeroizing::new) {
        Ok(text) => parse(&path, &text).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(&path, &error)),
    }
}

/// Returns the signer of this machine; where there is none yet, makes one.
pub(super) fn signer() -> Result<Signer, Failure> {
    if let Some(signer) = existing()? {
        return Ok(signer);
    }
    let path = path()?;
    let signer = Signer::new(&Zeroizing::new(rand::random()));
    match write(&path, &signer.written()) {
        Ok(()) => Ok(signer),
        // Another program was first: its key counts.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let text = fs::read_to_string(&path).map(Zeroizing::new);
            parse(&path, &text.map_err(|error| unreadable(&path, &error))?)
        }
        Err(error) => Err(unreadable(&path, &error)),
    }
}

fn path() -> Result<PathBuf, Failure> {
    Ok(environment::data_folder()?.join(FILE))
}

fn parse(path: &Path, text: &str) -> Result<Signer, Failure> {
    Signer::parse(text).map_err(|why| {
        Failure::new(format!("the signing key {} can't be used: {why}", path.display()))
            .hint("move it away to have a new one made; records signed before name the old one")
    })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot use the signing key {}: {error}", path.display()))
        .hint("it must be readable by you alone")
}

/// Writes the key whole or not at all: another program may read it at any moment.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // A temporary file is readable by its owner only.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map(|_| ()).map_err(|error| error.error)
}
