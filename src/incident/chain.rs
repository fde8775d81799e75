//! The chain: each event carries the hash of the one before, so that changing, dropping, inserting or
//! reordering one is noticed.
//!
//! An event is kept as canonical JSON (RFC 8785). Its `hash` is the SHA-256 of the canonical
//! `{incident, seq, prev, at, actor, kind, body_sha256}`, where `body_sha256` is the SHA-256 of the
//! kept text. The hashes cover the bytes that are kept, not what they parse to.
//!
//! A chain proves nothing against someone who rewrites all of it, or cuts off its end: for that, a
//! [`Head`] must be kept somewhere else, and [`verify_against`] asked.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Error, Event, IncidentId, Recorded};

/// What the first event carries as the hash before it.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Beyond this an integer loses digits in RFC 8785, which knows only IEEE 754 doubles.
const LARGEST_EXACT: u64 = 1 << 53;

/// The end of a chain: keep it elsewhere and cutting off the end is noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The number of the last event.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

/// The first place where a record isn't what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("broken at event {seq}: {why}")]
pub struct Break {
    /// The number of the first event that is wrong or missing.
    pub seq: u64,
    /// What is wrong, in words.
    pub why: String,
}

impl Break {
    fn new(seq: u64, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { seq, why }
    }

    /// Returns the error for a caller that can't go on without the record.
    pub fn of(self, incident: &IncidentId) -> Error {
        Error::Broken { incident: incident.clone(), seq: self.seq, why: self.why }
    }
}

/// An event as a store keeps it, before anything is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw {
    /// Its number. Signed, as databases count.
    pub seq: i64,
    /// When it was recorded.
    pub at: String,
    /// Who recorded it.
    pub actor: String,
    /// Its kind, repeated beside the event for queries.
    pub kind: String,
    /// The canonical JSON of the event.
    pub event: String,
    /// The hash of the event before.
    pub prev: String,
    /// The hash of this one.
    pub hash: String,
}

/// What the hash of an event covers.
#[derive(Serialize)]
struct Envelope<'a> {
    incident: &'a str,
    seq: u64,
    prev: &'a str,
    at: &'a str,
    actor: &'a str,
    kind: &'a str,
    body_sha256: &'a str,
}

/// Returns the SHA-256 of the canonical JSON of a value, in hexadecimal: for plans and evidence.
///
/// # Errors
/// [`Error::Unrecordable`] where the value has no exact canonical form.
pub fn digest(value: &impl Serialize) -> Result<String, Error> {
    canonical(value).map(|text| sha256(text.as_bytes()))
}

/// Returns the canonical JSON of a value.
///
/// # Errors
/// [`Error::Unrecordable`] where it holds an integer that RFC 8785 can't write exactly.
pub fn canonical(value: &impl Serialize) -> Result<String, Error> {
    let unrecordable = |e: serde_json::Error| Error::Unrecordable(e.to_string());
    let value = serde_json::to_value(value).map_err(unrecordable)?;
    if let Some(number) = inexact(&value) {
        let why = format!("the number {number} is too large to be kept exactly; keep it as text");
        return Err(Error::Unrecordable(why));
    }
    serde_json_canonicalizer::to_string(&value).map_err(unrecordable)
}

/// Returns the first integer in a value that a double can't hold.
fn inexact(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => {
            let size = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs))?;
            (size > LARGEST_EXACT).then(|| number.to_string())
        }
        Value::Array(items) => items.iter().find_map(inexact),
        Value::Object(fields) => fields.values().find_map(inexact),
        Value::Null | Value::Bool(_) | Value::String(_) => None,
    }
}

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes the next event of a chain, in the form in which a store keeps it.
///
/// # Errors
/// [`Error::Unrecordable`] where the event has no exact canonical form.
pub fn seal(
    incident: &IncidentId,
    (seq, prev): (u64, &str),
    actor: &str,
    at: Timestamp,
    event: &Event,
) -> Result<(Raw, Recorded), Error> {
    let unrecordable = |e: Break| Error::Unrecordable(e.why);
    let mut raw = Raw {
        seq: i64::try_from(seq).map_err(|e| Error::Unrecordable(e.to_string()))?,
        at: at.to_string(),
        actor: actor.to_owned(),
        kind: event.kind().to_owned(),
        event: canonical(event)?,
        prev: prev.to_owned(),
        hash: String::new(),
    };
    raw.hash = hash(incident, seq, &raw);
    // Reading it back here means that nothing is ever written that could not be read.
    let recorded = read_one(incident, seq, raw.clone()).map_err(unrecordable)?;
    Ok((raw, recorded))
}

