//! How soon a key is stopped at a provider that answers in 50 ms, and how long fifty of them take at once. The record is
//! a real store on disk, synced at every event.

#[cfg(feature = "aws")]
#[path = "contain/aws.rs"]
mod aws;
#[path = "contain/far.rs"]
mod far;
#[cfg(feature = "aws")]
#[path = "../tests/moto/mod.rs"]
mod moto;
#[cfg(feature = "aws")]
#[path = "../tests/python/mod.rs"]
mod python;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use stanch::contain::{
    Alone, Engine, Facts, Guard, Patience, Policy, Proof, Request, Settled, Subject, at_once, plan,
};
use stanch::incident::{Clock, Event, IncidentId, Journal, SqliteStore};
use stanch::provider::Provider;
use stanch::provider::simulated::Simulated;
use stanch::secret::Credential;

use far::Far;

/// How long every answer takes.
const ANSWER: Duration = Duration::from_millis(50);

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A leaked key whose plan was shown.
struct Leak {
    provider: Far<Simulated>,
    credential: Credential,
    incident: IncidentId,
}

static NUMBER: AtomicUsize = AtomicUsize::new(0);

fn leak(store: &SqliteStore) -> Leak {
    let inner = Simulated::new(Arc::new(Timestamp::now));
    let credential = inner.issue("owner").expect("a key is made");
    Leak { provider: Far::new(inner, ANSWER), credential, incident: begin(store) }
}

/// Begins the record of an incident.
fn begin(store: &SqliteStore) -> IncidentId {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let incident = IncidentId::from(format!("INC-{number}"));
    let noted = Event::Noted { text: "a key leaked".to_owned() };
    store.append(&incident, 0, "bench", Timestamp::now(), &noted).expect("it is recorded");
    incident
}

/// A key, where it is contained, and where that is recorded.
struct At<'a> {
    store: &'a SqliteStore,
    incident: &'a IncidentId,
    provider: &'a dyn Provider,
    credential: &'a Credential,
}

fn engine<'a>(at: &At<'a>, guard: &'a Guard) -> Engine<'a> {
    Engine {
        journal: at.store,
        provider: at.provider,
        clock: &SystemClock,
        incident: at.incident.clone(),
        actor: "bench".to_owned(),
        approver: Some("bench".to_owned()),
        confirmed: Vec::new(),
        credential: at.credential,
        delivery: None,
        patience: Patience::without_waiting(),
        guard,
        holder: Box::leak(Box::new(Alone(at.incident.to_string()))),
    }
}

fn request() -> Request {
    Request { proof: Proof { refusals: 3, window_seconds: 0 }, ..Request::default() }
}

fn guard() -> Guard {
    Guard::new(Policy { changes_a_run: u32::MAX, ..Policy::default() })
}

/// Contains a key from a fresh look to the proof; returns how long it took until it was stopped.
async fn contain(leak: &Leak, store: &SqliteStore, guard: &Guard) -> Duration {
    let request = request();
    let subject = Subject::of(&leak.credential).expect("it has a secret");
    let facts = Facts::of(&leak.provider);
    let seen = leak.provider.inner.observe(&leak.credential).await.expect("it is seen");
    let shown = plan(&subject, &seen, &facts, &request);
    let (incident, provider, credential) = (&leak.incident, &leak.provider, &leak.credential);
    let engine = engine(&At { store, incident, provider, credential }, guard);
    let begun = Instant::now();
    let fresh = engine.look(&shown).await.expect("it is looked at");
    let now = plan(&subject, &fresh.observation, &facts, &request);
    let summary = engine.apply_to(&now, fresh).await.expect("it is carried out");
    assert_eq!(summary.settled, Settled::Contained);
    leak.provider.stopped().duration_since(begun)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

fn one_key_to_stopped(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(folder.path().join("incidents.db")).expect("a store");
    let (guard, runtime) = (guard(), runtime());
    criterion.bench_function("contain/one key, to stopped", |bencher| {
        bencher.iter_custom(|times| {
            (0..times).map(|_| runtime.block_on(contain(&leak(&store), &store, &guard))).sum()
        });
    });
}

fn keys_at_once(criterion: &mut Criterion) {
    let runtime = runtime();
    for count in [1, 50] {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(folder.path().join("incidents.db")).expect("a store");
        let guard = guard();
        criterion.bench_function(&format!("contain/{count} at once, to the proof"), |bencher| {
            bencher.iter_custom(|times| {
                let mut spent = Duration::ZERO;
                for _ in 0..times {
                    let leaks: Vec<_> = (0..count).map(|_| leak(&store)).collect();
                    let begun = Instant::now();
                    runtime.block_on(all(&leaks, &store, &guard));
                    spent += begun.elapsed();
                }
                spent
            });
        });
    }
}

/// Contains them as the command does.
async fn all(leaks: &[Leak], store: &SqliteStore, guard: &Guard) {
    let tasks = leaks.iter().map(|leak| contain(leak, store, guard));
    at_once(tasks, |_, _| ()).await;
}

#[cfg(feature = "aws")]
fn aws_keys(criterion: &mut Criterion) {
    aws::to_stopped(criterion);
    aws::at_once(criterion);
}

#[cfg(not(feature = "aws"))]
fn aws_keys(_: &mut Criterion) {}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = one_key_to_stopped, aws_keys, keys_at_once
}
criterion_main!(benches);
