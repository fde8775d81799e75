//! A record for people outside: the same times and figures, without the names of people, systems, places
//! and without a word anybody typed.
//!
//! The events are rewritten and folded again, so that nothing is left that a report might show. What is
//! free text can't be checked for names, so it is left out as a whole.

use serde_json::Value;

use crate::secret::Fingerprint;

use super::{
    CredentialRef, Error, Event, Exposure, Incident, IncidentId, Interval, Recorded, UsageReview,
};

/// What stands where something was left out.
const LEFT_OUT: &str = "(left out)";

/// Returns the incident as people outside may see it.
///
/// # Errors
/// [`Error::NotOpened`] where no event opens it.
pub fn for_outsiders(id: &IncidentId, events: &[Recorded]) -> Result<Incident, Error> {
    let codename = events.iter().rev().find_map(|recorded| match &recorded.event {
        Event::Marked { codename, .. } => codename.clone(),
        _ => None,
    });
    let mut names = Names { codename, systems: Vec::new(), steps: Vec::new() };
    let told = events.iter().filter_map(|recorded| {
        let event = names.rewrite(&recorded.event)?;
        Some(Recorded { actor: "responder".to_owned(), event, ..recorded.clone() })
    });
    let told: Vec<Recorded> = told.collect();
    Incident::of(id, &told)
}

struct Names {
    codename: Option<String>,
    /// The systems in the order in which they are named.
    systems: Vec<String>,
    /// The steps likewise: their ids may hold a name.
    steps: Vec<String>,
}

impl Names {
    /// Returns an event without names, `None` where nothing of it is left.
    fn rewrite(&mut self, event: &Event) -> Option<Event> {
        let text = || LEFT_OUT.to_owned();
        Some(match event {
            Event::Opened { drill, credential, exposure, leaked_at, alerted_at, .. } => {
                Event::Opened {
                    title: self.title(credential),
                    drill: *drill,
                    credential: CredentialRef {
                        // A fingerprint of a weak secret could be guessed against.
                        fingerprint: Fingerprint::of("outsiders", []),
                        redacted: text(),
                        key_id: None,
                        ..credential.clone()
                    },
                    exposure: Exposure {
                        root: text(),
                        places: Vec::new(),
                        first_commit: None,
                        ..exposure.clone()
                    },
                    leaked_at: interval(leaked_at),
                    alerted_at: *alerted_at,
                }
            }
            Event::Judged { verdict, .. } => Event::Judged { verdict: *verdict, reason: text() },
            Event::Classified { level, rule, inputs, .. } => Event::Classified {
                level: *level,
                rule: rule.clone(),
                inputs: inputs.clone(),
                reason: text(),
            },
            Event::Acknowledged { .. } => Event::Acknowledged { by: "a responder".to_owned() },
            Event::Assigned { role, .. } => Event::Assigned { role: *role, person: text() },
            Event::PhaseEntered { phase, .. } => {
                Event::PhaseEntered { phase: *phase, reason: text() }
            }
            Event::Contained { effective_at, verified_at } => {
                Event::Contained { effective_at: *effective_at, verified_at: *verified_at }
            }
            Event::Eradicated { .. } => Event::Eradicated { reason: text() },
            Event::Recovered { .. } => Event::Recovered { reason: text() },
            Event::Closed { .. } => Event::Closed { root_cause: text(), lessons: text() },
            Event::LeakDated { leaked_at, .. } => {
                Event::LeakDated { leaked_at: interval(leaked_at), reason: text() }
            }
            Event::MomentDated { moment, at, .. } => {
                Event::MomentDated { moment: *moment, at: *at, reason: text() }
            }
            Event::Marked { .. } | Event::ClocksRuled { .. } => event.clone(),
            Event::ClockPaused { .. } => Event::ClockPaused { reason: text() },
            Event::ClockResumed { .. } => Event::ClockResumed { reason: text() },
            other => return self.rewrite_work(other),
        })
    }

    /// Rewrites what was done and found.
    fn rewrite_work(&mut self, event: &Event) -> Option<Event> {
        let text = || LEFT_OUT.to_owned();
        Some(match event {
            Event::Affected { name, validated, .. } => Event::Affected {
                name: number("system", &mut self.systems, name),
                owner: None,
                trusts: None,
                validated: *validated,
            },
            Event::StepIntended { step, call, .. } => Event::StepIntended {
                step: number("step", &mut self.steps, step),
                plan_hash: text(),
                call: call.clone(),
                target: text(),
                before: Value::Null,
            },
            Event::StepFinished { step, outcome, effective_at, .. } => Event::StepFinished {
                step: number("step", &mut self.steps, step),
                outcome: *outcome,
                detail: text(),
                effective_at: *effective_at,
                seen: Value::Null,
            },
            Event::RootCauseFound { category, fix, .. } => Event::RootCauseFound {
                category: *category,
                description: text(),
                fix: fix.as_ref().map(|_| text()),
            },
            Event::FollowUpAdded { due, .. } => {
                Event::FollowUpAdded { title: text(), owner: text(), due: *due }
            }
            Event::FollowUpDone { number, .. } => {
                Event::FollowUpDone { number: *number, result: text() }
            }
            Event::UsageReviewed { review } => Event::UsageReviewed {
                review: UsageReview { sources: Vec::new(), reason: text(), ..review.clone() },
            },
            // Nothing but words, names and internal ids.
            _ => return None,
        })
    }

    fn title(&self, credential: &CredentialRef) -> String {
        match &self.codename {
            Some(name) => name.clone(),
            None => format!("A leaked credential of {}", credential.provider),
        }
    }
}

/// Returns an interval without words about where it is from, unless they are the program's own.
fn interval(leaked_at: &Interval) -> Interval {
    Interval { source: LEFT_OUT.to_owned(), ..leaked_at.clone() }
}

/// Returns the number of a name among those before it, as a name.
fn number(kind: &str, known: &mut Vec<String>, name: &str) -> String {
    let at = known.iter().position(|known| known == name).unwrap_or_else(|| {
        known.push(name.to_owned());
        known.len() - 1
    });
    format!("{kind} {}", at + 1)
}
