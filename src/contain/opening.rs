//! Opening an incident: what is known of a leak before anything is done about it.

use jiff::{Timestamp, ToSpan};

use crate::finding::Finding;
use crate::incident::{
    Classification, CredentialRef, Event, Exposure, Inputs, Interval, Phase, Verdict, Visibility,
};
use crate::provider::{Evidence, KeyState, Known, Observation};

/// A leaked credential as it was found, and as its provider showed it.
#[derive(Debug)]
pub struct Leak<'a> {
    /// The finding.
    pub finding: &'a Finding,
    /// The repository or folder it was found in.
    pub root: String,
    /// What the provider showed.
    pub observation: &'a Observation,
    /// What was read about it, where it was.
    pub evidence: Option<&'a Evidence>,
    /// Who can read the place of the leak, as far as is known.
    pub visibility: Visibility,
    /// Whether this is a rehearsal.
    pub drill: bool,
    /// Who takes it on.
    pub actor: String,
    /// The present instant.
    pub now: Timestamp,
}

impl Leak<'_> {
    /// Returns the events an incident of this leak begins with, [`Event::Opened`] first.
    pub fn events(&self) -> Vec<Event> {
        let leaked_at = self.leaked_at();
        let classification = self.severity();
        let (verdict, reason) = self.judgement();
        let phase = |phase, reason: &str| Event::PhaseEntered { phase, reason: reason.to_owned() };
        vec![
            Event::Opened {
                title: self.title(),
                drill: self.drill,
                credential: self.credential(),
                exposure: self.exposure(),
                leaked_at,
                alerted_at: self.now,
            },
            Event::Acknowledged { by: self.actor.clone() },
            phase(Phase::Identification, "a scan found the key"),
            Event::Judged { verdict, reason },
            classification.into(),
            phase(Phase::Containment, "the key is identified and a plan was shown"),
        ]
    }

    /// Returns how bad it is, as far as is known.
    pub fn severity(&self) -> Classification {
        Classification::of(self.severity_inputs(&self.leaked_at()))
    }

    fn title(&self) -> String {
        let key = &self.observation.key;
        // Of a key that isn't there any more the provider may not say whose it was.
        let owner = if key.owner.is_empty() { "nobody known" } else { &key.owner };
        format!("{} key {} of {owner} leaked", self.finding.pattern.provider.name, key.id)
    }

    fn credential(&self) -> CredentialRef {
        let pattern = &self.finding.pattern;
        CredentialRef {
            fingerprint: self.finding.fingerprint,
            pattern: pattern.id.clone(),
            provider: pattern.provider.id.clone(),
            class: pattern.provider.class.clone(),
            redacted: self.finding.redacted.clone(),
            key_id: Some(self.observation.key.id.clone()),
        }
    }

    fn exposure(&self) -> Exposure {
        let places = self.finding.locations.iter().map(|location| {
            let path = location.path().unwrap_or_else(|| "message".to_owned());
            match &location.place.commit {
                Some(commit) => format!("{path}:{} in commit {commit}", location.span.line),
                None => format!("{path}:{}", location.span.line),
            }
        });
        Exposure {
            root: self.root.clone(),
            visibility: self.visibility,
            places: places.collect(),
            first_commit: self.first_committed().map(|(_, commit)| commit),
        }
    }

    /// Returns the earliest committer date of all places, and its commit.
    fn first_committed(&self) -> Option<(Timestamp, String)> {
        let places = self.finding.locations.iter().map(|location| &location.place);
        let dated =
            places.filter_map(|place| Some((place.date?.timestamp(), place.commit.clone()?)));
        dated.min()
    }

    /// Returns when the credential became readable: not before it was committed, not after now. A
    /// committer date can be forged, so it never moves the leak into the future.
    pub fn leaked_at(&self) -> Interval {
        let (lower, source) = match self.first_committed() {
            Some((date, _)) => (date.min(self.now), "committer date of the first commit"),
            None => (self.now, "first seen; no commit tells an earlier time"),
        };
        Interval { lower, upper: self.now, source: source.to_owned() }
    }

    fn judgement(&self) -> (Verdict, String) {
        let key = &self.observation.key;
        match key.state {
            KeyState::Active | KeyState::Inactive => {
                let reason =
                    format!("the provider lists key {} of {} as {}", key.id, key.owner, key.state);
                (Verdict::TruePositive, reason)
            }
            KeyState::Absent => {
                let reason = format!("the provider lists no key {} (any more)", key.id);
                (Verdict::InsufficientData, reason)
            }
        }
    }

    fn severity_inputs(&self, leaked_at: &Interval) -> Inputs {
        let a_day_ago = self.now.checked_sub(24.hours()).unwrap_or(Timestamp::MIN);
        Inputs {
            live: match self.observation.key.state {
                KeyState::Active => Some(true),
                KeyState::Inactive => Some(false),
                // A key that isn't listed is not proved dead: the listing may be behind, or of another.
                KeyState::Absent => None,
            },
            // What the key may do is not known before its policies are read.
            administers: self.evidence.and_then(|evidence| match evidence.administers {
                Known::Yes => Some(true),
                Known::No => Some(false),
                Known::Unknown => None,
            }),
            powerful: None,
            misused: None,
            visibility: self.visibility,
            production: None,
            history_only: self.finding.is_history_only(),
            harmless: false,
            over_a_day: Some(leaked_at.lower < a_day_ago),
        }
    }
}
