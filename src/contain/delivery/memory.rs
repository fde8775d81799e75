//! For drills and tests.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::{Delivery, DeliveryError};
use crate::secret::Credential;

/// Keeps what is delivered in memory, for drills and tests.
#[derive(Debug, Default)]
pub struct MemoryDelivery(Mutex<Vec<Credential>>);

impl MemoryDelivery {
    /// Returns a delivery that has nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns what was delivered, in order.
    pub fn delivered(&self) -> Vec<Credential> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Delivery for MemoryDelivery {
    async fn deliver(&self, credential: &Credential) -> Result<String, DeliveryError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(credential.clone());
        Ok(self.describe())
    }

    fn describe(&self) -> String {
        "the memory of this process".to_owned()
    }
}
