//! The world the engine is tested in: the simulated provider, a journal, a clock in the test's hand.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use stanch::contain::{
    Alone, Delivery, Engine, Facts, Guard, MemoryDelivery, Patience, Plan, Policy, Proof, Request,
    Settled, Subject, Summary, plan,
};
use stanch::incident::{Clock, Error, Event, IncidentId, Journal, Outcome, Recorded};
use stanch::provider::simulated::{Now, Simulated};
use stanch::provider::{Operation, Provider};
use stanch::secret::{Credential, Part};

pub(crate) const OWNER: &str = "ci-deployer";

/// A clock that goes on by a second whenever it is asked.
#[derive(Clone)]
pub(crate) struct Ticking(Arc<AtomicI64>);

impl Ticking {
    pub(crate) fn new() -> Self {
        Self::at(1_800_000_000)
    }

    pub(crate) fn at(second: i64) -> Self {
        Self(Arc::new(AtomicI64::new(second)))
    }

    pub(crate) fn as_now(&self) -> Now {
        let clock = self.clone();
        Arc::new(move || clock.now())
    }
}

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.fetch_add(1, Ordering::SeqCst)).unwrap()
    }
}

/// A journal that lives as long as the test.
#[derive(Default)]
pub(crate) struct MemoryJournal(Mutex<Vec<Recorded>>);

impl Journal for MemoryJournal {
    fn append(
        &self,
        incident: &IncidentId,
        expected_seq: u64,
        actor: &str,
        at: Timestamp,
        event: &Event,
    ) -> Result<Recorded, Error> {
        let mut events = self.0.lock().unwrap();
        if expected_seq != events.len() as u64 {
            return Err(Error::Conflict { incident: incident.clone(), seq: expected_seq });
        }
        let recorded = Recorded {
            seq: expected_seq,
            at,
            actor: actor.to_owned(),
            event: event.clone(),
            prev: String::new(),
            hash: String::new(),
        };
        events.push(recorded.clone());
        Ok(recorded)
    }

    fn events(&self, _: &IncidentId) -> Result<Vec<Recorded>, Error> {
        Ok(self.0.lock().unwrap().clone())
    }
}

