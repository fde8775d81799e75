//! How soon a key is stopped at a provider that answers in 50 ms, and fifty of them at once. The record is
//! a real store on disk, synced at every event.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use stanch::contain::{
    Alone, Engine, Facts, Guard, Patience, Policy, Proof, Request, Settled, Subject, plan,
};
use stanch::incident::{Clock, Event, IncidentId, Journal, SqliteStore};
use stanch::provider::simulated::Simulated;
use stanch::provider::{
    Call, Created, Error, Evidence, Key, Observation, Operation, Probe, Provider, Receipt,
    Restriction, Standing,
};
use stanch::secret::Credential;
use tokio::task::JoinSet;

/// How long every answer takes.
const ANSWER: Duration = Duration::from_millis(50);

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A provider that is far away, and tells when a key was stopped.
struct Far {
    inner: Simulated,
    stopped: std::sync::Mutex<Option<Instant>>,
}

impl Far {
    async fn answer<T>(&self, call: impl Future<Output = T>) -> T {
        tokio::time::sleep(ANSWER).await;
        call.await
    }
}

#[async_trait]
impl Provider for Far {
    fn id(&self) -> &'static str {
        self.inner.id()
    }

    fn endpoint(&self) -> Option<&str> {
        None
    }

    fn calls(&self, operation: Operation) -> Vec<Call> {
        self.inner.calls(operation)
    }

    async fn observe(&self, credential: &Credential) -> Result<Observation, Error> {
        self.answer(self.inner.observe(credential)).await
    }

    async fn probe(&self, credential: &Credential) -> Result<Probe, Error> {
        self.answer(self.inner.probe(credential)).await
    }

    async fn keys(&self, owner: &str) -> Result<Vec<Key>, Error> {
        self.answer(self.inner.keys(owner)).await
    }

    async fn disable(&self, key: &Key) -> Result<Receipt, Error> {
        let receipt = self.answer(self.inner.disable(key)).await;
        *self.stopped.lock().expect("nobody panicked") = Some(Instant::now());
        receipt
    }

    async fn enable(&self, key: &Key) -> Result<Receipt, Error> {
        self.answer(self.inner.enable(key)).await
    }

    async fn create(&self, owner: &str) -> Result<Created, Error> {
        self.answer(self.inner.create(owner)).await
    }

    async fn delete(&self, key: &Key) -> Result<Receipt, Error> {
        self.answer(self.inner.delete(key)).await
    }

    async fn evidence(&self, seen: &Observation) -> Result<Evidence, Error> {
        self.answer(self.inner.evidence(seen)).await
    }

    async fn standing(&self, restriction: &Restriction) -> Result<Standing, Error> {
        self.answer(self.inner.standing(restriction)).await
    }

    async fn restrict(&self, restriction: &Restriction) -> Result<Receipt, Error> {
        self.answer(self.inner.restrict(restriction)).await
    }
}

/// A leaked key whose plan was shown.
struct Leak {
    provider: Far,
    credential: Credential,
    incident: IncidentId,
}

static NUMBER: AtomicUsize = AtomicUsize::new(0);

fn leak(store: &SqliteStore) -> Leak {
    let inner = Simulated::new(Arc::new(Timestamp::now));
    let credential = inner.issue("owner").expect("a key is made");
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let incident = IncidentId::from(format!("INC-{number}"));
    let noted = Event::Noted { text: "a key leaked".to_owned() };
    store.append(&incident, 0, "bench", Timestamp::now(), &noted).expect("it is recorded");
    Leak { provider: Far { inner, stopped: Default::default() }, credential, incident }
}

/// Contains a key from a fresh look to the proof; returns how long it took until it was stopped.
async fn contain(leak: &Leak, store: &SqliteStore, guard: &Guard) -> Duration {
    let request = Request { proof: Proof { refusals: 3, window_seconds: 0 }, ..Request::default() };
    let subject = Subject::of(&leak.credential).expect("it has a secret");
    let facts = Facts::of(&leak.provider);
    let seen = leak.provider.inner.observe(&leak.credential).await.expect("it is seen");
    let shown = plan(&subject, &seen, &facts, &request);
    let holder = Alone(leak.incident.to_string());
    let engine = Engine {
        journal: store,
        provider: &leak.provider,
        clock: &SystemClock,
        incident: leak.incident.clone(),
        actor: "bench".to_owned(),
        approver: Some("bench".to_owned()),
        confirmed: Vec::new(),
        credential: &leak.credential,
        delivery: None,
        patience: Patience::without_waiting(),
        guard,
        holder: &holder,
    };
    let begun = Instant::now();
    let fresh = engine.look(&shown).await.expect("it is looked at");
    let now = plan(&subject, &fresh.observation, &facts, &request);
    let summary = engine.apply_to(&now, fresh).await.expect("it is carried out");
    assert_eq!(summary.settled, Settled::Contained);
    let stopped = leak.provider.stopped.lock().expect("nobody panicked").expect("it is stopped");
    stopped.duration_since(begun)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

fn one_key_to_stopped(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(folder.path().join("incidents.db")).expect("a store");
    let guard = Guard::new(Policy { changes_a_run: u32::MAX, ..Policy::default() });
    let runtime = runtime();
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
        let store = Arc::new(store);
        let policy = Policy { changes_a_run: u32::MAX, ..Policy::default() };
        let guard = Arc::new(Guard::new(policy));
        criterion.bench_function(&format!("contain/{count} at once, to the proof"), |bencher| {
            bencher.iter_custom(|times| {
                let mut spent = Duration::ZERO;
                for _ in 0..times {
                    let leaks: Vec<_> = (0..count).map(|_| leak(&store)).collect();
                    let begun = Instant::now();
                    runtime.block_on(all(leaks, &store, &guard));
                    spent += begun.elapsed();
                }
                spent
            });
        });
    }
}

async fn all(leaks: Vec<Leak>, store: &Arc<SqliteStore>, guard: &Arc<Guard>) {
    let mut set = JoinSet::new();
    for leak in leaks {
        let (store, guard) = (store.clone(), guard.clone());
        set.spawn(async move { contain(&leak, &store, &guard).await });
    }
    while let Some(ended) = set.join_next().await {
        ended.expect("nobody panicked");
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = one_key_to_stopped, keys_at_once
}
criterion_main!(benches);
