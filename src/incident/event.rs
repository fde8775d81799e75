//! The vocabulary of the record: everything that can happen in an incident.
//!
//! An event is a fact of the past and is never changed; a correction is a further event. No event has
//! a field for a secret: credentials appear by fingerprint, key id and redaction.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::severity::{Inputs, Level};
use crate::secret::Fingerprint;

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// An incident begins.
    Opened {
        /// What happened, in a line without secrets.
        title: String,
        /// A rehearsal: it never counts in a scorecard.
        drill: bool,
        /// The leaked credential.
        credential: CredentialRef,
        /// Where it stands.
        exposure: Exposure,
        /// When it became readable by someone who should not read it.
        leaked_at: Interval,
        /// The first machine alert.
        alerted_at: Timestamp,
    },
    /// The alert was judged. A true positive is the *confirmed detection*; its time is this event's.
    Judged {
        /// The judgement.
        verdict: Verdict,
        /// Why.
        reason: String,
    },
    /// The severity rule was applied, or a person overrode it.
    Classified {
        /// The level.
        level: Level,
        /// Which rule, with its version.
        rule: String,
        /// What the rule was given.
        inputs: Inputs,
        /// Why this level, in words.
        reason: String,
    },
    /// Somebody (or the on-call policy) took it: the response clock stops.
    Acknowledged {
        /// Who.
        by: String,
    },
    /// A role was given to a person.
    Assigned {
        /// The role.
        role: Role,
        /// The person.
        person: String,
    },
    /// Work moved to a phase.
    PhaseEntered {
        /// The phase.
        phase: Phase,
        /// Why now.
        reason: String,
    },
    /// The provider was looked at.
    Observed {
        /// What was seen, as the provider room describes it.
        observation: Value,
    },
    /// A plan was approved for applying.
    PlanApproved {
        /// The hash of the plan.
        plan_hash: String,
        /// The plan itself.
        plan: Value,
        /// Who said so.
        by: String,
    },
    /// A step is about to be done. Written and synced before the call is made.
    StepIntended {
        /// The step's id in the plan.
        step: String,
        /// The plan it belongs to.
        plan_hash: String,
        /// The call that will be made.
        call: String,
        /// What it acts on.
        target: String,
        /// What is needed to look for the outcome, or to undo: the state before.
        before: Value,
    },
    /// A step ended, or was found to have ended.
    StepFinished {
        /// The step's id in the plan.
        step: String,
        /// How.
        outcome: Outcome,
        /// What was seen, in words.
        detail: String,
        /// When it took effect, by the provider's clock where it tells the time.
        effective_at: Option<Timestamp>,
        /// What was seen, in full.
        seen: Value,
    },
    /// Something worth keeping was collected.
    EvidenceCollected {
        /// What it is, such as `probe-of-old-key`.
        name: String,
        /// SHA-256 of the canonical JSON of `content`.
        sha256: String,
        /// The evidence, without secrets.
        content: Value,
    },
    /// The key can do no more harm.
    Contained {
        /// When the last blocking change took effect.
        effective_at: Timestamp,
        /// When that was proved.
        verified_at: Timestamp,
    },
    /// The cause is gone.
    Eradicated {
        /// What was removed.
        reason: String,
    },
    /// Consumers work with the replacement: the resolution clock stops.
    Recovered {
        /// How that was validated.
        reason: String,
    },
    /// The review is done and follow-ups have owners.
    Closed {
        /// The root cause in a line.
        root_cause: String,
        /// What was learned.
        lessons: String,
    },
    /// The time of the leak is now known better. The earlier statement stays in the record.
    LeakDated {
        /// When it became readable by someone who should not read it.
        leaked_at: Interval,
        /// Why this is the better statement.
        reason: String,
    },
    /// Anything else worth a line.
    Noted {
        /// The line.
        text: String,
    },
}

impl Event {
    /// Returns the kind as it is stored.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::Judged { .. } => "judged",
            Self::Classified { .. } => "classified",
            Self::Acknowledged { .. } => "acknowledged",
            Self::Assigned { .. } => "assigned",
            Self::PhaseEntered { .. } => "phase-entered",
            Self::Observed { .. } => "observed",
            Self::PlanApproved { .. } => "plan-approved",
            Self::StepIntended { .. } => "step-intended",
            Self::StepFinished { .. } => "step-finished",
            Self::EvidenceCollected { .. } => "evidence-collected",
            Self::Contained { .. } => "contained",
            Self::Eradicated { .. } => "eradicated",
            Self::Recovered { .. } => "recovered",
            Self::Closed { .. } => "closed",
            Self::LeakDated { .. } => "leak-dated",
            Self::Noted { .. } => "noted",
        }
    }
}

/// A credential as the record may speak of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialRef {
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// The pattern that found it.
    pub pattern: String,
    /// The provider.
    pub provider: String,
    /// The provider's class, such as `llm-gateway`.
    pub class: String,
    /// The redacted secret.
    pub redacted: String,
    /// Its id at the provider, where it has a public one.
    pub key_id: Option<String>,
}

/// Where the credential stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exposure {
    /// The repository or folder.
    pub root: String,
    /// Who can read it, as far as is known.
    pub visibility: Visibility,
    /// The places, as `path:line` with the commit where there is one.
    pub places: Vec<String>,
    /// The first commit that holds it.
    pub first_commit: Option<String>,
}

/// Who can read the place of the leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Visibility {
    /// Anyone.
    Public,
    /// Everyone in the organisation.
    Internal,
    /// A named few.
    Private,
    /// Not known: counts as public.
    Unknown,
}

/// A time known to lie between two instants, and how it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// Not before.
    pub lower: Timestamp,
    /// Not after.
    pub upper: Timestamp,
    /// Where that is from, such as `committer date`.
    pub source: String,
}

/// The judgement on an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// A real credential, really exposed.
    TruePositive,
    /// No credential.
    FalsePositive,
    /// A credential without power, made for tests.
    TestKey,
    /// Already recorded in another incident.
    Duplicate,
    /// Dead before anyone could use it.
    NearMiss,
    /// A planted bait.
    Canary,
    /// Nobody can tell.
    InsufficientData,
}

/// The six phases of incident response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Before anything happened.
    Preparation,
    /// Is it real, whose is it, what can it do?
    Identification,
    /// Stop the harm.
    Containment,
    /// Remove the cause.
    Eradication,
    /// Work again, on the replacement.
    Recovery,
    /// Review, root cause, follow-ups.
    LessonsLearned,
}

/// Who answers for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Leads.
    Commander,
    /// Leads the technical work.
    TechnicalLead,
    /// Speaks to everyone else.
    Communications,
    /// Writes things down.
    Scribe,
    /// Approves what impacts the business.
    Approver,
    /// Owns what is left to do.
    FollowUpOwner,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The provider shows what was wanted.
    Succeeded,
    /// It was not done.
    Failed,
    /// Whether it was done can't be told yet.
    Unknown,
    /// The responder may not, or the policy forbids it.
    Refused,
    /// Not needed, or left to a person.
    Skipped,
}
