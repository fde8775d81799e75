//! What each event does to the incident.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Evidence, Figures, Incident, Judgement, Note, Oddity, PlanInForce, Severity, State, Step, Times,
};
use crate::incident::step::StepState;
use crate::incident::{
    ClockRules, Event, IncidentId, Interval, Outcome, Phase, Recorded, UsageReview, Verdict, chain,
    timeline::Line,
};

impl Incident {
    /// Returns the incident as the event that opens it tells it.
    pub(super) fn opened(id: &IncidentId, recorded: &Recorded) -> Option<Self> {
        let Event::Opened { title, drill, credential, exposure, leaked_at, alerted_at } =
            &recorded.event
        else {
            return None;
        };
        Some(Self {
            id: id.clone(),
            title: title.clone(),
            drill: *drill,
            state: State::Open,
            phase: Phase::Identification,
            reopened: 0,
            verdict: None,
            severity: None,
            sla: None,
            acknowledged_by: None,
            roles: Default::default(),
            deputies: Default::default(),
            codename: None,
            tlp: None,
            clock_rules: ClockRules::default(),
            clock_rules_from: None,
            clock_pauses: Vec::new(),
            affected: Vec::new(),
            checkpoints: Vec::new(),
            workflows: Vec::new(),
            followups: Vec::new(),
            cause: None,
            repeats: Vec::new(),
            usage: None,
            links: Vec::new(),
            credential: credential.clone(),
            exposure: exposure.clone(),
            times: Times::at_opening(leaked_at.clone(), *alerted_at, recorded.at),
            figures: Figures::default(),
            plan: None,
            steps: Vec::new(),
            evidence: Vec::new(),
            notes: Vec::new(),
            root_cause: None,
            lessons: None,
            timeline: Vec::new(),
            oddities: Vec::new(),
        })
    }

    /// Lists something that doesn't fit.
    pub(super) fn odd(&mut self, recorded: &Recorded, what: impl Into<String>) {
        let (seq, what) = (recorded.seq, what.into());
        self.oddities.push(Oddity { seq, what });
    }

    /// Adds one event.
    pub(super) fn apply(&mut self, recorded: &Recorded) {
        self.check_order(recorded);
        self.timeline.push(Line::from(recorded));
        match &recorded.event {
            Event::Opened { leaked_at, .. } | Event::LeakDated { leaked_at, .. } => {
                self.date_leak(recorded, leaked_at);
            }
            Event::Judged { verdict, reason } => self.judge(recorded, *verdict, reason),
            Event::Classified { .. } => self.classify(recorded),
            Event::Acknowledged { by } => {
                self.times.acknowledged_at.get_or_insert(recorded.at);
                self.acknowledged_by.get_or_insert_with(|| by.clone());
            }
            Event::Assigned { role, person } => {
                self.roles.insert(*role, person.clone());
            }
            Event::PhaseEntered { phase, .. } => self.enter(*phase),
            Event::Observed { .. } => (),
            Event::PlanApproved { plan_hash, plan, by } => {
                self.approve(recorded, plan_hash, plan, by)
            }
            Event::StepIntended { .. } => self.intend(recorded),
            Event::StepFinished { .. } => self.finish(recorded),
            Event::EvidenceCollected { .. } => self.keep(recorded),
            Event::Contained { effective_at, verified_at } => {
                self.contain(recorded, *effective_at, *verified_at)
            }
            Event::Eradicated { .. } => self.eradicate(recorded),
            Event::Recovered { .. } => self.recover(recorded),
            Event::Closed { root_cause, lessons } => self.close(recorded, root_cause, lessons),
            Event::Noted { text } => self.notes.push(Note {
                at: recorded.at,
                by: recorded.actor.clone(),
                text: text.clone(),
            }),
            _ => self.apply_beside(recorded),
        }
    }

