//! An incident for each secret that was read with a leaked key, linked with its parent both ways. Where
//! one is there already, only what is missing of it is added.

use std::io::Write;

use serde_json::json;

use super::{Args, ExitCode, Failure, Format, write_json};
use crate::cli::environment::{self, SystemClock};
use crate::contain::{Child, Hunted, children};
use crate::finding::plain;
use crate::incident::{Clock, Event, Incident, IncidentId, Opening, Relation, Store, UsageReview};

pub(super) fn open(
    args: &Args,
    parent: &Incident,
    store: &dyn Store,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let hunted = last_hunt(parent, store)?;
    let mut opened = Vec::new();
    for child in children(parent, &hunted.secrets, SystemClock.now()) {
        let id = open_one(&child, parent, store)?;
        opened.push((id, child.what));
    }
    match args.format {
        Format::Json => {
            let opened: Vec<_> =
                opened.iter().map(|(id, what)| json!({ "incident": id, "secret": what })).collect();
            write_json(&json!({ "incident": parent.id, "children": opened }), out)?;
        }
        Format::Text if opened.is_empty() => {
            writeln!(out, "the last hunt found no secret that somebody read who should not have")?;
        }
        Format::Text => {
            for (id, what) in &opened {
                writeln!(out, "opened    {id}: {}", plain(what))?;
            }
            writeln!(out, "next      stanch incident list")?;
        }
    }
    Ok(if opened.is_empty() { ExitCode::Clean } else { ExitCode::Found })
}

/// Returns what the last hunt found, from the record.
fn last_hunt(parent: &Incident, store: &dyn Store) -> Result<Hunted, Failure> {
    let events = store.events(&parent.id)?;
    let content = events.iter().rev().find_map(|recorded| match &recorded.event {
        Event::EvidenceCollected { name, content, .. } if name == UsageReview::FOUND => {
            Some(content)
        }
        _ => None,
    });
    let content = content.ok_or_else(|| {
        Failure::new("no hunt in this incident was finished yet")
            .hint(format!("`stanch hunt --incident {}`", parent.id.short()))
    })?;
    serde_json::from_value(content.clone()).map_err(|error| {
        Failure::new(format!("what the last hunt found can't be read: {error}"))
            .hint("it was kept by another version; hunt again")
    })
}

fn open_one(child: &Child, parent: &Incident, store: &dyn Store) -> Result<IncidentId, Failure> {
    let (actor, now) = (environment::user(), SystemClock.now());
    let id = IncidentId::generate();
    let id = match store.open_incident(&id, &actor, now, &child.events[0])? {
        Opening::Opened(_) => id,
        Opening::AlreadyOpen(open) => open,
    };
    let events = store.events(&id)?;
    let known = Incident::of(&id, &events)?;
    let is_missing = |event: &&Event| match event {
        Event::Classified { .. } => known.severity.is_none(),
        Event::Linked { other, .. } => !is_linked(&known, other),
        _ => false,
    };
    let missing: Vec<Event> = child.events.iter().filter(is_missing).cloned().collect();
    store.append_all(&id, events.len() as u64, &actor, now, &missing)?;
    let events = store.events(&parent.id)?;
    if !is_linked(&Incident::of(&parent.id, &events)?, &id) {
        let (relation, reason) = (Relation::Child, child.reason.clone());
        let linked = Event::Linked { other: id.clone(), relation, reason };
        store.append(&parent.id, events.len() as u64, &actor, now, &linked)?;
    }
    Ok(id)
}

fn is_linked(incident: &Incident, other: &IncidentId) -> bool {
    incident.links.iter().any(|link| link.other == *other)
}