/// A leaked key of an owner, and everything needed to contain it.
pub(crate) struct World {
    pub(crate) clock: Ticking,
    pub(crate) simulated: Simulated,
    pub(crate) journal: MemoryJournal,
    pub(crate) incident: IncidentId,
    pub(crate) credential: Credential,
    pub(crate) delivery: MemoryDelivery,
    pub(crate) guard: Guard,
    pub(crate) holder: Alone,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = Ticking::new();
        let simulated = Simulated::new(clock.as_now());
        let credential = simulated.issue(OWNER).unwrap();
        Self {
            clock,
            simulated,
            journal: MemoryJournal::default(),
            incident: IncidentId::generate(),
            credential,
            delivery: MemoryDelivery::new(),
            guard: Guard::new(Policy::default()),
            holder: Alone("alex".to_owned()),
        }
    }

    pub(crate) fn engine(&self) -> Engine<'_> {
        self.engine_at(&self.simulated)
    }

    pub(crate) fn engine_at<'a>(&'a self, provider: &'a dyn Provider) -> Engine<'a> {
        Engine {
            journal: &self.journal,
            provider,
            clock: &self.clock,
            incident: self.incident.clone(),
            actor: "alex".to_owned(),
            approver: Some("alex".to_owned()),
            confirmed: Vec::new(),
            guard: &self.guard,
            holder: &self.holder,
            credential: &self.credential,
            delivery: Some(&self.delivery),
            patience: Patience::without_waiting(),
        }
    }

    /// Returns the plan for the key as it is seen now.
    pub(crate) async fn plan(&self, request: &Request) -> Plan {
        plan_at(&self.simulated, &self.credential, request).await
    }

    pub(crate) async fn plan_with_delivery(&self) -> Plan {
        self.plan(&self.with_delivery()).await
    }

    /// Returns the request for a replacement.
    pub(crate) fn with_delivery(&self) -> Request {
        Request { delivery: Some(self.delivery.describe()), ..bare() }
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        let events = self.journal.events(&self.incident).unwrap();
        events.into_iter().map(|recorded| recorded.event).collect()
    }

    pub(crate) fn is_recorded_as_contained(&self) -> bool {
        self.events().iter().any(|event| matches!(event, Event::Contained { .. }))
    }

    pub(crate) fn key_id(&self) -> String {
        self.credential.public("id").unwrap().to_owned()
    }

    /// Returns how often an operation was asked for.
    pub(crate) fn asked(&self, operation: Operation) -> usize {
        let asked = self.simulated.asked().unwrap();
        asked.iter().filter(|asked| asked.operation == operation).count()
    }

    /// Returns how often an operation made a difference.
    pub(crate) fn done(&self, operation: Operation) -> usize {
        let asked = self.simulated.asked().unwrap();
        asked.iter().filter(|asked| asked.operation == operation && asked.is_done).count()
    }

    /// Returns the owner's other keys as they really are.
    pub(crate) fn replacements(&self) -> Vec<stanch::provider::Key> {
        let keys = self.simulated.really(OWNER).unwrap();
        keys.into_iter().filter(|key| key.id != self.key_id()).collect()
    }

    /// Asserts that the last delivered key works, is the owner's only other key, and that no secret
    /// is in the record.
    pub(crate) fn assert_replaced_and_silent(&self) {
        let delivered = self.delivery.delivered();
        let last = delivered.last().expect("a replacement is delivered");
        assert!(self.simulated.really_works(last).unwrap());
        assert_eq!(self.replacements().len(), 1);
        self.assert_silent();
    }

    pub(crate) fn assert_silent(&self) {
        let record = serde_json::to_string(&self.events()).unwrap();
        for credential in self.delivery.delivered().iter().chain([&self.credential]) {
            assert!(!record.contains(secret_of(credential)), "a secret is in the record");
        }
    }
}

/// Returns the request to stop a key and nothing else, proved by two refusals at any time.
pub(crate) fn bare() -> Request {
    Request {
        end_sessions: Some(false),
        proof: Proof { refusals: 2, window_seconds: 0 },
        ..Request::default()
    }
}

/// Returns how a step ended.
#[track_caller]
pub(crate) fn end(summary: &Summary, step: &str) -> Outcome {
    summary.steps.iter().find(|result| result.step == step).expect("the plan has the step").outcome
}

/// Returns what was seen at the end of a step, in words.
#[track_caller]
pub(crate) fn detail<'a>(summary: &'a Summary, step: &str) -> &'a str {
    let found = summary.steps.iter().find(|result| result.step == step);
    &found.expect("the plan has the step").detail
}

pub(crate) async fn plan_at(
    provider: &dyn Provider,
    credential: &Credential,
    request: &Request,
) -> Plan {
    let observation = provider.observe(credential).await.unwrap();
    let subject = Subject::of(credential).unwrap();
    plan(&subject, &observation, &Facts::of(provider), request)
}

pub(crate) fn secret_of(credential: &Credential) -> &str {
    credential.secret("key").unwrap().expose_str().unwrap()
}

/// Returns the same credential without its secret.
pub(crate) fn id_only(credential: &Credential) -> Credential {
    let mut bare = credential.clone();
    bare.parts.retain(|_, part| matches!(part, Part::Public(_)));
    bare
}

/// Asserts how the steps that change or prove something ended. What only looks may end as it does.
#[track_caller]
pub(crate) fn assert_outcomes(summary: &Summary, settled: Settled, outcomes: &[(&str, Outcome)]) {
    let looks = ["evidence", "check-delivery", "recheck"];
    let ended: Vec<_> = summary
        .steps
        .iter()
        .map(|step| (step.step.as_str(), step.outcome))
        .filter(|(step, _)| !looks.contains(step) || outcomes.iter().any(|(id, _)| id == step))
        .collect();
    assert_eq!(ended, outcomes, "{summary:#?}");
    assert_eq!(summary.settled, settled, "{summary:#?}");
}
