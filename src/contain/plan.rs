//! The plan: what would be done, in order, and what each step costs.
//!
//! A pure function of what was seen. Disable first: the leaked key stops before anything else happens,
//! and a replacement is made only after.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Error;
use super::steps::{disable, prove_dead, replacement, sorted};
use crate::incident::Phase;
use crate::provider::{
    Call, Identity, KeyState, LastUse, Observation, Operation, Provider as ProviderDriver,
};
use crate::secret::{Credential, Fingerprint, Part};

/// Which credential leaked. It can only be had from a credential with its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    fingerprint: Fingerprint,
    pattern: String,
}

impl Subject {
    /// Returns the subject of a plan.
    ///
    /// # Errors
    /// [`Error::NoSecret`] where the credential has no secret part: whoever knows only a key's id could
    /// otherwise have a colleague's key stopped by writing that id into a file.
    pub fn of(credential: &Credential) -> Result<Self, Error> {
        let mut secrets = credential.parts.values().filter_map(|part| match part {
            Part::Secret(secret) => Some(secret),
            Part::Public(_) => None,
        });
        if !secrets.any(|secret| !secret.is_empty()) {
            return Err(Error::NoSecret);
        }
        Ok(Self { fingerprint: credential.fingerprint(), pattern: credential.pattern.clone() })
    }
}

/// What a plan needs to know of a provider besides what was seen there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The driver's name.
    pub provider: String,
    /// Where calls go when it isn't the public endpoint.
    pub endpoint: Option<String>,
    /// How many keys an owner may have.
    pub keys_per_owner: usize,
    calls: BTreeMap<Operation, Vec<Call>>,
}

/// Both providers that can create keys today (AWS IAM and the simulated one) allow two an owner.
const KEYS_PER_OWNER: usize = 2;

impl Facts {
    /// Returns the facts of a provider, asking it nothing over the network.
    pub fn of(provider: &dyn ProviderDriver) -> Self {
        let operations = [
            Operation::Observe,
            Operation::Probe,
            Operation::Disable,
            Operation::Enable,
            Operation::Create,
            Operation::Delete,
            Operation::Evidence,
            Operation::Restrict,
            Operation::Lift,
            Operation::Review,
        ];
        Self {
            provider: provider.id().to_owned(),
            endpoint: provider.endpoint().map(str::to_owned),
            keys_per_owner: KEYS_PER_OWNER,
            calls: operations.map(|o| (o, provider.calls(o))).into(),
        }
    }

    pub(super) fn can(&self, operation: Operation) -> bool {
        !self.calls_of(operation).is_empty()
    }

    pub(super) fn calls_of(&self, operation: Operation) -> &[Call] {
        self.calls.get(&operation).map_or(&[], Vec::as_slice)
    }
}

/// What a person asks for beyond stopping the key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Where a replacement goes, in words ([`super::Delivery::describe`]); `None`: no replacement.
    pub delivery: Option<String>,
    /// An inactive key of the same owner may be deleted where it takes up the place of the replacement.
    pub replace_inactive: bool,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Stops the leaked key.
    Disable,
    /// Asks with the leaked key until the provider itself has refused it twice.
    ProveDead,
    /// Deletes an inactive key of the same owner to make room.
    DeleteInactive,
    /// Makes a second key.
    Rotate,
    /// Hands the second key to its consumers.
    Deliver,
}

impl Action {
    /// Returns the id of the step that does it; a plan has each at most once.
    pub fn id(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::ProveDead => "prove-dead",
            Self::DeleteInactive => "delete-inactive",
            Self::Rotate => "rotate",
            Self::Deliver => "deliver",
        }
    }

    /// Tells whether something is different at the provider afterwards.
    pub fn is_mutation(self) -> bool {
        matches!(self, Self::Disable | Self::DeleteInactive | Self::Rotate)
    }
}

/// Who must agree before a step is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Approval {
    /// Reversible and scoped to one key: a policy may allow it.
    A,
    /// Reversible but shared with others: one approver.
    B,
    /// Irreversible: two people, or the target typed out.
    C,
    /// Never automated.
    D,
}

/// How a step is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// In words.
    pub words: String,
    /// The operation that does it.
    pub operation: Operation,
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
    /// The account of the key.
    pub account: String,
    /// The owner of the key.
    pub owner: String,
    /// The key's id at the provider.
    pub key_id: String,
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
    let mut steps = Vec::new();
    let mut left = Vec::new();
    if key.state == KeyState::Active {
        match facts.can(Operation::Disable) {
            true => steps.push(disable(key, facts)),
            false => left.push(format!(
                "stop key {}: {} has no call for it; do it in the provider's console",
                key.id, facts.provider
            )),
        }
    }
    let needs = steps.iter().map(|step: &Step| step.id.clone()).collect();
    steps.push(prove_dead(key, facts, needs));
    if let Some(delivery) = &request.delivery {
        match replacement(observation, facts, request, delivery) {
            Ok(further) => steps.extend(further),
            Err(reason) => left.push(reason),
        }
    }
    let siblings =
        observation.siblings.iter().map(|key| Sibling { id: key.id.clone(), state: key.state });
    let mut siblings: Vec<_> = siblings.collect();
    siblings.sort_by(|a, b| a.id.cmp(&b.id));
    Plan {
        fingerprint: subject.fingerprint,
        pattern: subject.pattern.clone(),
        provider: facts.provider.clone(),
        endpoint: facts.endpoint.clone(),
        account: key.account.clone(),
        owner: key.owner.clone(),
        key_id: key.id.clone(),
        key_state: key.state,
        siblings,
        responder: observation.responder.clone(),
        last_use: observation.last_use.clone(),
        observed_at: observation.at,
        steps,
        left_for_a_person: left,
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
    steps: &'a [Step],
}

impl Plan {
    /// Returns the SHA-256, in hexadecimal, of the canonical JSON (RFC 8785) of what the plan does and
    /// to what. Two plans with the same hash do the same.
    pub fn hash(&self) -> String {
        sha256_of(&Approved {
            format: "stanch plan v1",
            fingerprint: self.fingerprint,
            provider: &self.provider,
            endpoint: self.endpoint.as_deref(),
            account: &self.account,
            owner: &self.owner,
            key_id: &self.key_id,
            siblings: self.siblings.iter().map(|s| s.id.as_str()).collect(),
            steps: &self.steps,
        })
    }

    /// Returns the step that does that, if the plan has one.
    pub fn step(&self, action: Action) -> Option<&Step> {
        self.steps.iter().find(|step| step.action == action)
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
