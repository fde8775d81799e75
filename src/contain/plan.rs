//! The plan: what would be done, in order, and what each step costs.
//!
//! A pure function of what was seen and what was asked; the clock and the evidence enter it as the
//! [`Grounds`](super::Grounds) of the request.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::action::{Action, Approval};
use super::facts::{Facts, Subject};
use super::layout::{lay_out, sorted};
use super::mode::{self, ModeChosen};
use super::request::{Proof, Request};
use crate::incident::Phase;
use crate::provider::{
    Identity, KeyKind, KeyState, LastUse, Measure, Observation, Operation, console,
};
use crate::secret::Fingerprint;

/// How a step is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// In words.
    pub words: String,
    /// The operation that does it.
    pub operation: Operation,
}

/// How long consumers are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// So long after the plan was approved the key is stopped, whoever still uses it.
    pub limit_seconds: u32,
    /// So long nobody may have used it for its consumers to count as moved.
    pub quiet_seconds: u32,
}

/// One step: what it does, to what, and its price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its name in the plan and in the record.
    pub id: String,
    /// The phase of the response it belongs to.
    pub phase: Phase,
    /// What it does.
    pub action: Action,
    /// What it does, in words.
    pub does: String,
    /// The provider's names of the calls it makes.
    pub calls: Vec<String>,
    /// What it acts on.
    pub target: String,
    /// Whether it can be taken back.
    pub reversible: bool,
    /// How, where it can.
    pub undo: Option<Undo>,
    /// Who else it hits, in words.
    pub shared: String,
    /// The permissions the responder needs for it, looking at its outcome included.
    pub permissions: Vec<String>,
    /// Who must agree.
    pub approval: Approval,
    /// How long it usually takes, in seconds.
    pub expected_seconds: u32,
    /// The steps without which it is not begun.
    pub requires: Vec<String>,
    /// Whether it is left out where the evidence shows that the key administers nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unless_harmless: bool,
    /// What a restriction denies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<Measure>,
    /// What counts as a proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// How long is waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// The command by which a person does it by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<String>,
}

/// Another key of the same owner, as the plan saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sibling {
    /// Its id.
    pub id: String,
    /// Its state.
    pub state: KeyState,
}

/// What would be done about one leaked key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The credential.
    pub fingerprint: Fingerprint,
    /// The pattern that found it.
    pub pattern: String,
    /// The provider's driver.
    pub provider: String,
    /// Where calls go when it isn't the public endpoint.
    pub endpoint: Option<String>,
    /// Where a person does by hand what the program can't.
    pub console: Option<String>,
    /// The account of the key.
    pub account: String,
    /// The owner of the key.
    pub owner: String,
    /// The key's id at the provider.
    pub key_id: String,
    /// What kind of key it is.
    pub key_kind: KeyKind,
    /// Its state when it was seen.
    pub key_state: KeyState,
    /// The owner's other keys, by id.
    pub siblings: Vec<Sibling>,
    /// Who would act.
    pub responder: Identity,
    /// The last use of the leaked key.
    pub last_use: Option<LastUse>,
    /// When that was seen.
    pub observed_at: Timestamp,
    /// Which comes first, and why.
    pub mode: ModeChosen,
    /// What was asked for, and on which grounds.
    pub request: Request,
    /// What would be done, in order.
    pub steps: Vec<Step>,
    /// What is asked for or needed and not in the plan, each with its reason.
    pub left_for_a_person: Vec<String>,
}

/// Returns the plan for a leaked key as it was observed.
///
/// A key that isn't there never leads to a change, whatever is requested. An inactive one is only
/// replaced, where a delivery is requested. Times and the last use don't count in the plan's hash.
pub fn plan(
    subject: &Subject,
    observation: &Observation,
    facts: &Facts,
    request: &Request,
) -> Plan {
    let key = &observation.key;
    let mut mode = mode::choose(request);
    let (steps, left_for_a_person) = lay_out(observation, facts, request, &mut mode);
    let siblings =
        observation.siblings.iter().map(|key| Sibling { id: key.id.clone(), state: key.state });
    let mut siblings: Vec<_> = siblings.collect();
    siblings.sort_by(|a, b| a.id.cmp(&b.id));
    Plan {
        fingerprint: subject.fingerprint,
        pattern: subject.pattern.clone(),
        provider: facts.provider.clone(),
        endpoint: facts.endpoint.clone(),
        console: console(&facts.provider, key).or_else(|| facts.console.clone()),
        account: key.account.clone(),
        owner: key.owner.clone(),
        key_id: key.id.clone(),
        key_kind: key.kind.clone(),
        key_state: key.state,
        siblings,
        responder: observation.responder.clone(),
        last_use: observation.last_use.clone(),
        observed_at: observation.at,
        mode,
        request: request.clone(),
        steps,
        left_for_a_person,
    }
}

/// What a plan's hash covers: everything a person approves, nothing that changes by waiting.
#[derive(Serialize)]
struct Approved<'a> {
    format: &'static str,
    fingerprint: Fingerprint,
    provider: &'a str,
    endpoint: Option<&'a str>,
    account: &'a str,
    owner: &'a str,
    key_id: &'a str,
    siblings: Vec<&'a str>,
    responder: &'a str,
    mode: &'a ModeChosen,
    steps: &'a [Step],
}

impl Plan {
    /// Returns the SHA-256, in hexadecimal, of the canonical JSON (RFC 8785) of what the plan does, to
    /// what and as whom. Two plans with the same hash do the same.
    pub fn hash(&self) -> String {
        sha256_of(&Approved {
            format: "stanch plan v2",
            fingerprint: self.fingerprint,
            provider: &self.provider,
            endpoint: self.endpoint.as_deref(),
            account: &self.account,
            owner: &self.owner,
            key_id: &self.key_id,
            siblings: self.siblings.iter().map(|s| s.id.as_str()).collect(),
            responder: self.acts_as(),
            mode: &self.mode,
            steps: &self.steps,
        })
    }

    /// Returns who would act, by the name that stays: the session of an assumed role is another each
    /// time, the role is not.
    pub fn acts_as(&self) -> &str {
        let name = self.responder.name.as_str();
        let role = name.split_once(":assumed-role/").and_then(|(_, role)| role.rsplit_once('/'));
        role.map_or(name, |(_, session)| &name[..name.len() - session.len() - 1])
    }

    /// Returns the first step that does that, if the plan has one.
    pub fn step(&self, action: Action) -> Option<&Step> {
        self.steps.iter().find(|step| step.action == action)
    }

    /// Returns the step after which the key counts as contained: the proof, or where a key can't be
    /// asked, the re-check.
    pub(super) fn proof_step(&self) -> Option<&Step> {
        self.step(Action::ProveDead).or_else(|| self.step(Action::Recheck))
    }

    /// Tells whether carrying it out would change anything at the provider.
    pub fn is_mutation(&self) -> bool {
        self.steps.iter().any(|step| step.action.is_mutation())
    }

    /// Returns the strictest approval any of its steps needs.
    pub fn approval(&self) -> Approval {
        let strictest = self.steps.iter().map(|step| step.approval).max();
        strictest.unwrap_or(Approval::A)
    }

    /// Returns all permissions the responder needs, sorted.
    pub fn permissions(&self) -> Vec<String> {
        sorted(self.steps.iter().flat_map(|step| step.permissions.clone()))
    }
}

/// Returns the SHA-256, in hexadecimal, of the canonical JSON of a value.
pub(super) fn sha256_of(value: &impl Serialize) -> String {
    let bytes = serde_json_canonicalizer::to_vec(value)
        .expect("strings, whole numbers and lists always have a JSON form");
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
