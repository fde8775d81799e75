//! The incidents that come of an incident: each secret that was read with the leaked key is leaked, too.

use jiff::Timestamp;

use super::removal::SecretRead;
use crate::incident::{
    Classification, CredentialRef, Event, Exposure, Incident, Inputs, Interval, Relation,
    Visibility,
};
use crate::secret::Fingerprint;

/// The pattern of a secret that no scan found.
const READ: &str = "read-with-a-leaked-key";

/// An incident that is to be opened, and what its parent says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Child {
    /// The secret it is about.
    pub what: String,
    /// The events it begins with, [`Event::Opened`] first and the link to its parent last.
    pub events: Vec<Event>,
    /// Why the two hang together.
    pub reason: String,
}

/// Returns the incidents of the secrets that were read from addresses not known, as the parent's record
/// tells. The same secret always has the same fingerprint, so that it is opened once.
pub fn children(parent: &Incident, secrets: &[SecretRead], now: Timestamp) -> Vec<Child> {
    let suspicious = secrets.iter().filter(|secret| secret.is_suspicious);
    suspicious.map(|secret| child(parent, secret, now)).collect()
}

fn child(parent: &Incident, secret: &SecretRead, now: Timestamp) -> Child {
    let provider = &parent.credential.provider;
    let name = format!("{} in {}", secret.what, secret.place);
    let parts = [("provider", provider.as_bytes()), ("name", name.as_bytes())];
    let key = parent.credential.key_id.as_deref().unwrap_or(&parent.credential.redacted);
    let reason = format!("{name} was read with the leaked key {key} at {:.0}", secret.first);
    let opened = Event::Opened {
        title: format!("{name} was read with a leaked key"),
        drill: parent.drill,
        credential: CredentialRef {
            fingerprint: Fingerprint::of(READ, parts),
            pattern: READ.to_owned(),
            provider: provider.clone(),
            class: parent.credential.class.clone(),
            redacted: "(not seen)".to_owned(),
            key_id: Some(name),
        },
        exposure: Exposure {
            root: format!("incident {}", parent.id),
            visibility: Visibility::Unknown,
            places: Vec::new(),
            first_commit: None,
        },
        leaked_at: Interval {
            lower: secret.first,
            upper: secret.first,
            source: "the provider's log".to_owned(),
        },
        alerted_at: now,
    };
    let judged = Classification::of(Inputs {
        live: None,
        administers: None,
        powerful: None,
        misused: None,
        visibility: Visibility::Unknown,
        production: None,
        history_only: false,
        harmless: false,
        over_a_day: None,
    });
    let linked = Event::Linked {
        other: parent.id.clone(),
        relation: Relation::Parent,
        reason: reason.clone(),
    };
    Child { what: secret.what.clone(), events: vec![opened, judged.into(), linked], reason }
}
