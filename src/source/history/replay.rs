//! Hands out again what an unchanged history is known to hold.

use std::sync::Arc;

use git2::ObjectType;
use rayon::prelude::*;

use super::deliver::Deliver;
use super::remembered::{Hit, KeptEvent, KeptStay, Outcome};
use super::stays::{TAG_ORDER, record_of};
use crate::source::repository::{Objects, Unreadable, parse_oid};
use crate::source::stay::{Event, Stay, Stays};
use crate::source::{Blob, Kind};

/// Reads the objects of an outcome anew and hands them out; returns their stays.
pub(super) fn replay(
    outcome: Outcome,
    repository: &str,
    objects: &Objects,
    deliver: &Deliver<'_>,
) -> Stays {
    deliver.gaps.tally.count(outcome.clean, outcome.clean_bytes);
    for name in outcome.left_out {
        deliver.gaps.object(name, Unreadable::Absent);
    }
    outcome.hits.par_iter().for_each(|hit| hand(hit, objects, deliver));
    let stays = outcome.stays.into_iter().map(|(object, kept)| {
        let stays = kept.into_iter().map(|kept| stay(kept, repository, objects));
        (object, stays.collect())
    });
    stays.collect()
}

fn hand(hit: &Hit, objects: &Objects, deliver: &Deliver<'_>) {
    let (Some(oid), Some(first)) = (parse_oid(&hit.object), hit.places.first()) else { return };
    let kind = match first.kind {
        Kind::CommitMessage => ObjectType::Commit,
        Kind::TagMessage => ObjectType::Tag,
        _ => ObjectType::Blob,
    };
    match objects.read(oid, kind) {
        Ok(bytes) if kind == ObjectType::Blob => {
            deliver.blob(Blob::new(&bytes, &hit.places));
        }
        Ok(bytes) => _ = deliver.message(first.clone(), &bytes),
        Err(why) => deliver.gaps.object(format!("{kind} {oid}"), why),
    }
}

fn stay(kept: KeptStay, repository: &str, objects: &Objects) -> Stay {
    let event = |kept: Option<KeptEvent>| event(&kept?, objects);
    Stay {
        repository: repository.to_owned(),
        first: event(kept.first),
        last: event(kept.last),
        removed: event(kept.removed),
        is_reached: kept.is_reached,
        reached_by: kept.reached_by,
        is_in_head: kept.is_in_head,
    }
}

fn event(kept: &KeptEvent, objects: &Objects) -> Option<Event> {
    let oid = parse_oid(&kept.id)?;
    let is_tag = kept.order == TAG_ORDER;
    let kind = if is_tag { ObjectType::Tag } else { ObjectType::Commit };
    let record = record_of(oid, kind, &objects.read(oid, kind).ok()?)?;
    Some(Event { order: kept.order, record: Arc::new(record) })
}
