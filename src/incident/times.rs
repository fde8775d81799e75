//! The times of an incident, each with one meaning, and the figures made of them.
//!
//! * `leaked_at`: the first instant the secret was readable by someone who should not read it; an
//!   interval, because commit dates can be forged and pushes leave no trace in a repository.
//! * `alerted_at`: the first machine alert anywhere. Both clocks start here.
//! * `detected_at`: the *confirmed* detection, when the alert was judged a true positive. A later
//!   judgement that it was none takes it back.
//! * `acknowledged_at`: somebody took it. Stops the response clock.
//! * `contained_at`: when the last blocking change took effect, by the provider's clock where it
//!   tells the time. `contained_verified_at`: when that was proved.
//! * `eradicated_at`: the cause is gone. `recovered_at`: consumers work on the replacement; stops the
//!   resolution clock. `closed_at`: the review is done and follow-ups have owners.
//! * `cancelled_at`: the alert was judged to be no incident.
//!
//! Going back to a phase takes back what was reached from it on: a key found to work again was not
//! contained. The earlier statements stay in the events.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Interval;

/// When what happened. The definitions are in this module's documentation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Times {
    /// When the secret became readable by someone who should not read it.
    pub leaked_at: Interval,
    /// The first machine alert.
    pub alerted_at: Timestamp,
    /// When the record begins.
    pub opened_at: Timestamp,
    /// The confirmed detection.
    pub detected_at: Option<Timestamp>,
    /// When somebody took it.
    pub acknowledged_at: Option<Timestamp>,
    /// When the last blocking change took effect.
    pub contained_at: Option<Timestamp>,
    /// When that was proved.
    pub contained_verified_at: Option<Timestamp>,
    /// When the cause was gone.
    pub eradicated_at: Option<Timestamp>,
    /// When consumers worked again.
    pub recovered_at: Option<Timestamp>,
    /// When the review was done.
    pub closed_at: Option<Timestamp>,
    /// When it was judged to be no incident.
    pub cancelled_at: Option<Timestamp>,
}

/// What each figure means, in the words reports use.
pub const DEFINITIONS: [(&str, &str); 4] = [
    ("MTTD", "time to detect: from the leak (its earliest instant) to the confirmed detection"),
    (
        "MTTC",
        "time to contain: from the confirmed detection to the last blocking change taking effect",
    ),
    (
        "MTTR",
        "time to recover: from the confirmed detection to consumers working on the replacement",
    ),
    ("MTTA", "time to acknowledge: from the first machine alert to somebody taking it"),
];

/// A stretch of time between two moments of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    /// Whole seconds.
    pub seconds: i64,
    /// Why the figure should not be believed as it stands: it ends before it begins.
    pub doubt: Option<String>,
}

impl Figure {
    fn between(
        (start_name, start): (&str, Timestamp),
        (end_name, end): (&str, Option<Timestamp>),
    ) -> Option<Self> {
        let end = end?;
        // A provider tells its time in whole seconds: less than one before the start is no time at all.
        let seconds = end.duration_since(start).as_secs();
        let doubt = (seconds < 0).then(|| {
            format!("{end_name} is before {start_name}: it came first, or a clock is wrong")
        });
        Some(Self { seconds, doubt })
    }
}

/// The figures of one incident, `None` while an end is open. [`DEFINITIONS`] says what they mean.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Time to detect.
    pub mttd: Option<Figure>,
    /// Time to contain.
    pub mttc: Option<Figure>,
    /// Time to recover.
    pub mttr: Option<Figure>,
    /// Time to acknowledge.
    pub mtta: Option<Figure>,
}

impl Figures {
    /// Returns the figures of these times.
    pub fn of(times: &Times) -> Self {
        let from_detection = |end| {
            let start = ("the confirmed detection", times.detected_at?);
            Figure::between(start, end)
        };
        let leaked = ("the leak", times.leaked_at.lower);
        let alerted = ("the alert", times.alerted_at);
        Self {
            mttd: Figure::between(leaked, ("the confirmed detection", times.detected_at)),
            mttc: from_detection(("containment", times.contained_at)),
            mttr: from_detection(("recovery", times.recovered_at)),
            mtta: Figure::between(alerted, ("the acknowledgement", times.acknowledged_at)),
        }
    }

    /// Returns the figures with their names, in the order of [`DEFINITIONS`].
    pub fn named(&self) -> [(&'static str, Option<&Figure>); 4] {
        let values = [&self.mttd, &self.mttc, &self.mttr, &self.mtta];
        std::array::from_fn(|i| (DEFINITIONS[i].0, values[i].as_ref()))
    }
}
