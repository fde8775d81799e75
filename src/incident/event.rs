//! The vocabulary of the record: everything that can happen in an incident.
//!
//! An event is a fact of the past and is never changed; a correction is a further event. No event has
//! a field for a secret: credentials appear by fingerprint, key id and redaction.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::severity::{Inputs, Level};
use super::usage::{Relation, UsageReview};
use super::words::{
    Cause, CredentialRef, Exposure, Interval, Moment, Outcome, Phase, Role, Tlp, Verdict,
};
use super::{ClockRules, IncidentId};

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
    /// A person agreed to a plan, or typed out what an irreversible step acts on.
    ApprovalGiven {
        /// The hash of the plan: the approval holds for this plan and no other.
        plan_hash: String,
        /// Who says so.
        by: String,
        /// The target that was typed out, where it was.
        confirmed: Option<String>,
    },
    /// One process works on the incident alone until then, unless it is seen to be dead before.
    LeaseTaken {
        /// Which process.
        holder: String,
        /// Until when.
        until: Timestamp,
    },
    /// That process is done.
    LeaseReleased {
        /// Which process.
        holder: String,
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
    /// Another moment of the incident is now known better. The earlier statement stays in the record.
    MomentDated {
        /// Which moment.
        moment: Moment,
        /// When it was.
        at: Timestamp,
        /// Why this is the better statement.
        reason: String,
    },
    /// How the incident is spoken of, and to whom.
    Marked {
        /// The name for people who must not know more.
        codename: Option<String>,
        /// Who may see the record.
        tlp: Option<Tlp>,
    },
    /// Somebody stands in for whoever has a role.
    DeputyNamed {
        /// The role.
        role: Role,
        /// The person who stands in.
        person: String,
    },
    /// The clocks follow these rules from the beginning on, not the built-in ones.
    ClocksRuled {
        /// The rules.
        rules: ClockRules,
        /// Where they are from.
        source: String,
    },
    /// The resolution clock stands still: somebody outside has to act.
    ClockPaused {
        /// Why.
        reason: String,
    },
    /// The resolution clock runs again.
    ClockResumed {
        /// Why.
        reason: String,
    },
    /// A system that trusts the key, or what is now known of it.
    Affected {
        /// The system.
        name: String,
        /// Whose it is, where known.
        owner: Option<String>,
        /// How it trusts the key, where known.
        trusts: Option<String>,
        /// Whether it was seen to work, safely, without the leaked key.
        validated: bool,
    },
    /// A vendor was asked something.
    CheckpointAsked {
        /// Who was asked.
        vendor: String,
        /// What.
        question: String,
        /// The vendor's number for it, where there is one.
        case: Option<String>,
        /// Until when an answer is needed.
        due: Timestamp,
    },
    /// A vendor answered.
    CheckpointAnswered {
        /// Which question, counted from 1.
        number: u32,
        /// The answer.
        answer: String,
    },
    /// A workflow was stopped because it is too risky now.
    WorkflowPaused {
        /// Which.
        workflow: String,
        /// Why.
        reason: String,
    },
    /// A workflow runs again.
    WorkflowResumed {
        /// Which.
        workflow: String,
        /// Why it is safe.
        reason: String,
    },
    /// Something is left to do after the incident.
    FollowUpAdded {
        /// What.
        title: String,
        /// Who does it.
        owner: String,
        /// Until when.
        due: Timestamp,
    },
    /// A follow-up was done.
    FollowUpDone {
        /// Which, counted from 1.
        number: u32,
        /// What was done.
        result: String,
    },
    /// Why it could happen.
    RootCauseFound {
        /// The kind of cause.
        category: Cause,
        /// The cause in a line.
        description: String,
        /// What was or will be changed so that it can't happen again.
        fix: Option<String>,
    },
    /// It happened before.
    RepeatLinked {
        /// The earlier incident.
        prior: IncidentId,
        /// In what the two are alike.
        reason: String,
    },
    /// A piece of a provider's log was read for what the key did. Whoever takes a search up that was
    /// interrupted goes on after the last piece.
    LogRead {
        /// Which log, by what, from when until when.
        search: Value,
        /// What was found in the piece.
        found: Value,
        /// Where the next piece begins; `None` at the end.
        next: Option<String>,
    },
    /// What the key did was looked through to the end.
    UsageReviewed {
        /// What was read, and what follows.
        review: UsageReview,
    },
    /// Another incident hangs together with this one.
    Linked {
        /// The other one.
        other: IncidentId,
        /// How.
        relation: Relation,
        /// Why, in words.
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
            Self::ApprovalGiven { .. } => "approval-given",
            Self::LeaseTaken { .. } => "lease-taken",
            Self::LeaseReleased { .. } => "lease-released",
            Self::StepIntended { .. } => "step-intended",
            Self::StepFinished { .. } => "step-finished",
            Self::EvidenceCollected { .. } => "evidence-collected",
            Self::Contained { .. } => "contained",
            Self::Eradicated { .. } => "eradicated",
            Self::Recovered { .. } => "recovered",
            Self::Closed { .. } => "closed",
            Self::LeakDated { .. } => "leak-dated",
            Self::MomentDated { .. } => "moment-dated",
            Self::Marked { .. } => "marked",
            Self::DeputyNamed { .. } => "deputy-named",
            Self::ClocksRuled { .. } => "clocks-ruled",
            Self::ClockPaused { .. } => "clock-paused",
            Self::ClockResumed { .. } => "clock-resumed",
            Self::Affected { .. } => "affected",
            Self::CheckpointAsked { .. } => "checkpoint-asked",
            Self::CheckpointAnswered { .. } => "checkpoint-answered",
            Self::WorkflowPaused { .. } => "workflow-paused",
            Self::WorkflowResumed { .. } => "workflow-resumed",
            Self::FollowUpAdded { .. } => "follow-up-added",
            Self::FollowUpDone { .. } => "follow-up-done",
            Self::RootCauseFound { .. } => "root-cause-found",
            Self::RepeatLinked { .. } => "repeat-linked",
            Self::LogRead { .. } => "log-read",
            Self::UsageReviewed { .. } => "usage-reviewed",
            Self::Linked { .. } => "linked",
            Self::Noted { .. } => "noted",
        }
    }
}
