//! The evidence bundle: a whole record in one file that can be checked alone, on any machine.
//!
//! JSON Lines: a header, every event as it is kept, the signed checkpoints, and at the end an in-toto
//! statement about the lines of the events in a DSSE envelope. The statement names the digest of those
//! lines and of each piece of evidence.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::chain::{self, Raw};
use super::signature::hex;
use super::{Event, Head, IncidentId, Recorded, SignedHead, Signer, Verifier};

/// Names the form of the bundle.
pub const SCHEMA: &str = "stanch-bundle/v1";
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// Names what the statement says.
pub const PREDICATE_TYPE: &str = "urn:stanch:incident-timeline:v1";

/// One line of a bundle.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
enum Line {
    Header {
        schema: String,
        incident: IncidentId,
        key: String,
    },
    Event {
        seq: i64,
        at: String,
        actor: String,
        kind: String,
        event: String,
        prev: String,
        hash: String,
    },
    Checkpoint {
        note: String,
    },
    Attestation {
        envelope: Envelope,
    },
}

/// A DSSE envelope.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Envelope {
    payload_type: String,
    payload: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvelopeSignature {
    keyid: String,
    sig: String,
}

/// What a bundle was found to hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// Which incident.
    pub incident: IncidentId,
    /// Its events.
    pub events: Vec<Recorded>,
    /// The head of the chain.
    pub head: Head,
    /// How many checkpoints verify.
    pub checkpoints: usize,
    /// The key that signed it, as the bundle names it. Whether it is the right one, only whoever knows
    /// the key can tell.
    pub key: Verifier,
}

/// Returns the bundle of a record. The events must have been verified.
///
/// # Errors
/// [`super::Error::Unrecordable`] where it can't be written.
pub fn write(
    incident: &IncidentId,
    events: &[Recorded],
    checkpoints: &[SignedHead],
    signer: &Signer,
) -> Result<String, super::Error> {
    let line = |line: &Line| chain::canonical(line).map(|text| text + "\n");
    let header = Line::Header {
        schema: SCHEMA.to_owned(),
        incident: incident.clone(),
        key: signer.verifier().to_string(),
    };
    let mut body = String::new();
    for recorded in events {
        let raw = chain::raw(recorded).map_err(|broken| broken.of(incident))?;
        body += &line(&Line::from(raw))?;
    }
    let mut text = line(&header)? + &body;
    for checkpoint in checkpoints {
        text += &line(&Line::Checkpoint { note: checkpoint.to_string() })?;
    }
    let statement = chain::canonical(&statement(incident, events, &body))?;
    let signature = signer.sign(&pae(PAYLOAD_TYPE, statement.as_bytes()));
    let envelope = Envelope {
        payload_type: PAYLOAD_TYPE.to_owned(),
        payload: BASE64.encode(&statement),
        signatures: vec![EnvelopeSignature {
            keyid: signer.verifier().name().to_owned(),
            sig: BASE64.encode(signature),
        }],
    };
    text += &line(&Line::Attestation { envelope })?;
    Ok(text)
}

fn statement(incident: &IncidentId, events: &[Recorded], body: &str) -> Value {
    let mut subjects = vec![json!({
        "name": format!("{incident}/events.jsonl"),
        "digest": {"sha256": sha256(body.as_bytes())},
    })];
    for recorded in events {
        if let Event::EvidenceCollected { name, sha256, .. } = &recorded.event {
            let name = format!("{incident}/evidence/{}-{name}", recorded.seq);
            subjects.push(json!({"name": name, "digest": {"sha256": sha256}}));
        }
    }
    let ends = events.first().zip(events.last());
    json!({
        "_type": STATEMENT_TYPE,
        "subject": subjects,
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "incident": incident,
            "events": events.len(),
            "head": events.last().map(|last| last.head().to_string()),
            "firstAt": ends.map(|(first, _)| first.at),
            "lastAt": ends.map(|(_, last)| last.at),
        },
    })
}

