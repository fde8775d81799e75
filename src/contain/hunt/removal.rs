//! The eradication plan: what was made, begun and hidden with a leaked key, each with the way to undo it;
//! and the secrets that were read with it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Question;
use super::review::KnownAddresses;
use crate::contain::Approval;
use crate::provider::{Meaning, Use};

/// What is left of an intruder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Left {
    /// Something by which it stays.
    Persistence,
    /// Another identity it took on, whose sessions outlive the key.
    Session,
    /// Traces it hid.
    Hiding,
}

/// One item of the eradication plan. Nothing of it is done here: a person, or two, agree to each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Removal {
    /// What kind of thing it is.
    pub left: Left,
    /// What it is.
    pub what: String,
    /// When it was done first.
    pub at: Timestamp,
    /// When it was done last.
    pub last: Timestamp,
    /// How often.
    pub count: u64,
    /// By which call.
    pub call: String,
    /// Where, such as a region.
    pub place: String,
    /// From which address it was done first.
    pub from: Option<String>,
    /// With which key.
    pub key: Option<String>,
    /// How it is undone, with the exact command where there is one.
    pub how: String,
    /// Who must agree to that.
    pub approval: Approval,
    /// Whether that can be taken back.
    pub reversible: bool,
    /// Whom it hits beside the intruder.
    pub hits: String,
    /// Whether it is a person's to deal with: a session that was begun from known addresses alone is a
    /// consumer's usual work; what stays is looked at wherever it came from.
    pub is_suspicious: bool,
}

/// A secret that was read with the key, and so leaked, too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretRead {
    /// Which.
    pub what: String,
    /// Where, such as a region.
    pub place: String,
    /// When it was read first since the leak.
    pub first: Timestamp,
    /// When it was read last.
    pub last: Timestamp,
    /// How often.
    pub count: u64,
    /// From which address it was read first; of a suspicious one, the first that is not known.
    pub from: Option<String>,
    /// Whether it was read from an address that was not seen before the leak.
    pub is_suspicious: bool,
}

/// Returns the plan: each thing once, in the order of time.
pub(super) fn plan(
    question: &Question,
    notable: &[&Use],
    known: &KnownAddresses<'_>,
) -> Vec<Removal> {
    let mut plan: Vec<Removal> = Vec::new();
    for used in notable {
        let Some(removal) = removal(question, used, known) else { continue };
        let same = plan.iter_mut().find(|other| {
            (other.left, &other.what, &other.place, &other.how)
                == (removal.left, &removal.what, &removal.place, &removal.how)
        });
        match same {
            Some(other) => {
                other.count += 1;
                other.last = removal.last;
                other.is_suspicious |= removal.is_suspicious;
            }
            None => plan.push(removal),
        }
    }
    plan
}

fn removal(question: &Question, used: &Use, known: &KnownAddresses<'_>) -> Option<Removal> {
    let is_known = known.holds(used.from.as_deref());
    let (left, what, how, reversible, hits) = match &used.meaning {
        Meaning::Persistence { what, remove, reversible, hits } => {
            (Left::Persistence, what.clone(), remove.clone(), *reversible, hits.clone())
        }
        Meaning::Session { of } => {
            let (how, hits) = ending(question, of);
            (Left::Session, format!("a session of {of}"), how, true, hits)
        }
        Meaning::Hiding { what, restore } => {
            let hits = "nobody".to_owned();
            (Left::Hiding, what.clone(), restore.clone(), true, hits)
        }
        Meaning::SecretRead { .. } | Meaning::Other => return None,
    };
    Some(Removal {
        left,
        what,
        at: used.at,
        last: used.at,
        count: 1,
        call: used.call.clone(),
        place: used.place.clone(),
        from: used.from.clone(),
        key: used.key.clone(),
        how,
        approval: if reversible { Approval::B } else { Approval::C },
        reversible,
        hits,
        is_suspicious: left != Left::Session || !is_known,
    })
}

/// Returns how the sessions of an identity are ended, and whom that hits.
fn ending(question: &Question, of: &str) -> (String, String) {
    let contain = format!("stanch contain {}", question.finding.short());
    match of.starts_with("arn:") {
        true => (
            format!("{contain} --end-sessions-of {of}"),
            format!("everyone who works as {of} now: they have to sign in anew"),
        ),
        false => (
            format!("{contain} --end-sessions"),
            "whoever works in a session of the owner: they have to begin anew".to_owned(),
        ),
    }
}

/// Returns the secrets that were read, each once.
pub(super) fn secrets(notable: &[&Use], known: &KnownAddresses<'_>) -> Vec<SecretRead> {
    let mut secrets: Vec<SecretRead> = Vec::new();
    for used in notable {
        let Meaning::SecretRead { what } = &used.meaning else { continue };
        let is_suspicious = !known.holds(used.from.as_deref());
        let same = secrets.iter_mut().find(|one| one.what == *what && one.place == used.place);
        match same {
            Some(one) => {
                one.count += 1;
                one.last = used.at;
                if is_suspicious && !one.is_suspicious {
                    one.is_suspicious = true;
                    one.from.clone_from(&used.from);
                }
            }
            None => secrets.push(SecretRead {
                what: what.clone(),
                place: used.place.clone(),
                first: used.at,
                last: used.at,
                count: 1,
                from: used.from.clone(),
                is_suspicious,
            }),
        }
    }
    secrets
}
