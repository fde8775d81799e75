//! Waiting for the consumers of a key that has a replacement: until nobody used the old one for a while,
//! or the time is up. Either way the key is stopped next.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Error;
use super::action::Action;
use super::change::Ending;
use super::engine::as_value;
use super::plan::Step;
use super::run::Run;
use crate::incident::Outcome;
use crate::provider::{KeyState, LastUse};

/// What the intent of waiting keeps: taken up again, it waits no longer than it would have.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Times {
    delivered_at: Timestamp,
    until: Timestamp,
}

impl Run<'_> {
    pub(super) async fn wait(&mut self, step: &Step) -> Result<(), Error> {
        let waiting = step.waiting.unwrap_or(super::Waiting { limit_seconds: 0, quiet_seconds: 0 });
        let now = self.engine.clock.now();
        let history = &self.record.history;
        let first = history.trace(&step.id).and_then(|trace| trace.first_before.clone());
        let times = match first.and_then(|first| serde_json::from_value(first).ok()) {
            Some(times) => times,
            None => {
                let delivered = history.finish(Action::Deliver.id());
                let approved = history.approved_at.unwrap_or(now);
                Times {
                    delivered_at: delivered.and_then(|end| end.effective_at).unwrap_or(now),
                    until: after(approved, waiting.limit_seconds),
                }
            }
        };
        self.intend(&step.id, step.calls.join(", "), &step.target, as_value(&times)?)?;
        let ending = self.wait_until(&times, waiting.quiet_seconds).await?;
        self.record.finish(&step.id, ending)
    }

    async fn wait_until(&mut self, times: &Times, quiet: u32) -> Result<Ending, Error> {
        let engine = self.engine;
        let mut last: Option<LastUse> = None;
        loop {
            let seen = engine.provider.observe(engine.credential);
            if let Ok(seen) = engine.patience.call("observing the key", seen).await {
                if seen.key.state != KeyState::Active {
                    let words = format!("key {} is {} already", seen.key.id, seen.key.state);
                    return Ok(Ending::new(Outcome::Succeeded, words).effective(seen.at));
                }
                last = seen.last_use.filter(|last| last.at > times.delivered_at).or(last);
            }
            let now = engine.clock.now();
            let since = last.as_ref().map_or(times.delivered_at, |last| last.at);
            if now >= after(since, quiet) {
                let words = format!("nobody used the key since {since:.0}");
                return Ok(Ending::new(Outcome::Succeeded, words).effective(now));
            }
            if now >= times.until {
                return Ok(too_late(last.as_ref()));
            }
            self.record.renew()?;
            engine.patience.poll().await;
        }
    }
}

fn too_late(last: Option<&LastUse>) -> Ending {
    let words = match last {
        Some(last) => format!(
            "the time is up and somebody still uses the key: last at {:.0}, {}; it is stopped now",
            last.at, last.what
        ),
        None => "the time is up; whether somebody still uses the key isn't known".to_owned(),
    };
    Ending::new(Outcome::Failed, words)
}

fn after(at: Timestamp, seconds: u32) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(seconds.into())).unwrap_or(Timestamp::MAX)
}
