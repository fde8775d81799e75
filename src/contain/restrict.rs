//! Restricting the owner of a key, and lifting that again: a change that may be made twice, with a look
//! after it as after every other.

use serde_json::{Value, json};

use super::Error;
use super::action::Action;
use super::change::Ending;
use super::engine::{Engine, as_value};
use super::history::NEEDED;
use super::look::{Trouble, trouble};
use super::plan::Step;
use super::run::Run;
use crate::incident::Outcome;
use crate::provider::{self, Measure, Receipt, Restriction, Standing};

/// Which way a restriction is changed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Turn<'a> {
    Set,
    /// With what was in its place before.
    Lift(&'a Value),
}

impl Turn<'_> {
    fn holds(self, standing: &Standing) -> bool {
        match self {
            Self::Set => standing.holds,
            Self::Lift(_) => !standing.holds,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Set => "stands",
            Self::Lift(_) => "is lifted",
        }
    }
}

/// What looking at a restriction showed.
enum Shown {
    Holds,
    Not,
    Nothing(provider::Error),
}

impl Run<'_> {
    pub(super) async fn restrict(&mut self, step: &Step) -> Result<(), Error> {
        let restriction = match self.restriction_of(step) {
            Some(restriction) => restriction,
            None => self.new_restriction(step)?,
        };
        let named = as_value(&restriction)?;
        if !self.record.history.is_pending(&step.id) {
            let standing = match self.engine.standing(&restriction).await {
                Ok(standing) => standing,
                Err(error) => return self.record.finish(&step.id, Ending::no(&error)),
            };
            // What was there before the first time is what an undo restores.
            let replaced = self.record.history.replaced_by(&named);
            let replaced = replaced.cloned().unwrap_or(standing.before);
            let before = json!({"restriction": named, "replaced": replaced});
            self.intend(&step.id, step.calls.join(", "), &step.target, before)?;
        }
        let ending = self.engine.turn(&restriction, Turn::Set, true).await;
        self.record.finish(&step.id, ending.seeing(json!({"restriction": named})))
    }

    /// Returns how a step ends that is left out: nobody's sessions are ended where the evidence, which
    /// wasn't there when the plan was made, shows that the key administers nothing.
    pub(super) fn spares(&self, step: &Step) -> Option<Ending> {
        let history = &self.record.history;
        let evidence = history.finish(Action::Evidence.id())?;
        let is_harmless = evidence.seen["administers"] == "no";
        (step.unless_harmless && is_harmless && !history.is_pending(&step.id)).then(|| {
            let words = format!(
                "not needed: by the evidence {} administers nothing; its sessions go on until they end, or \
                 until --end-sessions ends them",
                step.target
            );
            Ending::new(Outcome::Skipped, words).seeing(json!({NEEDED: false}))
        })
    }

    /// Returns the restriction of a step as it was first intended.
    pub(super) fn restriction_of(&self, step: &Step) -> Option<Restriction> {
        let before = self.record.history.trace(&step.id)?.first_before.as_ref()?;
        serde_json::from_value(before["restriction"].clone()).ok()
    }

    fn new_restriction(&self, step: &Step) -> Result<Restriction, Error> {
        let measure = match (&step.measure, step.action) {
            (Some(measure), _) => measure.clone(),
            (None, Action::EndSessions) => {
                Measure::EndSessions { issued_before: self.engine.clock.now() }
            }
            (None, _) => {
                let words = format!("step {} doesn't say what it denies", step.id);
                return Err(Error::Damaged(words));
            }
        };
        let incident = self.engine.incident.to_string();
        Ok(Restriction { measure, owner: step.target.clone(), incident })
    }
}

impl Engine<'_> {
    /// Looks at a restriction, patiently.
    pub(super) async fn standing(
        &self,
        restriction: &Restriction,
    ) -> Result<Standing, provider::Error> {
        let mut nth = 0;
        loop {
            let look = self.provider.standing(restriction);
            match self.patience.call("looking at a restriction", look).await {
                Err(error)
                    if matches!(trouble(&error), Trouble::NotYet | Trouble::MaybeDone)
                        && !matches!(error, provider::Error::NotFound { .. })
                        && nth + 1 < self.patience.attempts =>
                {
                    self.patience.pause(nth).await;
                    nth += 1;
                }
                answer => return answer,
            }
        }
    }

    /// Sets or lifts a restriction and looks until it shows; with `look_first`, looks whether it is so
    /// already.
    pub(super) async fn turn(
        &self,
        restriction: &Restriction,
        turn: Turn<'_>,
        look_first: bool,
    ) -> Ending {
        let owner = &restriction.owner;
        let done = || format!("the restriction of {owner} {}", turn.word());
        let settled = || {
            let words = format!("settled by looking: {}", done());
            Ending::new(Outcome::Succeeded, words).effective(self.clock.now())
        };
        if look_first && matches!(self.shows(restriction, turn, 1).await, Shown::Holds) {
            return settled();
        }
        let mut last = String::new();
        for nth in 0..self.patience.attempts.max(1) {
            match self.patience.call("a restriction", self.make_turn(restriction, turn)).await {
                Ok(receipt) => {
                    return match self.shows(restriction, turn, self.patience.looks).await {
                        Shown::Holds => {
                            Ending::new(Outcome::Succeeded, done()).effective(receipt.at)
                        }
                        Shown::Not => Ending::new(
                            Outcome::Failed,
                            format!(
                                "the provider said yes and nothing can be seen of it for {owner}"
                            ),
                        ),
                        Shown::Nothing(blind) => Ending::new(
                            Outcome::Unknown,
                            format!(
                                "the provider said yes, but what it did can't be seen: {blind}"
                            ),
                        ),
                    };
                }
                Err(error) => match trouble(&error) {
                    Trouble::MayNot | Trouble::No => return Ending::no(&error),
                    Trouble::NotYet => last = error.to_string(),
                    Trouble::MaybeDone => {
                        last = error.to_string();
                        match self.shows(restriction, turn, 1).await {
                            Shown::Holds => return settled(),
                            Shown::Not => {}
                            Shown::Nothing(blind) => {
                                let words = format!("{error}; and looking can't tell: {blind}");
                                return Ending::new(Outcome::Unknown, words);
                            }
                        }
                    }
                },
            }
            self.patience.pause(nth).await;
        }
        Ending::new(Outcome::Failed, format!("not done after every attempt: {last}"))
    }

    async fn make_turn(
        &self,
        restriction: &Restriction,
        turn: Turn<'_>,
    ) -> Result<Receipt, provider::Error> {
        match turn {
            Turn::Set => self.provider.restrict(restriction).await,
            Turn::Lift(before) => self.provider.lift(restriction, before).await,
        }
    }

    async fn shows(&self, restriction: &Restriction, turn: Turn<'_>, looks: u32) -> Shown {
        let mut last = Shown::Not;
        for nth in 0..looks.max(1) {
            last = match self.standing(restriction).await {
                Ok(standing) if turn.holds(&standing) => return Shown::Holds,
                Ok(_) => Shown::Not,
                // Who isn't there is not restricted.
                Err(provider::Error::NotFound { .. }) if matches!(turn, Turn::Lift(_)) => {
                    return Shown::Holds;
                }
                Err(error) => Shown::Nothing(error),
            };
            if nth + 1 < looks {
                self.patience.pause(nth).await;
            }
        }
        last
    }
}
