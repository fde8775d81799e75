//! Ten thousand incidents with a hundred events each: how long a list and a scorecard take from SQLite.
//!
//! `cargo bench --no-default-features --features contain --bench incidents`. The store is made once, in
//! the target folder, which takes some minutes.

use std::path::{Path, PathBuf};

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::{SignedDuration, Timestamp};
use stanch::incident::{
    Cause, Classification, CredentialRef, Event, Exposure, IncidentId, Inputs, Interval, Phase,
    Quarter, Role, Scorecard, SqliteStore, Store, Targets, Verdict, Visibility,
};
use stanch::report::{incident_list, scorecard};
use stanch::secret::Fingerprint;

const INCIDENTS: u64 = 10_000;
const EVENTS: usize = 100;

/// The last instant of the made-up world.
fn now() -> Timestamp {
    "2026-11-18T12:00:00Z".parse().expect("a fixed instant")
}

/// Returns the events of one incident, whose number decides when it was and how far it came.
fn events(number: u64, opened_at: Timestamp) -> Vec<Event> {
    let text = |words: &str| format!("{words} {number}");
    let after = |minutes| opened_at + SignedDuration::from_mins(minutes);
    let inputs = Inputs {
        live: Some(true),
        administers: Some(number.is_multiple_of(9)),
        powerful: Some(true),
        misused: Some(false),
        visibility: Visibility::Internal,
        production: Some(false),
        history_only: false,
        harmless: false,
        over_a_day: Some(false),
    };
    let mut events = vec![
        Event::Opened {
            title: text("Key in a notebook"),
            drill: number.is_multiple_of(50),
            credential: CredentialRef {
                fingerprint: Fingerprint::of(
                    "bench",
                    [("key", &(number % 9_500).to_be_bytes()[..])],
                ),
                pattern: "acme-key".into(),
                provider: "acme".into(),
                class: if number.is_multiple_of(2) { "llm-gateway" } else { "cloud" }.into(),
                redacted: "acme_****".into(),
                key_id: Some(text("key")),
            },
            exposure: Exposure {
                root: format!("git.example/team-{}/repository", number % 40),
                visibility: Visibility::Internal,
                places: vec!["a.ipynb:12".into()],
                first_commit: None,
            },
            leaked_at: Interval { lower: after(-600), upper: opened_at, source: "push".into() },
            alerted_at: opened_at,
        },
        Classification::of(inputs).into(),
        Event::Acknowledged { by: "Ada".into() },
        Event::Assigned { role: Role::Commander, person: "Ada".into() },
        Event::Judged { verdict: Verdict::TruePositive, reason: text("confirmed") },
        Event::Contained { effective_at: after(20), verified_at: after(30) },
        Event::RootCauseFound {
            category: if number.is_multiple_of(3) { Cause::CiLog } else { Cause::Notebook },
            description: text("printed"),
            fix: None,
        },
        Event::FollowUpAdded { title: text("mask"), owner: "Bo".into(), due: after(20_000) },
    ];
    let is_closed = !number.is_multiple_of(20);
    while events.len() < EVENTS - if is_closed { 3 } else { 0 } {
        events.push(Event::Noted { text: format!("what was seen at step {}", events.len()) });
    }
    if is_closed {
        events.push(Event::Recovered { reason: text("works") });
        events.push(Event::PhaseEntered { phase: Phase::LessonsLearned, reason: text("review") });
        events.push(Event::Closed { root_cause: text("printed"), lessons: text("mask") });
    }
    events
}

fn store() -> SqliteStore {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).to_owned();
    let path: PathBuf = folder.join("incidents-bench.db");
    let store = SqliteStore::open(path).expect("the target folder can be written to");
    let there = store.list().expect("the store can be read").len() as u64;
    for number in there..INCIDENTS {
        // Two years, evenly.
        let at = now() - SignedDuration::from_secs((INCIDENTS - number) as i64 * 6_300);
        let id = IncidentId::generate_at(at);
        let events = events(number, at);
        store.append_all(&id, 0, "ada", at, &events).expect("the store can be written to");
    }
    store
}

fn incidents(criterion: &mut Criterion) {
    let store = store();
    let mut group = criterion.benchmark_group("10,000 incidents with 100 events");
    group.sample_size(10);
    group.bench_function("list", |bencher| {
        bencher.iter(|| {
            let summaries = store.summaries().expect("the store can be read");
            let mut out = Vec::new();
            incident_list::write(&mut out, &summaries.all, now(), false)
                .expect("memory can be written to");
            out.len()
        });
    });
    group.bench_function("scorecard", |bencher| {
        bencher.iter(|| {
            let summaries = store.summaries().expect("the store can be read");
            let card =
                Scorecard::of(&summaries.all, Quarter::of(now()), &Targets::default(), now());
            let mut out = Vec::new();
            scorecard::table(&mut out, &card).expect("memory can be written to");
            out.len()
        });
    });
    group.finish();
}

criterion_group!(benches, incidents);
criterion_main!(benches);
