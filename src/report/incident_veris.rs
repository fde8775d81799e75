//! An incident in VERIS 1.4: for comparing with others, so without names.

use std::io::{self, Write};

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::incident::{Cause, Incident, Verdict, Visibility};

/// Writes the record.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, incident: &Incident) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &record(incident))?;
    writeln!(out)
}

fn record(incident: &Incident) -> Value {
    let misused = incident.severity.as_ref().and_then(|severity| severity.inputs.misused);
    let disclosed = match (misused, incident.exposure.visibility) {
        (Some(true), _) => "Yes",
        (Some(false), _) => "No",
        (None, Visibility::Public | Visibility::Unknown) => "Potentially",
        (None, _) => "Unknown",
    };
    json!({
        "schema_version": "1.4.0",
        "incident_id": incident.id,
        "source_id": "stanch",
        "summary": format!("A credential of {} was exposed.", incident.credential.provider),
        "security_incident": standing(incident),
        "confidence": "High",
        "discovery_method": {"internal": {"variety": ["Data loss prevention"]}},
        "timeline": timeline(incident),
        // Who read it is not known: that it could be read is all that is.
        "actor": actor(misused),
        "action": {"error": error(incident.cause.as_ref().map(|cause| cause.category))},
        "asset": {"assets": [{"variety": "S - Code repository"}], "cloud": ["Unknown"]},
        "attribute": {"confidentiality": {
            "data_disclosure": disclosed,
            "data": [{"variety": "API key"}],
        }},
    })
}

fn standing(incident: &Incident) -> &'static str {
    match incident.verdict.as_ref().map(|judgement| judgement.verdict) {
        Some(Verdict::TruePositive) => "Confirmed",
        Some(Verdict::NearMiss) => "Near miss",
        Some(verdict) if verdict.is_no_incident() => "False positive",
        _ => "Suspected",
    }
}

/// An error has an internal actor; misuse has one nobody knows yet.
fn actor(misused: Option<bool>) -> Value {
    let internal = json!({"variety": ["Developer"], "motive": ["NA"]});
    match misused {
        Some(true) => {
            json!({"internal": internal, "unknown": {"notes": "whoever used the key is not known"}})
        }
        _ => json!({"internal": internal}),
    }
}

fn error(cause: Option<Cause>) -> Value {
    let (variety, vector) = match cause {
        Some(Cause::EnvFileCommitted | Cause::Hardcoded | Cause::Notebook | Cause::History) => {
            ("Publishing error", "Carelessness")
        }
        Some(Cause::CopyPaste) => ("Misdelivery", "Carelessness"),
        Some(Cause::CiLog | Cause::DebugOutput) => ("Programming error", "Inadequate technology"),
        Some(Cause::ImageLayer) => ("Misconfiguration", "Inadequate processes"),
        Some(Cause::VendoredCode | Cause::ThirdParty) => ("Other", "Inadequate processes"),
        Some(Cause::Other) => ("Other", "Other"),
        Some(Cause::Unknown) | None => ("Unknown", "Unknown"),
    };
    json!({"variety": [variety], "vector": [vector]})
}

fn timeline(incident: &Incident) -> Value {
    let times = &incident.times;
    let day = times.leaked_at.lower.to_zoned(TimeZone::UTC).date();
    let mut timeline = json!({
        "incident": {"year": day.year(), "month": day.month(), "day": day.day()},
        "discovery": {"unit": "Unknown"},
        "containment": {"unit": "Unknown"},
    });
    let figures = &incident.figures;
    for (name, figure) in [("discovery", &figures.mttd), ("containment", &figures.mttc)] {
        let sound = figure.as_ref().filter(|figure| figure.doubt.is_none());
        if let Some(figure) = sound {
            timeline[name] = stretch(figure.seconds);
        }
    }
    timeline
}

/// Returns a stretch of time in the largest unit of which there is at least one.
fn stretch(seconds: i64) -> Value {
    let units = [("Days", 86_400), ("Hours", 3_600), ("Minutes", 60)];
    let (unit, size) =
        units.into_iter().find(|(_, size)| seconds >= *size).unwrap_or(("Seconds", 1));
    json!({"unit": unit, "value": seconds / size})
}
