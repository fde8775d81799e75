//! Deliveries: how a replacement gets to those who use it.
//!
//! Takes a [`Credential`]; gives the place it went to, in words. The secret travels on the standard
//! input of the operator's own program and nowhere else: not on its command line, not in its
//! environment, not in a file. What the program prints is never read, so it can't leak from here.

use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

use crate::secret::{Credential, Part};

/// Why a replacement was not delivered, or may not have been. No variant ever holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// The command line names no program, or its quotes don't match. It isn't repeated: nobody has
    /// looked yet whether it holds a secret.
    #[error("what was given is no command line: {0}")]
    CommandLine(String),
    /// The secret isn't text, so it has no JSON form.
    #[error("the new key is not text, so it can't be handed over as JSON")]
    NotText,
    /// The program did not run: nothing was delivered.
    #[error("{program} could not be started: {why}")]
    NotStarted {
        /// The program.
        program: String,
        /// Why.
        why: String,
    },
    /// The program ran and said that it failed.
    #[error("{program} ended with exit code {code}")]
    Failed {
        /// The program.
        program: String,
        /// Its exit code.
        code: i32,
    },
    /// It was killed, by us after the time given or by someone else, or its end could not be seen:
    /// whether the new key was taken up is unknown.
    #[error("{program} did not come to an end that could be seen: {why}")]
    Unknown {
        /// The program.
        program: String,
        /// What happened.
        why: String,
    },
}

/// Hands a new credential to its consumers.
#[async_trait]
pub trait Delivery: Send + Sync {
    /// Delivers it and returns where it went, in words without secrets.
    ///
    /// # Errors
    /// [`DeliveryError::Unknown`] where the consumers may have it; every other variant where they don't.
    async fn deliver(&self, credential: &Credential) -> Result<String, DeliveryError>;

    /// Finds out, without a secret, whether a delivery would work: done before an old key is stopped for
    /// which a replacement is to be delivered. Returns what was looked at, in words.
    ///
    /// # Errors
    /// Why it would not work.
    async fn check(&self) -> Result<String, DeliveryError> {
        Ok(format!("{} can't be tried beforehand", self.describe()))
    }

    /// Returns where it would go, in words: shown in the plan, and part of what is approved.
    fn describe(&self) -> String;
}

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

    fn unknown(&self, why: String) -> DeliveryError {
        DeliveryError::Unknown { program: self.program.clone(), why }
    }
}

#[async_trait]
impl Delivery for CommandDelivery {
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

/// The credential as its consumers' program gets it. Borrowed all through, so that the only copy of
/// the secret made here is the text, which is wiped when it is dropped.
#[derive(Serialize)]
struct Handed<'a> {
    pattern: &'a str,
    provider: &'a str,
    parts: std::collections::BTreeMap<&'a str, &'a str>,
}

fn as_json(credential: &Credential) -> Result<Zeroizing<Vec<u8>>, DeliveryError> {
    let mut parts = std::collections::BTreeMap::new();
    for (name, part) in &credential.parts {
        let text = match part {
            Part::Public(text) => text,
            Part::Secret(secret) => secret.expose_str().ok_or(DeliveryError::NotText)?,
        };
        parts.insert(name.as_str(), text);
    }
    let handed = Handed { pattern: &credential.pattern, provider: &credential.provider, parts };
    // Room for every byte escaped, so that it never grows and leaves an unwiped copy behind.
    let bytes = handed.parts.iter().map(|(name, text)| name.len() + text.len());
    let room = 128 + 6 * (bytes.sum::<usize>() + handed.pattern.len() + handed.provider.len());
    let mut text = Zeroizing::new(Vec::with_capacity(room));
    serde_json::to_writer(&mut *text, &handed).map_err(|_| DeliveryError::NotText)?;
    Ok(text)
}

/// Keeps what is delivered in memory, for drills and tests.
#[derive(Debug, Default)]
pub struct MemoryDelivery(Mutex<Vec<Credential>>);

impl MemoryDelivery {
    /// Returns a delivery that has nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns what was delivered, in order.
    pub fn delivered(&self) -> Vec<Credential> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Delivery for MemoryDelivery {
    async fn deliver(&self, credential: &Credential) -> Result<String, DeliveryError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(credential.clone());
        Ok(self.describe())
    }

    fn describe(&self) -> String {
        "the memory of this process".to_owned()
    }
}
