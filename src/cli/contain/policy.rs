//! The operator's policy and the kill switch, from the operator's own places.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use crate::cli::{Failure, environment};
use crate::contain::{Action, Guard, LockFile, Policy};
use crate::incident::{Event, Store};

/// The file that halts everything on this machine.
const HALT: &str = "halt";

/// Where the policy is.
#[derive(Debug, clap::Args)]
pub(crate) struct PolicyArgs {
    /// Read the `[containment]` policy from this file [default: stanch.toml in your configuration folder;
    /// never the one of a scanned repository]
    #[arg(long, value_name = "FILE", env = "STANCH_POLICY", hide_env_values = true)]
    policy: Option<PathBuf>,
}

impl PolicyArgs {
    /// Returns the policy. One that stands among what was scanned doesn't count: whoever can write to a
    /// repository could let the tool stop any key.
    pub(super) fn read(&self, scanned: Option<&Path>) -> Result<Policy, Failure> {
        let Some((path, text)) = self.configuration(scanned)? else { return Ok(Policy::default()) };
        policy_in(&path, &text)
    }

    /// Returns the policy, and the text of the configuration it stands in.
    pub(in crate::cli) fn read_with_text(&self) -> Result<(Policy, String), Failure> {
        match self.configuration(None)? {
            Some((path, text)) => Ok((policy_in(&path, &text)?, text)),
            None => Ok((Policy::default(), String::new())),
        }
    }

    /// Returns the operator's configuration file and its text, where there is one.
    fn configuration(&self, scanned: Option<&Path>) -> Result<Option<(PathBuf, String)>, Failure> {
        let path = match &self.policy {
            Some(path) => path.clone(),
            None => match environment::configuration_file() {
                Some(path) if path.exists() => path,
                _ => return Ok(None),
            },
        };
        let shown = path.display();
        if scanned.is_some_and(|scanned| is_within(&path, scanned)) {
            return Err(Failure::new(format!("the policy {shown} stands in what was scanned"))
                .hint("keep it where only operators can write: whoever writes to a repository could let any key be stopped"));
        }
        let text = fs::read_to_string(&path)
            .map_err(|error| Failure::new(format!("cannot read the policy {shown}: {error}")))?;
        Ok(Some((path, text)))
    }
}

fn policy_in(path: &Path, text: &str) -> Result<Policy, Failure> {
    Policy::parse(text).map_err(|why| {
        Failure::new(format!("the policy {} can't be used: {why}", path.display()))
            .hint("nothing was done; README.md shows a [containment] policy")
    })
}

/// Tells whether a file stands in a repository.
fn is_within(path: &Path, folder: &Path) -> bool {
    let (Ok(path), Ok(folder)) = (path.canonicalize(), folder.canonicalize()) else {
        return false;
    };
    let repository = folder.ancestors().find(|folder| folder.join(".git").exists());
    repository.is_some_and(|repository| path.starts_with(repository))
}

/// Returns what stands before every change of this run.
pub(crate) fn guard(policy: Policy, store: &dyn Store) -> Result<Guard, Failure> {
    let now = environment::now();
    let spent = match policy.changes_an_hour {
        Some(_) => changes_since(store, now - SignedDuration::from_hours(1))?,
        None => 0,
    };
    Ok(Guard::new(policy).halting_at(halt_file()?).after(spent))
}

/// Counts the changes that any incident of the store saw since an instant.
fn changes_since(store: &dyn Store, since: Timestamp) -> Result<u32, Failure> {
    let mut changes = 0;
    for incident in store.list()? {
        let intended = store.events(&incident)?.into_iter().filter(|recorded| {
            let is_change = |step: &str| {
                let actions = Action::ALL.iter().filter(|action| action.is_mutation());
                actions.into_iter().any(|action| step.starts_with(action.id()))
            };
            matches!(&recorded.event, Event::StepIntended { step, .. } if is_change(step))
                && recorded.at >= since
        });
        changes += u32::try_from(intended.count()).unwrap_or(u32::MAX);
    }
    Ok(changes)
}

/// Returns this process as a holder of leases.
pub(crate) fn holder(actor: &str) -> Result<LockFile, Failure> {
    let folder = environment::data_folder()?.join("leases");
    LockFile::hold(&folder, actor).map_err(|error| {
        Failure::new(format!("cannot hold a lease in {}: {error}", folder.display()))
    })
}

fn halt_file() -> Result<PathBuf, Failure> {
    Ok(environment::data_folder()?.join(HALT))
}

/// Stops every change on this machine, of processes at work, too, before their next.
pub(super) fn halt(reason: &str, out: &mut dyn std::io::Write) -> Result<(), Failure> {
    let path = halt_file()?;
    let write = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let (who, now) = (environment::user(), environment::now());
        fs::write(&path, format!("{who} at {now:.0}: {reason}\n"))
    };
    write().map_err(|error| {
        Failure::new(format!("cannot write {}: {error}", path.display()))
            .hint("nothing is halted; name another place in the policy with halt-file")
    })?;
    writeln!(out, "halted: nothing is changed at any provider from this account of this machine")?;
    writeln!(
        out,
        "         until `stanch contain --unhalt`; a policy's halt-file halts all others"
    )?;
    Ok(())
}

/// Lets go of the halt.
pub(super) fn unhalt(out: &mut dyn std::io::Write) -> Result<(), Failure> {
    let path = halt_file()?;
    match fs::remove_file(&path) {
        Ok(()) => writeln!(out, "no longer halted")?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            writeln!(out, "nothing was halted")?;
        }
        Err(error) => {
            return Err(Failure::new(format!("cannot remove {}: {error}", path.display())));
        }
    }
    Ok(())
}
