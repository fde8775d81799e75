//! A replacement that is written out: to an open file descriptor, or as a Kubernetes manifest.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde::Serialize;
use zeroize::Zeroizing;

use super::fields::{Fields, as_json, wiped_json};
use super::target::Target;
use super::{Delivery, DeliveryError};
use crate::secret::Credential;

/// What is written.
#[derive(Clone, Debug)]
pub enum Form {
    /// The JSON a program would get.
    Json,
    /// A Kubernetes Secret, as `kubectl apply -f` takes it.
    /// <https://kubernetes.io/docs/concepts/configuration/secret/>
    Kubernetes(Target),
}

/// Where it is written to.
#[derive(Clone)]
pub enum Sink {
    /// Something that is open, in words and itself. Never a terminal: the secret is shown to nobody.
    Open(String, Arc<Mutex<dyn Write + Send>>),
    /// A file that isn't there yet; only its owner will be able to read it.
    NewFile(PathBuf),
}

/// A replacement that is written out.
#[derive(Clone)]
pub struct WrittenDelivery {
    form: Form,
    sink: Sink,
}

/// Why it was not written to the end.
enum Fault {
    NotBegun(std::io::Error),
    InPart(std::io::Error),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata<'a>,
    #[serde(rename = "type")]
    kind_of_secret: &'static str,
    string_data: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    name: &'a str,
    namespace: &'a str,
}

impl WrittenDelivery {
    /// Returns a delivery of this form to there.
    pub fn new(form: Form, sink: Sink) -> Self {
        Self { form, sink }
    }

    fn text(&self, credential: &Credential) -> Result<Zeroizing<Vec<u8>>, DeliveryError> {
        let Form::Kubernetes(target) = &self.form else {
            return as_json(credential);
        };
        let (namespace, name) = target.place.split_once('/').unwrap_or(("default", &target.place));
        let fields: &Fields = &target.fields;
        wiped_json(&Manifest {
            api_version: "v1",
            kind: "Secret",
            metadata: Metadata { name, namespace },
            kind_of_secret: "Opaque",
            string_data: fields.of(credential)?.into_iter().collect(),
        })
    }

    fn refused(&self, why: String) -> DeliveryError {
        DeliveryError::Refused { place: self.describe(), why }
    }

    fn write(&self, text: &[u8]) -> Result<(), Fault> {
        let write = |sink: &mut dyn Write| {
            sink.write_all(text)?;
            sink.write_all(b"\n")?;
            sink.flush()
        };
        match &self.sink {
            Sink::Open(_, sink) => {
                let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
                write(&mut *sink).map_err(Fault::InPart)
            }
            Sink::NewFile(path) => {
                let mut options = OpenOptions::new();
                options.write(true).create_new(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                let mut file = options.open(path).map_err(Fault::NotBegun)?;
                write(&mut file).and_then(|()| file.sync_all()).map_err(Fault::InPart)
            }
        }
    }
}

/// Writes nothing, which something that was opened for reading alone refuses all the same.
fn takes_writes(sink: &mut dyn Write) -> std::io::Result<()> {
    sink.write(&[]).and_then(|_| sink.flush())
}

/// Tells whether a new file could be made there, without making one.
fn can_be_made(path: &Path) -> Result<(), String> {
    if path.symlink_metadata().is_ok() {
        return Err("the file is there already, and is not overwritten".to_owned());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    match folder.is_dir() {
        true => is_writable(folder).map_err(|why| format!("{}: {why}", folder.display())),
        false => Err(format!("there is no folder {}", folder.display())),
    }
}

#[cfg(unix)]
fn is_writable(folder: &Path) -> std::io::Result<()> {
    use rustix::fs::{Access, access};
    access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(std::io::Error::from)
}

/// Who may write where is told by lists of rights that only an attempt shows whole.
#[cfg(not(unix))]
fn is_writable(_: &Path) -> std::io::Result<()> {
    Ok(())
}

#[async_trait]
impl Delivery for WrittenDelivery {
    async fn check(&self) -> Result<String, DeliveryError> {
        match &self.sink {
            Sink::Open(_, sink) => {
                let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
                takes_writes(&mut *sink).map_err(|error| self.refused(error.to_string()))?;
                Ok(format!("{} is open for writing", self.describe()))
            }
            Sink::NewFile(path) => {
                can_be_made(path).map_err(|why| self.refused(why))?;
                Ok(format!("{} can be made", self.describe()))
            }
        }
    }

    async fn deliver(&self, credential: &Credential) -> Result<String, DeliveryError> {
        let text = self.text(credential)?;
        let place = self.describe();
        match self.write(&text) {
            Ok(()) => Ok(place),
            Err(Fault::NotBegun(error)) => Err(self.refused(error.to_string())),
            Err(Fault::InPart(error)) => {
                Err(DeliveryError::Unknown { place, why: error.to_string() })
            }
        }
    }

    fn describe(&self) -> String {
        let what = match &self.form {
            Form::Json => "JSON".to_owned(),
            Form::Kubernetes(target) => {
                format!("the manifest of Kubernetes Secret {}", target.place)
            }
        };
        match &self.sink {
            Sink::Open(words, _) => format!("{what} on {words}"),
            Sink::NewFile(path) => format!("{what} in {}", path.display()),
        }
    }
}
