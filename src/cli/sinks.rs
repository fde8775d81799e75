//! The operator's sinks: who is given the signed heads of incidents.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use super::{Failure, environment};
use crate::sink::{Giving, Sinks};

/// The file in the folder for configuration. Never in a repository: whoever can write to one could
/// otherwise have incidents told to himself.
const FILE: &str = "sinks.toml";

/// Begins to give heads to the sinks that are configured. What is wrong with them is said and gone on
/// with: stopping a key is worth more.
pub(super) fn giving() -> Option<Giving> {
    let begin = || {
        let Some(sinks) = configured()? else { return Ok(None) };
        let say = |why: &str| Failure::new(why).warn("a signed head was not kept there");
        Ok(Some(Giving::to(sinks, say).map_err(|error| Failure::new(error.to_string()))?))
    };
    begin().unwrap_or_else(|failure: Failure| {
        failure.warn("no sink is given the signed heads");
        None
    })
}

fn configured() -> Result<Option<Sinks>, Failure> {
    let Some((path, is_named)) = file() else { return Ok(None) };
    let name = path.display();
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound && !is_named => return Ok(None),
        Err(error) => return Err(Failure::new(format!("cannot read {name}: {error}"))),
    };
    let token = |name: &str| environment::secret(&[name]);
    let sinks = Sinks::parse(&text, token).map_err(|why| Failure::new(format!("{name}: {why}")))?;
    Ok(Some(sinks).filter(|sinks| !sinks.is_empty()))
}

/// Returns the file, and whether it was named.
fn file() -> Option<(PathBuf, bool)> {
    match environment::text(&["STANCH_SINKS"]) {
        Some(path) => Some((PathBuf::from(path), true)),
        None => Some((environment::config_folder()?.join(FILE), false)),
    }
}
