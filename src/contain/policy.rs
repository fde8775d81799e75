//! The operator's policy: what may be contained, how much at once, and what needs nobody's word.
//!
//! Whoever can write to a repository can write its `stanch.toml`, and could let the tool stop any key.
//! So the policy is read from the operator's own configuration and never from what is scanned.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Deserialize;

use super::action::Action;
use super::plan::Plan;
use super::request::Proof;
use crate::incident::BusinessHours;

/// What may be done.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Policy {
    /// The drivers that may be used; all where it isn't said.
    pub providers: Option<BTreeSet<String>>,
    /// The accounts that may be touched; all where it isn't said.
    pub accounts: Option<BTreeSet<String>>,
    /// The actions that may be taken; all where it isn't said.
    pub actions: Option<BTreeSet<Action>>,
    /// The actions of class A that need nobody's word.
    pub automatic: BTreeSet<Action>,
    /// When something may be done without anybody's word; always where it isn't said.
    pub hours: Option<BusinessHours>,
    /// The people whose approval counts; anybody's where it isn't said.
    pub approvers: BTreeSet<String>,
    /// How many changes a run may make.
    pub changes_a_run: u32,
    /// How many changes an hour may see; no limit where it isn't said.
    pub changes_an_hour: Option<u32>,
    /// After so many failed changes in a row no further one is tried.
    pub failures: u32,
    /// Nothing is changed while this file is there.
    pub halt_file: Option<PathBuf>,
    /// What counts as a proof.
    pub proof: Proof,
    /// The networks the consumers of keys call from: outsiders are kept out while consumers move.
    pub networks: Vec<String>,
    /// A stopped key is not deleted before so many days.
    pub cool_off_days: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            providers: None,
            accounts: None,
            actions: None,
            automatic: BTreeSet::new(),
            hours: None,
            approvers: BTreeSet::new(),
            changes_a_run: 100,
            changes_an_hour: None,
            failures: 5,
            halt_file: None,
            proof: Proof::default(),
            networks: Vec::new(),
            cool_off_days: 14,
        }
    }
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    containment: Policy,
}

impl Policy {
    /// Reads the `[containment]` part of a configuration's text.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let policy = toml::from_str::<File>(text)
            .map(|file| file.containment)
            .map_err(|error| error.message().to_owned())?;
        if policy.proof.refusals == 0 {
            return Err("a proof takes at least one refusal".to_owned());
        }
        let beyond = policy.automatic.iter().find(|action| !may_be_automatic(**action));
        match beyond {
            Some(action) => Err(format!("`{}` always needs somebody's word", action.id())),
            None => Ok(policy),
        }
    }

    /// Returns why a plan may not be carried out at all, where it may not.
    pub(super) fn forbids(&self, plan: &Plan) -> Option<String> {
        let lacks = |listed: &Option<BTreeSet<String>>, name: &str| {
            listed.as_ref().is_some_and(|listed| !listed.contains(name))
        };
        if lacks(&self.providers, &plan.provider) {
            return Some(format!("the policy doesn't allow the provider {}", plan.provider));
        }
        if lacks(&self.accounts, &plan.account) {
            return Some(format!("the policy doesn't allow the account {}", plan.account));
        }
        None
    }
}

/// Tells whether an action is ever of class A.
fn may_be_automatic(action: Action) -> bool {
    matches!(action, Action::Disable) || !action.is_mutation()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_of_the_readme_is_one() {
        let readme = include_str!("../../README.md");
        let (_, rest) = readme.split_once("```toml\n[containment]").unwrap();
        let (policy, _) = rest.split_once("```").unwrap();
        let policy = Policy::parse(&format!("[containment]{policy}")).unwrap();
        assert_eq!(policy.changes_an_hour, Some(60));
        assert_eq!(policy.proof, Proof::default());
    }

    #[test]
    fn a_policy_is_read_and_its_faults_are_named() {
        let policy = Policy::parse(
            "[containment]\nproviders = [\"aws-iam\"]\nautomatic = [\"disable\"]\nchanges-an-hour = 7\n\
             proof = { refusals = 2, window_seconds = 0 }\n[containment.hours]\ntime-zone = \"UTC\"\n",
        )
        .unwrap();
        assert_eq!(policy.changes_an_hour, Some(7));
        assert!(policy.hours.is_some());
        assert_eq!(Policy::parse("[incident]\n").unwrap(), Policy::default());
        for (text, word) in [
            ("[containment]\nautomatic = [\"delete\"]\n", "delete"),
            ("[containment]\nautomatik = []\n", "automatik"),
            ("[containment]\nproof = { refusals = 0, window_seconds = 1 }\n", "refusal"),
        ] {
            assert!(Policy::parse(text).unwrap_err().contains(word), "{text}");
        }
    }
}
