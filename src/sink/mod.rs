//! Sinks: places outside the store that are given each signed head, so that whoever could change the
//! store can't change what was seen of it elsewhere.
//!
//! Takes the operator's list of sinks and [`SignedHead`]s; gives each sink one line of JSON:
//!
//! ```json
//! {"format": "stanch checkpoint v1", "incident": "INC-…", "head": "12:q83v…", "note": "stanch.incident/v1/INC-…\n12\n…"}
//! ```
//!
//! It is given in the background, so a slow sink delays no containment; one that fails is said, and
//! keeps nobody from working. The `note` is what `stanch incident verify --against` takes.

mod list;

pub use list::Sinks;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use zeroize::Zeroizing;

use crate::http::{Call, Server};
use crate::incident::{SignedHead, Witness};

/// How long one sink may take with one head.
const TIMEOUT: Duration = Duration::from_secs(10);

/// One place that is given heads.
#[derive(Clone)]
enum Sink {
    /// A file that grows by a line each time.
    File(PathBuf),
    /// The operator's own program, with a line on its standard input each time.
    Program(Vec<String>),
    /// An address that gets a POST each time, with its path.
    Webhook(Server, String),
}

/// Gives heads to sinks, in the background. Dropping it waits until they have them, or had their time.
pub struct Giving {
    heads: Option<Sender<SignedHead>>,
    worker: Option<JoinHandle<()>>,
}

impl Giving {
    /// Begins to give; `failed` is told, in words, which sink did not take a head.
    ///
    /// # Errors
    /// Where this machine gives no further thread or runtime.
    pub fn to(
        sinks: Sinks,
        failed: impl Fn(&str) + Send + 'static,
    ) -> Result<Self, std::io::Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (heads, queue) = channel();
        let work = move || runtime.block_on(give_all(&queue, &sinks.0, &failed));
        let worker = std::thread::Builder::new().name("sinks".to_owned()).spawn(work)?;
        Ok(Self { heads: Some(heads), worker: Some(worker) })
    }
}

impl Witness for Giving {
    fn give(&self, head: &SignedHead) {
        if let Some(heads) = &self.heads {
            // The worker ends only when this is dropped.
            let _ = heads.send(head.clone());
        }
    }
}

impl Drop for Giving {
    fn drop(&mut self) {
        drop(self.heads.take());
        // A worker that panicked has said so by itself.
        let _ = self.worker.take().map(JoinHandle::join);
    }
}

async fn give_all(queue: &Receiver<SignedHead>, sinks: &[Sink], failed: &impl Fn(&str)) {
    for head in queue {
        let line = line_of(&head);
        for sink in sinks {
            let ended = tokio::time::timeout(TIMEOUT, sink.give(&line)).await;
            let why = match ended {
                Ok(Ok(())) => continue,
                Ok(Err(why)) => why,
                Err(_) => format!("it took longer than {} s", TIMEOUT.as_secs()),
            };
            failed(&format!("{} did not take head {}: {why}", sink.describe(), head.head));
        }
    }
}

fn line_of(head: &SignedHead) -> String {
    let line = json!({
        "format": "stanch checkpoint v1",
        "incident": head.incident,
        "head": head.head.to_string(),
        "note": head.to_string(),
    });
    format!("{line}\n")
}

impl Sink {
    fn describe(&self) -> String {
        match self {
            Self::File(path) => format!("the file {}", path.display()),
            Self::Program(words) => format!("the program {}", words[0]),
            Self::Webhook(server, _) => format!("the webhook at {}", server.base()),
        }
    }

    async fn give(&self, line: &str) -> Result<(), String> {
        match self {
            Self::File(path) => append(path, line).map_err(|error| error.to_string()),
            Self::Program(words) => run(words, line).await,
            Self::Webhook(server, path) => {
                let call = Call { method: "POST", path, content_type: "application/json" };
                let body = Zeroizing::new(line.as_bytes().to_vec());
                match server.call(call, body).await {
                    Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
                    Ok(answer) => Err(format!("it answered {}", answer.status)),
                    Err(silence) => Err(silence.why().to_owned()),
                }
            }
        }
    }
}

fn append(path: &Path, line: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    // One write, so that lines of several programs don't mix.
    file.write_all(line.as_bytes())?;
    file.sync_data()
}

async fn run(words: &[String], line: &str) -> Result<(), String> {
    let mut child = Command::new(&words[0])
        .args(&words[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| error.to_string())?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program may end well without reading to the end; its exit code decides, not this pipe.
        let _ = stdin.write_all(line.as_bytes()).await;
    }
    let ended = child.wait().await.map_err(|error| error.to_string())?;
    ended.success().then_some(()).ok_or_else(|| format!("it ended with {ended}"))
}
