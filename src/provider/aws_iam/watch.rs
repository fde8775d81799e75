//! What is seen of one call beside its answer: whether it went out, and the other side's clock.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_iam::config::interceptors::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_iam::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_iam::error::BoxError;
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};

/// AWS refuses a signature made five minutes away from its own clock, with the same code as one made
/// with a wrong secret. A little less, because the answer took its time.
const SKEW: SignedDuration = SignedDuration::from_mins(4);

/// Watches one call. Clones watch the same one.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch(Arc<Mutex<Seen>>);

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// When it was signed, by this machine's clock; `None` while nothing went out.
    signed_at: Option<Timestamp>,
    /// When it was answered, by the provider's clock.
    answered_at: Option<Timestamp>,
    /// Whether a request was handed to the network.
    sent: bool,
}

impl Watch {
    /// Tells whether the request was handed to the network at all.
    pub(super) fn sent(&self) -> bool {
        self.seen().sent
    }

    /// Returns the provider's time of the answer, where it told it.
    pub(super) fn answered_at(&self) -> Option<Timestamp> {
        self.seen().answered_at
    }

    /// Returns by how much this machine's clock and the provider's differ, if by enough to make every
    /// signature invalid.
    pub(super) fn skew(&self) -> Option<SignedDuration> {
        let seen = self.seen();
        let apart = seen.signed_at?.duration_since(seen.answered_at?).abs();
        (apart > SKEW).then_some(apart)
    }

    fn seen(&self) -> Seen {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    #[cfg(test)]
    pub(super) fn of(signed_at: Timestamp, answered_at: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(Seen {
            signed_at: Some(signed_at),
            answered_at: Some(answered_at),
            sent: true,
        })))
    }
}

impl Intercept for Watch {
    fn name(&self) -> &'static str {
        "watch"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let signed = context.request().headers().get("x-amz-date");
        self.note(|seen| {
            seen.sent = true;
            seen.signed_at = signed.and_then(|text| text.parse().ok());
        });
        Ok(())
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let date = date.and_then(|text| rfc2822::parse(text).ok());
        self.note(|seen| seen.answered_at = date.map(|zoned| zoned.timestamp()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn only_a_clock_that_spoils_signatures_counts() {
        let answered = at("2026-11-22T10:00:00Z");
        assert_eq!(Watch::of(at("20261122T095700Z"), answered).skew(), None);
        assert_eq!(
            Watch::of(at("20261122T101000Z"), answered).skew(),
            Some(SignedDuration::from_mins(10))
        );
        assert_eq!(Watch::default().skew(), None);
    }
}
