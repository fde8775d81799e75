//! Incidents as OCSF 1.8 events, one a line: an incident finding (2005), then a remediation activity
//! (7001) for each step that acted.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::incident::{Incident, Level, Role, State, Step, StepState, Verdict};

/// The version of the schema.
const VERSION: &str = "1.8.0";

/// Writes the events.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, incident: &Incident) -> io::Result<()> {
    let mut line = |value: &Value| {
        serde_json::to_writer(&mut *out, value)?;
        writeln!(out)
    };
    line(&finding(incident))?;
    let acted = incident.steps.iter().filter(|step| step.attempts > 0);
    acted.enumerate().try_for_each(|(number, step)| line(&remediation(incident, step, number)))
}

fn metadata(incident: &Incident, uid: &str) -> Value {
    json!({
        "version": VERSION,
        "uid": uid,
        "product": {"name": "stanch", "vendor_name": "stanch", "version": env!("CARGO_PKG_VERSION")},
        "profiles": ["incident"],
        "labels": incident.tlp.map(|tlp| vec![tlp.words()]).unwrap_or_default(),
    })
}

fn finding(incident: &Incident) -> Value {
    let times = &incident.times;
    let (activity, activity_name) = match incident.state {
        State::Closed | State::Cancelled => (3, "Close"),
        _ if incident.timeline.len() > 1 => (2, "Update"),
        _ => (1, "Create"),
    };
    let (status, status_name) = status(incident);
    let (verdict, verdict_name) = verdict(incident);
    let (severity, severity_name, priority) = severity(incident);
    let credential = &incident.credential;
    let lead = incident.lead().unwrap_or("nobody yet");
    json!({
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2005,
        "class_name": "Incident Finding",
        "activity_id": activity,
        "activity_name": activity_name,
        "type_uid": 200_500 + activity,
        "time": times.opened_at.as_millisecond(),
        "start_time": times.leaked_at.lower.as_millisecond(),
        "end_time": incident.timeline.last().map(|line| line.at.as_millisecond()),
        "severity_id": severity,
        "severity": severity_name,
        "priority_id": priority,
        "status_id": status,
        "status": status_name,
        "verdict_id": verdict,
        "verdict": verdict_name,
        "is_suspected_breach": incident.severity.as_ref().is_some_and(|s| s.inputs.misused == Some(true)),
        "desc": incident.title,
        "assignee": {"name": lead, "type_id": 1},
        "metadata": metadata(incident, incident.id.as_str()),
        "finding_info_list": [{
            "uid": incident.id,
            "title": incident.title,
            "created_time": times.opened_at.as_millisecond(),
            "first_seen_time": times.leaked_at.lower.as_millisecond(),
            "types": ["Leaked credential"],
            "product_uid": credential.fingerprint,
        }],
        "unmapped": {
            "provider": credential.provider,
            "phase": incident.phase,
            "figures": incident.figures,
            "roles": incident.roles.iter().filter(|(role, _)| **role != Role::Commander)
                .map(|(role, person)| json!({"role": role, "person": person})).collect::<Vec<_>>(),
        },
    })
}

fn status(incident: &Incident) -> (u8, &'static str) {
    match incident.state {
        State::Closed | State::Cancelled => (5, "Closed"),
        State::Recovered => (4, "Resolved"),
        _ if incident.is_clock_paused() => (3, "On Hold"),
        State::Open if incident.acknowledged_by.is_none() => (1, "New"),
        _ => (2, "In Progress"),
    }
}

fn verdict(incident: &Incident) -> (u8, &'static str) {
    match incident.verdict.as_ref().map(|judgement| judgement.verdict) {
        None => (0, "Unknown"),
        Some(Verdict::FalsePositive) => (1, "False Positive"),
        Some(Verdict::TruePositive) => (2, "True Positive"),
        Some(Verdict::TestKey) => (6, "Test"),
        Some(Verdict::InsufficientData) => (7, "Insufficient Data"),
        Some(Verdict::Duplicate) => (10, "Duplicate"),
        Some(Verdict::NearMiss) => (99, "Near Miss"),
        Some(Verdict::Canary) => (99, "Canary"),
    }
}

/// Returns the severity, its name and the priority.
fn severity(incident: &Incident) -> (u8, &'static str, u8) {
    match incident.severity.as_ref().map(|severity| severity.level) {
        None => (0, "Unknown", 0),
        Some(Level::Sev1) => (5, "Critical", 4),
        Some(Level::Sev2) => (4, "High", 3),
        Some(Level::Sev3) => (3, "Medium", 2),
        Some(Level::Sev4) => (2, "Low", 1),
    }
}

fn remediation(incident: &Incident, step: &Step, number: usize) -> Value {
    // What stops a key takes something away from whoever has it; what makes a new one restores.
    let (activity, activity_name) = match step.id.as_str() {
        id if id.contains("rotate") || id.contains("create") => (3, "Restore"),
        id if id.contains("narrow") => (4, "Harden"),
        id if id.contains("delete") => (2, "Evict"),
        _ => (1, "Isolate"),
    };
    let (status, status_name) = match step.state {
        StepState::Succeeded => (1, "Success"),
        StepState::Failed | StepState::Refused => (2, "Failure"),
        StepState::Skipped => (5, "Unsupported"),
        StepState::Planned | StepState::Intended | StepState::Unknown => (0, "Unknown"),
    };
    let at = step.effective_at.or(step.finished_at).or(step.intended_at);
    let uid = format!("{}/{number}", incident.id);
    let (severity, severity_name, _) = severity(incident);
    json!({
        "category_uid": 7,
        "category_name": "Remediation",
        "class_uid": 7001,
        "class_name": "Remediation Activity",
        "activity_id": activity,
        "activity_name": activity_name,
        "type_uid": 700_100 + activity,
        "time": at.unwrap_or(incident.times.opened_at).as_millisecond(),
        "severity_id": severity,
        "severity": severity_name,
        "status_id": status,
        "status": status_name,
        "status_detail": step.detail,
        "command_uid": uid,
        "message": format!("{} on {}", step.call, step.target),
        "metadata": metadata(incident, &uid),
    })
}
