//! What the events beside the containment itself do to the incident.

use jiff::Timestamp;

use super::Incident;
use crate::incident::surroundings::{Affected, Checkpoint, FollowUp, Repeat, RootCause, Workflow};
use crate::incident::{Event, Link, Moment, Pause, Recorded};

impl Incident {
    /// Adds an event that [`Incident::apply`] leaves over.
    pub(super) fn apply_beside(&mut self, recorded: &Recorded) {
        match &recorded.event {
            Event::MomentDated { moment, at, .. } => self.date(recorded, *moment, *at),
            Event::Marked { codename, tlp } => {
                self.codename = codename.clone().or_else(|| self.codename.take());
                self.tlp = tlp.or(self.tlp);
            }
            Event::DeputyNamed { role, person } => {
                self.deputies.insert(*role, person.clone());
            }
            Event::ClocksRuled { rules, source } => {
                self.clock_rules = rules.clone();
                self.clock_rules_from = Some(source.clone());
            }
            Event::ClockPaused { reason } => self.pause_clock(recorded, reason),
            Event::ClockResumed { .. } => self.resume_clock(recorded),
            Event::Affected { .. } => self.affect(recorded),
            Event::CheckpointAsked { vendor, question, case, due } => {
                self.checkpoints.push(Checkpoint {
                    vendor: vendor.clone(),
                    question: question.clone(),
                    case: case.clone(),
                    asked_at: recorded.at,
                    due: *due,
                    answer: None,
                    answered_at: None,
                });
            }
            Event::CheckpointAnswered { number, answer } => {
                self.answer(recorded, *number, answer);
            }
            Event::WorkflowPaused { workflow, reason } => self.workflows.push(Workflow {
                name: workflow.clone(),
                reason: reason.clone(),
                paused_at: recorded.at,
                resumed_at: None,
            }),
            Event::WorkflowResumed { workflow, .. } => self.resume_workflow(recorded, workflow),
            Event::FollowUpAdded { title, owner, due } => self.followups.push(FollowUp {
                title: title.clone(),
                owner: owner.clone(),
                due: *due,
                done_at: None,
                result: None,
            }),
            Event::FollowUpDone { number, result } => self.follow_up(recorded, *number, result),
            Event::RootCauseFound { category, description, fix } => {
                self.cause = Some(RootCause {
                    category: *category,
                    description: description.clone(),
                    fix: fix.clone(),
                    found_at: recorded.at,
                });
                self.root_cause = Some(description.clone());
            }
            Event::RepeatLinked { prior, reason } => {
                let (prior, reason) = (prior.clone(), reason.clone());
                self.repeats.push(Repeat { prior, reason });
            }
            Event::UsageReviewed { review } => self.usage = Some(review.clone()),
            Event::Linked { other, relation, reason } => self.links.push(Link {
                other: other.clone(),
                relation: *relation,
                reason: reason.clone(),
            }),
            _ => (),
        }
    }

    fn date(&mut self, recorded: &Recorded, moment: Moment, at: Timestamp) {
        let times = &mut self.times;
        let place = match moment {
            Moment::Alerted => {
                times.alerted_at = at;
                return;
            }
            Moment::Detected => &mut times.detected_at,
            Moment::Acknowledged => &mut times.acknowledged_at,
            Moment::Contained => &mut times.contained_at,
            Moment::Eradicated => &mut times.eradicated_at,
            Moment::Recovered => &mut times.recovered_at,
        };
        // A moment that was not reached has no time: dating it would reach it without saying how.
        match place {
            Some(known) => *known = at,
            None => {
                self.odd(recorded, format!("dates a moment not reached: {}", moment.words()));
            }
        }
    }

    fn pause_clock(&mut self, recorded: &Recorded, reason: &str) {
        if self.is_clock_paused() {
            return self.odd(recorded, "pauses a clock that stands still already");
        }
        let reason = reason.to_owned();
        self.clock_pauses.push(Pause { paused_at: recorded.at, resumed_at: None, reason });
    }

    fn resume_clock(&mut self, recorded: &Recorded) {
        match self.clock_pauses.last_mut() {
            Some(pause) if pause.resumed_at.is_none() => pause.resumed_at = Some(recorded.at),
            _ => self.odd(recorded, "lets a clock run that runs already"),
        }
    }

    /// Adds a system, or what is now known of one.
    fn affect(&mut self, recorded: &Recorded) {
        let Event::Affected { name, owner, trusts, validated } = &recorded.event else {
            return;
        };
        let known = self.affected.iter().position(|system| system.name == *name);
        let at = known.unwrap_or_else(|| {
            self.affected.push(Affected {
                name: name.clone(),
                owner: None,
                trusts: None,
                validated_at: None,
            });
            self.affected.len() - 1
        });
        let system = &mut self.affected[at];
        system.owner = owner.clone().or_else(|| system.owner.take());
        system.trusts = trusts.clone().or_else(|| system.trusts.take());
        system.validated_at = validated.then_some(recorded.at).or(system.validated_at);
    }

    fn answer(&mut self, recorded: &Recorded, number: u32, answer: &str) {
        match nth(&mut self.checkpoints, number) {
            Some(checkpoint) => {
                checkpoint.answer = Some(answer.to_owned());
                checkpoint.answered_at = Some(recorded.at);
            }
            None => self.odd(recorded, format!("answers question {number}, which nobody asked")),
        }
    }

    fn resume_workflow(&mut self, recorded: &Recorded, name: &str) {
        let stands =
            |workflow: &&mut Workflow| workflow.name == name && workflow.resumed_at.is_none();
        match self.workflows.iter_mut().find(stands) {
            Some(workflow) => workflow.resumed_at = Some(recorded.at),
            None => self.odd(recorded, "resumes a workflow that wasn't paused"),
        }
    }

    fn follow_up(&mut self, recorded: &Recorded, number: u32, result: &str) {
        match nth(&mut self.followups, number) {
            Some(followup) => {
                followup.done_at = Some(recorded.at);
                followup.result = Some(result.to_owned());
            }
            None => self.odd(recorded, format!("ends follow-up {number}, which there isn't")),
        }
    }
}

/// Returns the item with that number, counted from 1.
fn nth<T>(items: &mut [T], number: u32) -> Option<&mut T> {
    let at = usize::try_from(number).ok()?.checked_sub(1)?;
    items.get_mut(at)
}