    /// Lists an event that stands before the opening, opens again, or comes after the end.
    fn check_order(&mut self, recorded: &Recorded) {
        let opens = matches!(recorded.event, Event::Opened { .. });
        match (self.timeline.is_empty(), opens) {
            (true, false) => self.odd(recorded, "stands before the event that opens the incident"),
            (false, true) => self.odd(recorded, "opens an incident that has events already"),
            _ => (),
        }
        let may_follow_the_end = matches!(
            recorded.event,
            Event::Noted { .. }
                | Event::PhaseEntered { .. }
                | Event::Judged { .. }
                | Event::FollowUpDone { .. }
                | Event::RepeatLinked { .. }
                | Event::LogRead { .. }
                | Event::UsageReviewed { .. }
                | Event::Linked { .. }
                | Event::Marked { .. }
                | Event::LeakDated { .. }
                | Event::MomentDated { .. }
        );
        // What a key did may be looked through again at any time.
        let is_of_a_hunt = matches!(
            &recorded.event,
            Event::EvidenceCollected { name, .. } if UsageReview::EVIDENCE.contains(&name.as_str())
        );
        if self.times.closed_at.is_some() && !may_follow_the_end && !is_of_a_hunt {
            self.odd(recorded, "comes after the incident was closed and not opened again");
        }
    }

    fn date_leak(&mut self, recorded: &Recorded, leaked_at: &Interval) {
        // A second opening changes nothing: it is an oddity, not a correction.
        if matches!(recorded.event, Event::LeakDated { .. }) {
            self.times.leaked_at = leaked_at.clone();
        }
        if leaked_at.upper < leaked_at.lower {
            self.odd(recorded, "the leak is dated to an interval that ends before it begins");
        }
    }

    fn judge(&mut self, recorded: &Recorded, verdict: Verdict, reason: &str) {
        if verdict == Verdict::TruePositive {
            self.times.detected_at.get_or_insert(recorded.at);
        } else {
            self.times.detected_at = None;
        }
        if verdict.is_no_incident() {
            self.times.cancelled_at.get_or_insert(recorded.at);
        } else {
            self.times.cancelled_at = None;
        }
        self.verdict = Some(Judgement {
            verdict,
            reason: reason.to_owned(),
            at: recorded.at,
            by: recorded.actor.clone(),
        });
    }

    fn classify(&mut self, recorded: &Recorded) {
        let Event::Classified { level, rule, inputs, reason } = &recorded.event else {
            return;
        };
        self.severity = Some(Severity {
            level: *level,
            rule: rule.clone(),
            inputs: inputs.clone(),
            reason: reason.clone(),
            at: recorded.at,
            by: recorded.actor.clone(),
        });
    }

    /// Goes to a phase; going back takes back what was reached from it on.
    fn enter(&mut self, phase: Phase) {
        let times = &mut self.times;
        let before = times.clone();
        if phase <= Phase::Containment {
            times.contained_at = None;
            times.contained_verified_at = None;
        }
        if phase <= Phase::Eradication {
            times.eradicated_at = None;
        }
        if phase <= Phase::Recovery {
            times.recovered_at = None;
        }
        times.closed_at = None;
        self.reopened = (self.reopened).saturating_add(u32::from(*times != before));
        self.phase = phase;
    }

    /// Goes on to a phase that was evidently reached, whether or not anybody said so.
    fn reach(&mut self, phase: Phase) {
        self.phase = self.phase.max(phase);
    }

    fn approve(&mut self, recorded: &Recorded, hash: &str, plan: &Value, by: &str) {
        // What an older plan left undone is no longer planned, and what it did is history: the same
        // plan approved again is to be done again.
        self.steps.retain(|step| step.state != StepState::Planned);
        for step in &mut self.steps {
            step.superseded = true;
        }
        self.steps.extend(Step::all_planned(hash, plan));
        self.plan = Some(PlanInForce { hash: hash.to_owned(), by: by.to_owned(), at: recorded.at });
    }

    fn position(&self, step: &str, plan_hash: &str) -> Option<usize> {
        let is_it = |s: &Step| s.id == step && s.plan_hash.as_deref() == Some(plan_hash);
        self.steps.iter().rposition(is_it)
    }

    fn intend(&mut self, recorded: &Recorded) {
        let Event::StepIntended { step, plan_hash, call, target, before } = &recorded.event else {
            return;
        };
        if self.plan.as_ref().is_none_or(|plan| plan.hash != *plan_hash) {
            self.odd(recorded, format!("step {step} belongs to a plan that isn't in force"));
        }
        self.reach(Phase::Containment);
        let at = self.position(step, plan_hash).unwrap_or_else(|| {
            self.steps.push(Step::planned(step, Some(plan_hash)));
            self.steps.len() - 1
        });
        let step = &mut self.steps[at];
        step.call.clone_from(call);
        step.target.clone_from(target);
        step.before.clone_from(before);
        step.state = StepState::Intended;
        step.attempts = step.attempts.saturating_add(1);
        step.intended_at = Some(recorded.at);
        step.finished_at = None;
    }

