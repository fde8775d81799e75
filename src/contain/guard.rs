//! The guard: stands before every change and says no, whoever asks. One guard for a whole run, however
//! many keys it contains, so that its limits hold for all of them together.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::action::Approval;
use super::plan::Step;
use super::policy::Policy;

/// What was spent of the limits.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    run: u32,
    hour: u32,
    failures_in_a_row: u32,
}

/// Stands before every change.
#[derive(Debug)]
pub struct Guard {
    policy: Policy,
    halt_files: Vec<PathBuf>,
    spent: Mutex<Spent>,
}

/// Whose word a step has.
pub(super) struct Word<'a> {
    pub(super) people: &'a BTreeSet<String>,
    pub(super) confirmed: &'a BTreeSet<String>,
}

impl Guard {
    /// Returns a guard for a run.
    pub fn new(policy: Policy) -> Self {
        let halt_files = policy.halt_file.iter().cloned().collect();
        Self { policy, halt_files, spent: Mutex::default() }
    }

    /// Stops at this file, too.
    #[must_use]
    pub fn halting_at(mut self, file: PathBuf) -> Self {
        self.halt_files.push(file);
        self
    }

    /// Counts changes that were made in the last hour, before this run.
    #[must_use]
    pub fn after(mut self, changes: u32) -> Self {
        self.spent.get_mut().unwrap_or_else(PoisonError::into_inner).hour = changes;
        self
    }

    /// Returns the policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Returns why nothing is to be changed now, where somebody said so.
    pub fn halted(&self) -> Option<String> {
        let there = self.halt_files.iter().find(|file| file.exists())?;
        let reason = fs::read_to_string(there).unwrap_or_default();
        let reason = reason.trim();
        let because = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        Some(format!("containment is halted by {}{because}", there.display()))
    }

    /// Returns why a step may not be done, where it may not.
    pub(super) fn refuses(&self, step: &Step, word: &Word<'_>, now: Timestamp) -> Option<String> {
        let policy = &self.policy;
        if policy.actions.as_ref().is_some_and(|actions| !actions.contains(&step.action)) {
            return Some(format!("the policy doesn't allow `{}`", step.action.id()));
        }
        if !step.action.is_mutation() {
            return None;
        }
        self.halted().or_else(|| self.lacks_word(step, word, now)).or_else(|| self.is_spent())
    }

    /// Returns whose approval a step lacks, where it does.
    pub(super) fn lacks_word(
        &self,
        step: &Step,
        word: &Word<'_>,
        now: Timestamp,
    ) -> Option<String> {
        let counts = |who: &&String| {
            self.policy.approvers.is_empty() || self.policy.approvers.contains(*who)
        };
        let people = word.people.iter().filter(counts).count();
        let automatic = || {
            let allowed = self.policy.automatic.contains(&step.action);
            allowed && self.policy.hours.as_ref().is_none_or(|hours| hours.holds(now))
        };
        let needed = match step.approval {
            Approval::A if people > 0 || automatic() => return None,
            Approval::B if people > 0 => return None,
            Approval::C if people > 1 => return None,
            Approval::C if people > 0 && word.confirmed.contains(&step.target) => return None,
            Approval::A => {
                "somebody's approval, or a policy that allows it at this hour".to_owned()
            }
            Approval::B => "somebody's approval".to_owned(),
            Approval::C => {
                format!("the approval of two people, or `--confirm {}`", step.target)
            }
            Approval::D => "a person: it is never automated".to_owned(),
        };
        Some(format!("not begun: class {:?} needs {needed}", step.approval))
    }

    fn is_spent(&self) -> Option<String> {
        let spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let policy = &self.policy;
        if spent.failures_in_a_row >= policy.failures.max(1) {
            return Some(format!(
                "not begun: {} changes failed in a row; look why before going on",
                spent.failures_in_a_row
            ));
        }
        if spent.run >= policy.changes_a_run {
            return Some(format!("not begun: this run made its {} changes", spent.run));
        }
        let hourly = policy.changes_an_hour.filter(|limit| spent.hour + spent.run >= *limit);
        hourly.map(|limit| format!("not begun: the {limit} changes of this hour are made"))
    }

    /// Counts a change that is about to be made.
    pub(super) fn spend(&self) {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner).run += 1;
    }

    /// Counts how a change ended.
    pub(super) fn ended(&self, well: bool) {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.failures_in_a_row = if well { 0 } else { spent.failures_in_a_row + 1 };
    }
}
