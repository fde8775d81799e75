//! Containment: from an observation to a plan, from a plan to events.
//!
//! [`plan()`] is a pure function; the [`Engine`] carries out exactly that plan: it writes what it intends,
//! acts, looks, and writes what it saw. A step is done when the provider shows it, not when the call
//! returned. Forward only: an undo is a person's command. What is unknown is settled by looking, so a
//! run that was killed is taken up again and nothing is done twice.
//!
//! | word | meaning |
//! |---|---|
//! | plan | what would be done, in order, with its price; its hash is what a person approves |
//! | step | one thing done and one thing looked for; it is intended before and finished after |
//! | look | asking the provider what is so; it changes nothing and may be repeated |
//! | settle | find out by looking how an interrupted step ended |
//! | aside | a step that only reads, before or beside the stopping of the key |
//! | word | the approvals a plan has; the [`Guard`] compares it with what a step needs |
//! | lease | one process at work on an incident; the others see which |
//! | hunt | reading in the provider's log what the key did; it changes nothing |
//! | orphan | a key made by a call whose answer, and so whose secret, was lost |
//!
//! It deliberately does not print, ask, approve or read the environment: that is `cli`'s work.

mod action;
mod again;
mod aside;
mod at_once;
mod baseline;
mod change;
mod deliver;
mod delivery;
mod difference;
mod engine;
mod facts;
mod fresh;
mod guard;
mod history;
mod hunt;
mod layout;
mod lease;
mod look;
mod mode;
mod opening;
mod plan;
mod policy;
mod prove;
mod recheck;
mod record;
mod request;
mod restrict;
mod restrictions;
mod rotate;
mod run;
mod steps;
mod stop;
mod summary;
mod undo;
mod wait;

pub use action::{Action, Approval};
pub use again::{Again, Life, ask_again};
pub use at_once::{AT_ONCE, at_once};
pub use baseline::{Baseline, NoBaseline};
pub use delivery::{
    CommandDelivery, Delivery, DeliveryError, Form, GitHubDelivery, MemoryDelivery, Scheme, Sink,
    Target, VaultDelivery, WrittenDelivery,
};
#[cfg(feature = "aws")]
pub use delivery::{ParameterStoreDelivery, SecretsManagerDelivery};
pub use difference::differences;
pub use engine::Engine;
pub use facts::{Facts, Subject};
pub use fresh::Fresh;
pub use guard::Guard;
pub use hunt::{
    Address, Child, Found, Hunt, Hunted, Left, Progress, Question, Removal, SecretRead, Times,
    children,
};
pub use lease::{Alone, Holder, LockFile};
pub use look::Patience;
pub use mode::{MODE_RULES, Mode, ModeChosen, hangs_on_rights, mode_table};
pub use opening::Leak;
pub use plan::{Plan, Sibling, Step, Undo, Waiting, plan};
pub use policy::Policy;
pub use request::{Deletion, DeliveryCalls, Grounds, ModeAsked, Proof, Request};
pub use summary::{Settled, StepResult, Summary};
pub use undo::{UndoSummary, What};

use jiff::Timestamp;

use crate::{incident, provider};

/// Why a containment could not begin or go on. What went wrong inside a step is no error: it is that
/// step's outcome, in the record and in the [`Summary`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process writes to the same incident: leave it to them, and look again later.
    #[error(
        "someone else is containing this incident ({0}): stopped before doing anything further"
    )]
    SomeoneElse(incident::IncidentId),
    /// Another process works on the incident now: leave it to them.
    #[error("{by} is at work on this incident, until {until:.0} at the latest")]
    Held {
        /// Which process, and whose.
        by: String,
        /// When its lease runs out.
        until: Timestamp,
    },
    /// The policy, or somebody's halt, forbids it.
    #[error("{0}")]
    Forbidden(String),
    /// A replacement could not be delivered; nothing was done yet.
    #[error("the replacement could not be delivered, so nothing was begun: {0}")]
    Undeliverable(#[from] DeliveryError),
    /// Only the name of a key is known: find the secret itself before acting.
    #[error(
        "only the key's id is known, not its secret: whoever knows an id alone may not stop a key"
    )]
    NoSecret,
    /// The world, or what the caller brought, is not what the plan was made for: plan again.
    #[error("the plan no longer fits: {}", .0.join("; "))]
    Changed(Vec<String>),
    /// A plan of this incident is under way: resume it first.
    #[error(
        "a plan of this incident (hash {plan_hash}) was begun and not finished: resume it first"
    )]
    Unfinished {
        /// The hash of that plan.
        plan_hash: String,
    },
    /// There is nothing to take up or to undo: make a plan.
    #[error("nothing to take up: {0}")]
    Nothing(String),
    /// Undoing this would put a leaked key back to work: say so explicitly, or leave it.
    #[error("undoing this step starts the leaked key {key} again; that needs a flag of its own")]
    WouldRevive {
        /// The leaked key's id.
        key: String,
    },
    /// The plan has no such step.
    #[error("the plan has no step `{step}`; its steps are {}", .known.join(", "))]
    NoSuchStep {
        /// What was asked for.
        step: String,
        /// The steps there are.
        known: Vec<String>,
    },
    /// The plan holds a step no program may do.
    #[error("step `{0}` is never automated: a person does it")]
    NeverAutomated(String),
    /// The record can't be trusted: find out who changed it.
    #[error("the record of this incident is damaged: {0}")]
    Damaged(String),
    /// The provider could not be looked at before anything was done.
    #[error(transparent)]
    Provider(#[from] provider::Error),
    /// The record could not be read or written; nothing is done without it.
    #[error(transparent)]
    Journal(incident::Error),
}

impl From<incident::Error> for Error {
    fn from(error: incident::Error) -> Self {
        match error {
            incident::Error::Conflict { incident, .. } => Self::SomeoneElse(incident),
            other => Self::Journal(other),
        }
    }
}