    fn finish(&mut self, recorded: &Recorded) {
        let Event::StepFinished { step: id, outcome, detail, effective_at, seen } = &recorded.event
        else {
            return;
        };
        let at = self.step_that_ends(id);
        let acted = matches!(outcome, Outcome::Succeeded | Outcome::Failed | Outcome::Unknown);
        if acted && self.steps[at].attempts == 0 {
            self.odd(recorded, format!("step {id} ended without having been intended"));
        }
        let step = &mut self.steps[at];
        step.state = StepState::from(*outcome);
        step.finished_at = Some(recorded.at);
        step.effective_at = *effective_at;
        step.detail.clone_from(detail);
        step.seen.clone_from(seen);
    }

    /// Returns the place of the step an end belongs to: the one of that id that is unsettled, else the
    /// last, else a new one. An end doesn't name its plan.
    fn step_that_ends(&mut self, id: &str) -> usize {
        let is_it = |step: &Step| step.id == id;
        let unsettled = |step: &Step| is_it(step) && step.is_unsettled();
        let known =
            (self.steps.iter().rposition(unsettled)).or_else(|| self.steps.iter().rposition(is_it));
        known.unwrap_or_else(|| {
            let plan_hash = self.plan.as_ref().map(|plan| plan.hash.as_str());
            let step = Step::planned(id, plan_hash);
            self.steps.push(step);
            self.steps.len() - 1
        })
    }

    fn keep(&mut self, recorded: &Recorded) {
        let Event::EvidenceCollected { name, sha256, content } = &recorded.event else {
            return;
        };
        if chain::digest(content).ok().as_ref() != Some(sha256) {
            self.odd(recorded, format!("the evidence {name} doesn't have the digest it is given"));
        }
        self.evidence.push(Evidence {
            seq: recorded.seq,
            at: recorded.at,
            name: name.clone(),
            sha256: sha256.clone(),
        });
    }

    fn contain(&mut self, recorded: &Recorded, effective_at: Timestamp, verified_at: Timestamp) {
        if verified_at < effective_at {
            self.odd(recorded, "containment is said to be proved before it took effect");
        }
        self.reach(Phase::Containment);
        self.times.contained_at = Some(effective_at);
        self.times.contained_verified_at = Some(verified_at);
    }

    fn eradicate(&mut self, recorded: &Recorded) {
        if self.times.contained_at.is_none() {
            self.odd(recorded, "eradicated without being contained");
        }
        self.reach(Phase::Eradication);
        self.times.eradicated_at = Some(recorded.at);
    }

    fn recover(&mut self, recorded: &Recorded) {
        if self.times.contained_at.is_none() {
            self.odd(recorded, "recovered without being contained");
        }
        self.reach(Phase::Recovery);
        self.times.recovered_at = Some(recorded.at);
    }

    fn close(&mut self, recorded: &Recorded, root_cause: &str, lessons: &str) {
        let unsettled = self.unsettled().count();
        if unsettled > 0 {
            self.odd(recorded, format!("closed with unsettled steps: {unsettled}"));
        }
        if self.times.recovered_at.is_none() && self.times.cancelled_at.is_none() {
            self.odd(recorded, "closed without being recovered or cancelled");
        }
        self.reach(Phase::LessonsLearned);
        self.times.closed_at = Some(recorded.at);
        self.root_cause = Some(root_cause.to_owned());
        self.lessons = Some(lessons.to_owned());
    }
}

impl Times {
    fn at_opening(leaked_at: Interval, alerted_at: Timestamp, opened_at: Timestamp) -> Self {
        Self {
            leaked_at,
            alerted_at,
            opened_at,
            detected_at: None,
            acknowledged_at: None,
            contained_at: None,
            contained_verified_at: None,
            eradicated_at: None,
            recovered_at: None,
            closed_at: None,
            cancelled_at: None,
        }
    }
}
