//! An incident from leak to review, for the other tests to tell.

use jiff::Timestamp;
use serde_json::json;
use stanch::incident::{
    Classification, CredentialRef, Event, Exposure, IncidentId, Inputs, Interval, Journal, Level,
    Outcome, Phase, Recorded, Role, SqliteStore, Verdict, Visibility, chain,
};
use stanch::secret::Fingerprint;

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Returns an instant of the day of the story.
pub(crate) fn clock(time: &str) -> Timestamp {
    at(&format!("2026-11-18T{time}Z"))
}

pub(crate) fn fingerprint(of: &str) -> Fingerprint {
    Fingerprint::of("acme-key", [("key", of.as_bytes())])
}

pub(crate) fn opened(secret: &str) -> Event {
    Event::Opened {
        title: "Acme key in a notebook".into(),
        drill: false,
        credential: CredentialRef {
            fingerprint: fingerprint(secret),
            pattern: "acme-key".into(),
            provider: "acme".into(),
            class: "llm-gateway".into(),
            redacted: "acme_****".into(),
            key_id: Some("key-1".into()),
        },
        exposure: Exposure {
            root: "git@git.example:ml/notebooks".into(),
            visibility: Visibility::Public,
            places: vec!["a.ipynb:12".into(), "b.ipynb:3".into()],
            first_commit: Some("0123abc".into()),
        },
        leaked_at: Interval {
            lower: clock("09:00:00"),
            upper: clock("09:30:00"),
            source: "committer date".into(),
        },
        alerted_at: clock("10:00:00"),
    }
}

pub(crate) fn judged(verdict: Verdict) -> Event {
    let reason = "the provider accepts it".into();
    Event::Judged { verdict, reason }
}

pub(crate) fn entered(phase: Phase) -> Event {
    let reason = "because".into();
    Event::PhaseEntered { phase, reason }
}

pub(crate) fn approved(hash: &str) -> Event {
    Event::PlanApproved {
        plan_hash: hash.into(),
        plan: json!({"steps": [
            {"id": "disable", "call": "acme:DisableKey", "target": "key-1"},
            {"id": "delete", "calls": [{"name": "acme:DeleteKey"}], "target": "key-1"},
        ]}),
        by: "Ada".into(),
    }
}

pub(crate) fn intended(step: &str, hash: &str) -> Event {
    Event::StepIntended {
        step: step.into(),
        plan_hash: hash.into(),
        call: "acme:DisableKey".into(),
        target: "key-1".into(),
        before: json!({"state": "active"}),
    }
}

pub(crate) fn finished(step: &str, outcome: Outcome) -> Event {
    Event::StepFinished {
        step: step.into(),
        outcome,
        detail: "the provider shows it inactive".into(),
        effective_at: Some(clock("10:12:30")),
        seen: json!({"state": "inactive", "latency_ms": 12.5}),
    }
}

pub(crate) fn evidence() -> Event {
    let content = json!({"answer": "refused", "code": "InvalidKey"});
    Event::EvidenceCollected {
        name: "probe-of-old-key".into(),
        sha256: chain::digest(&content).unwrap(),
        content,
    }
}

pub(crate) fn inputs() -> Inputs {
    Inputs {
        live: Some(true),
        administers: Some(false),
        powerful: Some(true),
        misused: Some(false),
        visibility: Visibility::Public,
        production: Some(false),
        history_only: false,
        harmless: false,
        over_a_day: Some(false),
    }
}

/// Returns the events of a whole incident with the time of each.
pub(crate) fn whole() -> Vec<(Timestamp, Event)> {
    let reason = || "done".to_owned();
    let contained =
        Event::Contained { effective_at: clock("10:12:30"), verified_at: clock("10:13:00") };
    let assigned = Event::Assigned { role: Role::Commander, person: "Ada".into() };
    let acknowledged = Event::Acknowledged { by: "Ada".into() };
    let closed = Event::Closed {
        root_cause: "pasted into a notebook".into(),
        lessons: "use the vault".into(),
    };
    let noted = Event::Noted { text: "Bo told the team".into() };
    let observed =
        Event::Observed { observation: json!({"key": {"id": "key-1", "state": "active"}}) };
    let events = [
        ("10:00:05", opened("s1")),
        ("10:01:00", Classification::of(inputs()).into()),
        ("10:05:00", acknowledged),
        ("10:05:01", assigned),
        ("10:06:00", observed),
        ("10:10:00", judged(Verdict::TruePositive)),
        ("10:11:00", entered(Phase::Containment)),
        ("10:12:00", approved("p1")),
        ("10:12:10", intended("disable", "p1")),
        ("10:12:50", finished("disable", Outcome::Succeeded)),
        ("10:13:00", evidence()),
        ("10:13:01", contained),
        ("10:20:00", entered(Phase::Eradication)),
        ("11:00:00", Event::Eradicated { reason: reason() }),
        ("11:00:01", entered(Phase::Recovery)),
        ("12:10:00", Event::Recovered { reason: reason() }),
        ("12:30:00", noted),
        ("12:40:00", entered(Phase::LessonsLearned)),
        ("13:00:00", closed),
    ];
    events.into_iter().map(|(time, event)| (clock(time), event)).collect()
}

/// Returns a store in a fresh folder, which lives as long as the first value.
pub(crate) fn store() -> (tempfile::TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("incidents.db")).unwrap();
    (folder, store)
}

/// Appends events at consecutive numbers from 0.
pub(crate) fn tell(
    store: &SqliteStore,
    incident: &IncidentId,
    events: impl IntoIterator<Item = (Timestamp, Event)>,
) -> Vec<Recorded> {
    let append = |(seq, (at, event)): (u64, (Timestamp, Event))| {
        store.append(incident, seq, "ada", at, &event).unwrap()
    };
    (0..).zip(events).map(append).collect()
}

/// Returns recorded events without a store.
pub(crate) fn record(incident: &IncidentId, events: &[(Timestamp, Event)]) -> Vec<Recorded> {
    let mut recorded: Vec<Recorded> = Vec::new();
    for (seq, (at, event)) in (0..).zip(events) {
        let prev = (recorded.last()).map_or(chain::GENESIS.to_owned(), |last| last.hash.clone());
        let sealed = chain::seal(incident, (seq, &prev), "ada", *at, event);
        recorded.push(sealed.unwrap().1);
    }
    recorded
}

/// The level the story's inputs give, for tests that compare.
pub(crate) const LEVEL: Level = Level::Sev2;
