//! The operator's own program.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use super::fields::as_json;
use super::{Delivery, DeliveryError};
use crate::secret::Credential;

/// The operator's own program. It gets `{"pattern": …, "provider": …, "parts": {"id": …, "secret": …}}`
/// on its standard input and says by its exit code 0 that the consumers have it.
#[derive(Clone, Debug)]
pub struct CommandDelivery {
    program: String,
    arguments: Vec<String>,
    timeout: Duration,
}

impl CommandDelivery {
    /// Returns a delivery by a command line, split as a shell would split it but run without one. The
    /// line itself is shown and recorded: it is no place for a secret.
    ///
    /// # Errors
    /// [`DeliveryError::CommandLine`] where it names no program or its quotes don't match.
    pub fn new(command_line: &str, timeout: Duration) -> Result<Self, DeliveryError> {
        let wrong = |why: &str| DeliveryError::CommandLine(why.to_owned());
        let words = shell_words::split(command_line).map_err(|_| wrong("a quote is not closed"))?;
        let (program, arguments) = words.split_first().ok_or_else(|| wrong("it is empty"))?;
        Ok(Self { program: program.clone(), arguments: arguments.to_vec(), timeout })
    }

    fn start(&self) -> Result<Child, DeliveryError> {
        Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| DeliveryError::NotStarted {
                program: self.program.clone(),
                why: error.to_string(),
            })
    }

    async fn feed_and_wait(&self, mut child: Child, text: &[u8]) -> Result<(), DeliveryError> {
        if let Some(mut stdin) = child.stdin.take() {
            // A program may end well without reading to the end; its exit code decides, not this pipe.
            let _ = stdin.write_all(text).await;
            let _ = stdin.shutdown().await;
        }
        let ending = child.wait().await.map_err(|error| self.unknown(error.to_string()))?;
        if ending.success() {
            return Ok(());
        }
        match ending.code() {
            Some(code) => Err(DeliveryError::Failed { program: self.program.clone(), code }),
            None => Err(self.unknown("a signal ended it".to_owned())),
        }
    }

    /// Returns the file that would be started, found as the system would find it.
    fn found(&self) -> Result<PathBuf, DeliveryError> {
        which::which(&*as_started(&self.program)).map_err(|_| DeliveryError::NotStarted {
            program: self.program.clone(),
            why: "no such program was found, or it may not be run; give its full path, or put its folder into PATH"
                .to_owned(),
        })
    }

    fn unknown(&self, why: String) -> DeliveryError {
        DeliveryError::Unknown { place: self.program.clone(), why }
    }
}

/// Returns what is looked for when a program is started: Windows takes a name without an ending for an
/// `.exe`, and for nothing else.
fn as_started(program: &str) -> Cow<'_, str> {
    match cfg!(windows) && Path::new(program).extension().is_none() {
        true => format!("{program}.exe").into(),
        false => program.into(),
    }
}

#[async_trait]
impl Delivery for CommandDelivery {
    /// Looks whether there is such a program; it isn't run without a key to hand over.
    async fn check(&self) -> Result<String, DeliveryError> {
        let found = self.found()?;
        Ok(format!("{} is there, as {}", self.describe(), found.display()))
    }

    async fn deliver(&self, credential: &Credential) -> Result<String, DeliveryError> {
        let text = as_json(credential)?;
        let child = self.start()?;
        match tokio::time::timeout(self.timeout, self.feed_and_wait(child, &text)).await {
            Ok(ended) => ended.map(|()| self.describe()),
            Err(_) => {
                let seconds = self.timeout.as_secs_f32();
                Err(self.unknown(format!("killed after {seconds} s")))
            }
        }
    }

    fn describe(&self) -> String {
        let words = std::iter::once(&self.program).chain(&self.arguments);
        format!("the program `{}`", shell_words::join(words))
    }
}
