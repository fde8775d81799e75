//! How many round trips stand between a finding and its key being stopped: counted, not timed.

use std::sync::Mutex;

use async_trait::async_trait;
use stanch::contain::{Facts, Life, Patience, Proof, Settled, Subject, ask_again, plan};
use stanch::provider::simulated::Simulated;
use stanch::provider::{
    Call, Created, Error, Evidence, Key, KeyState, Observation, Operation, Probe, Provider,
    Receipt, Restriction, Standing,
};
use stanch::secret::Credential;

use crate::world::World;

/// Counts how long the longest chain of calls is of which each waited for the one before. Calls that
/// wait for each other's answers at the same time are one.
struct Counting<'a> {
    inner: &'a Simulated,
    depth: Mutex<u32>,
    /// The depth at which the key was stopped, and at which that was seen.
    stopped: Mutex<(u32, u32)>,
    /// Whether the key is known as the responder's own before anybody is asked.
    is_own: bool,
}

impl<'a> Counting<'a> {
    fn new(inner: &'a Simulated) -> Self {
        Self { inner, depth: Mutex::new(0), stopped: Mutex::new((0, 0)), is_own: false }
    }

    async fn round<T>(&self, call: impl Future<Output = T>) -> (u32, T) {
        let here = *self.depth.lock().unwrap() + 1;
        // Everybody who begins now begins before this answer is there.
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        let answer = call.await;
        let mut depth = self.depth.lock().unwrap();
        *depth = (*depth).max(here);
        (here, answer)
    }
}

#[async_trait]
impl Provider for Counting<'_> {
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
        self.round(self.inner.observe(credential)).await.1
    }

    async fn is_own(&self, _: &Credential) -> bool {
        self.is_own
    }

    async fn probe(&self, credential: &Credential) -> Result<Probe, Error> {
        self.round(self.inner.probe(credential)).await.1
    }

    async fn keys(&self, owner: &str) -> Result<Vec<Key>, Error> {
        let (here, keys) = self.round(self.inner.keys(owner)).await;
        let mut stopped = self.stopped.lock().unwrap();
        if stopped.0 > 0 && stopped.1 == 0 {
            stopped.1 = here;
        }
        keys
    }

    async fn disable(&self, key: &Key) -> Result<Receipt, Error> {
        let (here, receipt) = self.round(self.inner.disable(key)).await;
        self.stopped.lock().unwrap().0 = here;
        receipt
    }

    async fn enable(&self, key: &Key) -> Result<Receipt, Error> {
        self.round(self.inner.enable(key)).await.1
    }

    async fn create(&self, owner: &str) -> Result<Created, Error> {
        self.round(self.inner.create(owner)).await.1
    }

    async fn delete(&self, key: &Key) -> Result<Receipt, Error> {
        self.round(self.inner.delete(key)).await.1
    }

    async fn evidence(&self, seen: &Observation) -> Result<Evidence, Error> {
        // Slow, as reading policies is: many calls one after the other.
        for _ in 0..9 {
            self.round(async {}).await;
        }
        self.inner.evidence(seen).await
    }

    async fn standing(&self, restriction: &Restriction) -> Result<Standing, Error> {
        self.round(self.inner.standing(restriction)).await.1
    }

    async fn restrict(&self, restriction: &Restriction) -> Result<Receipt, Error> {
        self.round(self.inner.restrict(restriction)).await.1
    }
}

#[tokio::test]
async fn a_key_is_stopped_after_two_round_trips_and_seen_stopped_after_three() {
    let world = World::new();
    let shown = world.plan_with_delivery().await;
    let provider = Counting::new(&world.simulated);
    let engine = world.engine_at(&provider);
    // As the command does it: a fresh look, the same plan again, and on.
    let fresh = engine.look(&shown).await.unwrap();
    let subject = Subject::of(&world.credential).unwrap();
    let now = plan(&subject, &fresh.observation, &Facts::of(&provider), &world.with_delivery());
    assert_eq!(now.hash(), shown.hash());
    let summary = engine.apply_to(&now, fresh).await.unwrap();
    assert_eq!(summary.settled, Settled::Contained, "{summary:#?}");
    assert_eq!(*provider.stopped.lock().unwrap(), (2, 3));
}

#[tokio::test]
async fn where_nobody_saw_a_plan_the_key_is_asked_once_it_is_known_as_ours() {
    for (is_own, stopped) in [(true, 2), (false, 3)] {
        let world = World::new();
        let mut provider = Counting::new(&world.simulated);
        provider.is_own = is_own;
        let engine = world.engine_at(&provider);
        let fresh = engine.look_first().await.unwrap();
        let subject = Subject::of(&world.credential).unwrap();
        let facts = Facts::of(&provider);
        let plan = plan(&subject, &fresh.observation, &facts, &world.with_delivery());
        let summary = engine.apply_to(&plan, fresh).await.unwrap();
        assert_eq!(summary.settled, Settled::Contained, "{summary:#?}");
        assert_eq!(provider.stopped.lock().unwrap().0, stopped);
    }
}

#[tokio::test]
async fn a_key_that_lives_says_so_once() {
    let world = World::new();
    let proof = Proof { refusals: 3, window_seconds: 0 };
    let asked = async || {
        let provider = Counting::new(&world.simulated);
        let patience = Patience::without_waiting();
        let again = ask_again(&provider, &world.credential, &patience, proof).await.unwrap();
        (again.life, *provider.depth.lock().unwrap())
    };
    assert_eq!(asked().await, (Life::Alive, 1));
    world.simulated.force(&world.key_id(), KeyState::Inactive).unwrap();
    assert_eq!(asked().await, (Life::Dead, 3));
}
