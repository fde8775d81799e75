//! The timeline: each event as one line for people.

use jiff::Timestamp;
use serde::Serialize;

use super::{Event, Recorded};

/// One line of the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The number of the event.
    pub seq: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// Who recorded it.
    pub actor: String,
    /// What happened, in words. It holds what people and providers wrote as they wrote it; whoever
    /// shows it makes it safe to show.
    pub text: String,
}

impl From<&Recorded> for Line {
    fn from(recorded: &Recorded) -> Self {
        Self {
            seq: recorded.seq,
            at: recorded.at,
            actor: recorded.actor.clone(),
            text: describe(&recorded.event),
        }
    }
}

/// Returns what happened, in words.
pub fn describe(event: &Event) -> String {
    match event {
        Event::Opened { title, drill, .. } if *drill => format!("opened, as a drill: {title}"),
        Event::Opened { title, .. } => format!("opened: {title}"),
        Event::Judged { verdict, reason } => format!("judged {}: {reason}", verdict.words()),
        Event::Classified { level, rule, reason, .. } => format!("{level} by {rule}: {reason}"),
        Event::Acknowledged { by } => format!("{by} took it"),
        Event::Assigned { role, person } => format!("{person} is {}", role.words()),
        Event::PhaseEntered { phase, reason } => {
            format!("phase {} begins: {reason}", phase.words())
        }
        Event::Observed { .. } => "looked at the provider".to_owned(),
        Event::PlanApproved { plan_hash, by, .. } => format!("{by} approved plan {plan_hash}"),
        Event::LeakDated { leaked_at, reason } => format!(
            "the leak is dated {:.0} to {:.0} ({}): {reason}",
            leaked_at.lower, leaked_at.upper, leaked_at.source
        ),
        Event::Closed { root_cause, .. } => format!("closed; root cause: {root_cause}"),
        Event::Noted { text } => format!("note: {text}"),
        work => describe_work(work),
    }
}

/// Returns what was done, in words: the events that `describe` leaves over.
fn describe_work(event: &Event) -> String {
    match event {
        Event::ApprovalGiven { plan_hash, by, confirmed: None } => {
            format!("{by} agrees to plan {plan_hash}")
        }
        Event::ApprovalGiven { plan_hash, by, confirmed: Some(target) } => {
            format!("{by} typed out {target} for plan {plan_hash}")
        }
        Event::LeaseTaken { holder, until } => {
            format!("{holder} works on it alone until {until:.0}")
        }
        Event::LeaseReleased { holder } => format!("{holder} is done"),
        Event::StepIntended { step, call, target, .. } if call.is_empty() => {
            format!("{step}: about to begin with {target}")
        }
        Event::StepIntended { step, call, target, .. } => {
            format!("{step}: about to call {call} on {target}")
        }
        Event::StepFinished { step, outcome, detail, .. } => {
            format!("{step}: {}: {detail}", outcome.words())
        }
        Event::EvidenceCollected { name, sha256, .. } => format!("kept {name} (sha256 {sha256})"),
        Event::Contained { effective_at, verified_at } => {
            format!("contained, in effect since {effective_at:.0}, proved at {verified_at:.0}")
        }
        Event::Eradicated { reason } => format!("eradicated: {reason}"),
        Event::Recovered { reason } => format!("recovered: {reason}"),
        after => describe_aftermath(after),
    }
}

/// Returns what was found out, asked and arranged, in words: the events that `describe_work` leaves over.
fn describe_aftermath(event: &Event) -> String {
    match event {
        Event::MomentDated { moment, at, reason } => {
            format!("{} at {at:.0}: {reason}", moment.words())
        }
        Event::Marked { codename, tlp } => {
            let codename = codename.as_ref().map(|name| format!("is spoken of as {name}"));
            let tlp = tlp.map(|tlp| format!("is marked {}", tlp.words()));
            [codename, tlp].into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
        Event::DeputyNamed { role, person } => format!("{person} stands in as {}", role.words()),
        Event::ClocksRuled { source, .. } => format!("the clocks follow {source}"),
        Event::ClockPaused { reason } => format!("the resolution clock stands still: {reason}"),
        Event::ClockResumed { reason } => format!("the resolution clock runs again: {reason}"),
        Event::Affected { name, owner, trusts, validated } => {
            let owner = owner.as_ref().map(|owner| format!("of {owner}"));
            let trusts = trusts.as_ref().map(|how| format!("trusts the key: {how}"));
            let validated = validated.then(|| "works without the leaked key".to_owned());
            let known: Vec<_> = [owner, trusts, validated].into_iter().flatten().collect();
            format!("affected system {name} {}", known.join(", ")).trim_end().to_owned()
        }
        Event::CheckpointAsked { vendor, question, due, .. } => {
            format!("asked {vendor}, answer needed by {due:.0}: {question}")
        }
        Event::CheckpointAnswered { number, answer } => {
            format!("answer to question {number}: {answer}")
        }
        Event::WorkflowPaused { workflow, reason } => format!("paused {workflow}: {reason}"),
        Event::WorkflowResumed { workflow, reason } => format!("{workflow} runs again: {reason}"),
        Event::FollowUpAdded { title, owner, due } => {
            format!("follow-up of {owner}, due {due:.0}: {title}")
        }
        Event::FollowUpDone { number, result } => format!("follow-up {number} is done: {result}"),
        Event::RootCauseFound { category, description, .. } => {
            format!("root cause: {} ({description})", category.words())
        }
        Event::RepeatLinked { prior, reason } => format!("happened before, in {prior}: {reason}"),
        Event::LogRead { search, next, .. } => {
            let log = search["log"].as_str().unwrap_or_default();
            let end = if next.is_some() { "goes on" } else { "to its end" };
            format!("read the log {log}, {end}")
        }
        Event::UsageReviewed { review } => format!(
            "what the key did from {:.0} to {:.0}: {}: {}",
            review.since,
            review.until,
            review.conclusion.words(),
            review.reason
        ),
        Event::Linked { other, relation, reason } => {
            format!("{} {other}: {reason}", relation.words())
        }
        other => other.kind().to_owned(),
    }
}