fn hash(incident: &IncidentId, seq: u64, raw: &Raw) -> String {
    let envelope = Envelope {
        incident: incident.as_str(),
        seq,
        prev: &raw.prev,
        at: &raw.at,
        actor: &raw.actor,
        kind: &raw.kind,
        body_sha256: &sha256(raw.event.as_bytes()),
    };
    // Strings and one number always have a canonical form; an empty hash would match nothing.
    serde_json_canonicalizer::to_vec(&envelope).map(|bytes| sha256(&bytes)).unwrap_or_default()
}

/// Checks one kept event by itself (not what stands before it) and reads it.
///
/// # Errors
/// The [`Break`] where it isn't what was written.
pub fn read_one(incident: &IncidentId, seq: u64, raw: Raw) -> Result<Recorded, Break> {
    if u64::try_from(raw.seq) != Ok(seq) {
        let why = format!("it is missing; number {} stands in its place", raw.seq);
        return Err(Break::new(seq, why));
    }
    if hash(incident, seq, &raw) != raw.hash {
        let why = "its content doesn't match its hash: it was changed after it was written";
        return Err(Break::new(seq, why));
    }
    let event = parse(&raw).map_err(|why| Break::new(seq, why))?;
    let at = (raw.at.parse()).map_err(|_| Break::new(seq, "its time can't be read"))?;
    Ok(Recorded { seq, at, actor: raw.actor, event, prev: raw.prev, hash: raw.hash })
}

/// Reads the kept text of an event. It must be the canonical text, so that a record that was exported
/// and read again has the same hashes.
fn parse(raw: &Raw) -> Result<Event, String> {
    let event: Event = serde_json::from_str(&raw.event).map_err(|e| {
        // The message of the parser may quote the text; its place is enough.
        let (line, column) = (e.line(), e.column());
        format!("it can't be read (line {line}, column {column}); perhaps a newer stanch wrote it")
    })?;
    if event.kind() != raw.kind {
        return Err("its kind isn't that of its content".to_owned());
    }
    match canonical(&event) {
        Ok(text) if text == raw.event => Ok(event),
        _ => Err("its text isn't canonical JSON".to_owned()),
    }
}

/// Reads the kept events of an incident, in order, up to the first that isn't what was written.
pub fn read(
    incident: &IncidentId,
    rows: impl IntoIterator<Item = Raw>,
) -> (Vec<Recorded>, Option<Break>) {
    let mut events: Vec<Recorded> = Vec::new();
    for (seq, raw) in (0..).zip(rows) {
        let prev = events.last().map_or(GENESIS, |event| &event.hash);
        let link = follows(prev, seq, &raw);
        match link.and_then(|()| read_one(incident, seq, raw)) {
            Ok(recorded) => events.push(recorded),
            Err(broken) => return (events, Some(broken)),
        }
    }
    let empty = (events.is_empty()).then(|| Break::new(0, "there is no event"));
    (events, empty)
}

fn follows(prev: &str, seq: u64, raw: &Raw) -> Result<(), Break> {
    // A wrong number is the better explanation, and `read_one` gives it.
    if raw.prev == prev || u64::try_from(raw.seq) != Ok(seq) {
        return Ok(());
    }
    let why =
        "it doesn't follow the event before: one of the two was put in, taken out or replaced";
    Err(Break::new(seq, why))
}

/// Checks that events are, from the first on, what was recorded.
///
/// # Errors
/// The first [`Break`].
pub fn verify(incident: &IncidentId, events: &[Recorded]) -> Result<Head, Break> {
    let rows = events.iter().map(raw).collect::<Result<Vec<_>, _>>()?;
    let (read, broken) = read(incident, rows);
    match (broken, read.last()) {
        (None, Some(last)) => Ok(last.head()),
        (Some(broken), _) => Err(broken),
        (None, None) => Err(Break::new(0, "there is no event")),
    }
}

/// Checks events as [`verify`] does, and that they reach an earlier known head: the end was not cut off.
///
/// # Errors
/// The first [`Break`].
pub fn verify_against(
    incident: &IncidentId,
    events: &[Recorded],
    head: &Head,
) -> Result<Head, Break> {
    let present = verify(incident, events)?;
    let then = usize::try_from(head.seq).ok().and_then(|at| events.get(at));
    match then {
        Some(event) if event.hash == head.hash => Ok(present),
        Some(_) => Err(Break::new(
            head.seq,
            "it isn't the event whose hash was given: the record was written anew",
        )),
        None => Err(Break::new(
            present.seq + 1,
            format!("the end was cut off: event {} is known", head.seq),
        )),
    }
}

