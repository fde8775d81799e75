//! A provider as it is seen from here: with the way there and back, and with the moment at which it had
//! stopped a key.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use stanch::provider::{
    Call, Created, Error, Evidence, Key, Observation, Operation, Probe, Provider, Receipt,
    Restriction, Standing,
};
use stanch::secret::Credential;

/// A provider and how long the way to it and back takes.
pub(crate) struct Far<P> {
    pub(crate) inner: P,
    way: Duration,
    stopped: Mutex<Option<Instant>>,
}

impl<P: Provider> Far<P> {
    pub(crate) fn new(inner: P, way: Duration) -> Self {
        Self { inner, way, stopped: Mutex::default() }
    }

    /// Returns when a key was stopped.
    pub(crate) fn stopped(&self) -> Instant {
        self.stopped.lock().expect("nobody panicked").expect("a key is stopped")
    }

    async fn answer<T>(&self, call: impl Future<Output = T>) -> T {
        if !self.way.is_zero() {
            tokio::time::sleep(self.way).await;
        }
        call.await
    }
}

#[async_trait]
impl<P: Provider> Provider for Far<P> {
    fn id(&self) -> &'static str {
        self.inner.id()
    }

    fn endpoint(&self) -> Option<&str> {
        self.inner.endpoint()
    }

    fn calls(&self, operation: Operation) -> Vec<Call> {
        self.inner.calls(operation)
    }

    async fn observe(&self, credential: &Credential) -> Result<Observation, Error> {
        self.answer(self.inner.observe(credential)).await
    }

    async fn is_own(&self, credential: &Credential) -> bool {
        self.inner.is_own(credential).await
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