/// Returns what a DSSE signature covers.
fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Checks a bundle alone: the chain, the checkpoints, the statement and its signature. With `pinned`,
/// the key must be that one; with `known`, the record must reach that head.
///
/// # Errors
/// What is wrong, in words.
pub fn check(
    text: &str,
    pinned: Option<&Verifier>,
    known: Option<&Head>,
) -> Result<Checked, String> {
    let bundle = Parts::read(text)?;
    let key: Verifier = bundle.key.parse()?;
    if pinned.is_some_and(|pinned| *pinned != key) {
        return Err(format!("it was signed by another key: {}", key.name()));
    }
    let incident = bundle.incident;
    let (events, broken) = chain::read(&incident, bundle.rows);
    if let Some(broken) = broken {
        return Err(broken.to_string());
    }
    let verified = match known {
        Some(known) => chain::verify_against(&incident, &events, known),
        None => chain::verify(&incident, &events),
    };
    let head = verified.map_err(|broken| broken.to_string())?;
    for note in &bundle.checkpoints {
        check_note(note, &incident, &events, &key)?;
    }
    check_envelope(&bundle.envelope, &incident, &events, &bundle.body, &key)?;
    Ok(Checked { incident, events, head, checkpoints: bundle.checkpoints.len(), key })
}

/// Checks that a checkpoint is signed by the key and that the record reaches it.
pub(super) fn check_note(
    note: &SignedHead,
    incident: &IncidentId,
    events: &[Recorded],
    key: &Verifier,
) -> Result<(), String> {
    let size = note.head.seq.saturating_add(1);
    if note.incident != *incident {
        return Err(format!("the checkpoint of {size} events is of another incident"));
    }
    if !key.signed(note) {
        return Err(format!("the checkpoint of {size} events isn't signed by {}", key.name()));
    }
    let reached = chain::verify_against(incident, events, &note.head);
    reached.map(|_| ()).map_err(|broken| format!("a signed checkpoint says otherwise: {broken}"))
}

fn check_envelope(
    envelope: &Envelope,
    incident: &IncidentId,
    events: &[Recorded],
    body: &str,
    key: &Verifier,
) -> Result<(), String> {
    let payload = BASE64.decode(&envelope.payload).map_err(|_| "the statement can't be read")?;
    let signed = envelope.signatures.iter().any(|signature| {
        let bytes = BASE64.decode(&signature.sig).ok();
        let bytes: Option<[u8; 64]> = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.is_some_and(|bytes| key.verifies(&pae(&envelope.payload_type, &payload), &bytes))
    });
    if !signed {
        return Err(format!("the statement isn't signed by {}", key.name()));
    }
    let expected =
        chain::canonical(&statement(incident, events, body)).map_err(|e| e.to_string())?;
    match payload == expected.as_bytes() && envelope.payload_type == PAYLOAD_TYPE {
        true => Ok(()),
        false => Err("the signed statement is about other events".to_owned()),
    }
}

/// The parts of a bundle, before anything is believed.
struct Parts {
    incident: IncidentId,
    key: String,
    rows: Vec<Raw>,
    /// The lines of the events as they stand.
    body: String,
    checkpoints: Vec<SignedHead>,
    envelope: Envelope,
}

impl Parts {
    fn read(text: &str) -> Result<Self, String> {
        let (mut header, mut envelope) = (None, None);
        let (mut rows, mut body, mut checkpoints) = (Vec::new(), String::new(), Vec::new());
        for (number, text) in (1..).zip(text.lines()) {
            let line = serde_json::from_str::<Line>(text)
                .map_err(|_| format!("line {number} is none of a bundle"))?;
            match line {
                Line::Header { schema, .. } if schema != SCHEMA => {
                    return Err(format!("it is no {SCHEMA}; a newer stanch may read it"));
                }
                Line::Header { incident, key, .. } => header = Some((incident, key)),
                Line::Checkpoint { note } => checkpoints.push(note.parse()?),
                Line::Attestation { envelope: read } => envelope = Some(read),
                Line::Event { seq, at, actor, kind, event, prev, hash } => {
                    body.push_str(text);
                    body.push('\n');
                    rows.push(Raw { seq, at, actor, kind, event, prev, hash });
                }
            }
        }
        let (incident, key) = header.ok_or("it has no header: it is no bundle")?;
        let envelope = envelope.ok_or("it has no statement at its end: it was cut off")?;
        Ok(Self { incident, key, rows, body, checkpoints, envelope })
    }
}

impl From<Raw> for Line {
    fn from(raw: Raw) -> Self {
        let Raw { seq, at, actor, kind, event, prev, hash } = raw;
        Self::Event { seq, at, actor, kind, event, prev, hash }
    }
}