/// Returns a recorded event in the form in which it is kept.
pub(super) fn raw(recorded: &Recorded) -> Result<Raw, Break> {
    let broken = |e: &dyn fmt::Display| Break::new(recorded.seq, e.to_string());
    Ok(Raw {
        seq: i64::try_from(recorded.seq).map_err(|e| broken(&e))?,
        at: recorded.at.to_string(),
        actor: recorded.actor.clone(),
        kind: recorded.event.kind().to_owned(),
        event: canonical(&recorded.event).map_err(|e| broken(&e))?,
        prev: recorded.prev.clone(),
        hash: recorded.hash.clone(),
    })
}

impl Recorded {
    /// Returns the head of a chain that ends with this event.
    pub fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash.clone() }
    }
}

impl std::str::FromStr for Head {
    type Err = String;

    /// Reads a head as it is shown: the number, a colon, the hash.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || "a head is the number of an event, a colon and its hash".to_owned();
        let (seq, hash) = text.split_once(':').ok_or_else(refused)?;
        let seq = seq.parse().map_err(|_| refused())?;
        let is_hash = hash.len() == GENESIS.len() && hash.bytes().all(|b| b.is_ascii_hexdigit());
        let hash = hash.to_ascii_lowercase();
        is_hash.then_some(Self { seq, hash }).ok_or_else(refused)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn canonical_form_sorts_keys_and_keeps_nothing_twice() {
        let text = canonical(&json!({"b": 1.0, "a": [true, null, "é\n"]})).unwrap();
        assert_eq!(text, r#"{"a":[true,null,"é\n"],"b":1}"#);
        assert_eq!(canonical(&json!({"n": 0.1})).unwrap(), r#"{"n":0.1}"#);
    }

    #[test]
    fn refuses_numbers_it_would_change() {
        let largest = json!({"n": [LARGEST_EXACT, -(1_i64 << 53)]});
        assert!(canonical(&largest).is_ok());
        for number in [json!(LARGEST_EXACT + 1), json!(-(1_i64 << 53) - 1)] {
            let refused = canonical(&json!({"deep": [number]}));
            assert!(matches!(refused, Err(Error::Unrecordable(_))));
        }
    }

    #[test]
    fn hash_is_the_sha256_of_the_canonical_envelope() {
        let incident = IncidentId::from("INC-1".to_owned());
        let event = Event::Noted { text: "x".into() };
        let at = Timestamp::UNIX_EPOCH;
        let (raw, recorded) = seal(&incident, (0, GENESIS), "ada", at, &event).unwrap();
        let body = r#"{"body":{"text":"x"},"kind":"noted"}"#;
        assert_eq!(raw.event, body);
        let envelope = format!(
            r#"{{"actor":"ada","at":"1970-01-01T00:00:00Z","body_sha256":"{}","incident":"INC-1","kind":"noted","prev":"{GENESIS}","seq":0}}"#,
            sha256(body.as_bytes())
        );
        assert_eq!(recorded.hash, sha256(envelope.as_bytes()));
    }

    #[test]
    fn a_right_hash_over_a_wrong_text_is_a_break() {
        let incident = IncidentId::from("INC-1".to_owned());
        let event = Event::Noted { text: "x".into() };
        let place = (0, GENESIS);
        let (sealed, _) = seal(&incident, place, "ada", Timestamp::UNIX_EPOCH, &event).unwrap();
        let read_with = |change: fn(&mut Raw)| {
            let mut raw = sealed.clone();
            change(&mut raw);
            raw.hash = hash(&incident, 0, &raw);
            read_one(&incident, 0, raw).map_err(|broken| broken.why)
        };
        assert!(read_with(|_| ()).is_ok());
        let spaced = read_with(|raw| raw.event = raw.event.replace(':', ": "));
        assert!(spaced.unwrap_err().contains("canonical"));
        let renamed = read_with(|raw| raw.kind = "closed".into());
        assert!(renamed.unwrap_err().contains("kind"));
        let unknown = read_with(|raw| raw.event = raw.event.replace("text", "mood"));
        assert!(unknown.unwrap_err().contains("newer"));
        let timeless = read_with(|raw| raw.at = "yesterday".into());
        assert!(timeless.unwrap_err().contains("time"));
    }

    #[test]
    fn head_reads_back_as_it_is_shown() {
        let head = Head { seq: 7, hash: "ab".repeat(32) };
        assert_eq!(head.to_string().parse(), Ok(head));
        for wrong in ["", "7", "7:ab", "x:", &format!("-1:{GENESIS}")] {
            assert!(wrong.parse::<Head>().is_err(), "{wrong}");
        }
    }
}
