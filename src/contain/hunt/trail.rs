//! The hunt's own trail in the record: each piece as it is read, so that whoever asks again goes on there.

use jiff::Timestamp;

use super::found::Found;
use super::{Hunt, Question};
use crate::contain::Error;
use crate::contain::engine::as_value;
use crate::contain::lease::Lease;
use crate::incident::{self, Event, Recorded};
use crate::provider::Search;

/// How often to number an event anew where others write to the incident.
const TRIES: u32 = 8;

/// The record of one incident, as far as it is about a hunt.
pub(super) struct Trail<'a> {
    hunt: &'a Hunt<'a>,
    next: u64,
    pieces: Vec<Piece>,
}

/// A piece that was read.
struct Piece {
    search: Search,
    found: Found,
    next: Option<String>,
}

/// How far a search is.
#[derive(Default)]
pub(super) struct SoFar {
    pub(super) found: Found,
    /// Where it goes on.
    pub(super) next: Option<String>,
    /// It was read to its end.
    pub(super) is_over: bool,
}

impl<'a> Trail<'a> {
    /// Reads what was recorded since the last review.
    pub(super) fn read(hunt: &'a Hunt<'a>) -> Result<Self, Error> {
        let events = hunt.journal.events(&hunt.incident)?;
        let (mut pieces, mut lease) = (Vec::new(), None);
        for recorded in &events {
            match &recorded.event {
                Event::LogRead { search, found, next } => pieces.push(Piece {
                    search: part(search)?,
                    found: part(found)?,
                    next: next.clone(),
                }),
                Event::UsageReviewed { .. } => pieces.clear(),
                Event::LeaseTaken { holder, until } => lease = Some(Lease::of(holder, *until)),
                Event::LeaseReleased { holder } => {
                    lease = lease.filter(|lease: &Lease| lease.holder != *holder);
                }
                _ => {}
            }
        }
        // Whoever contains the key numbers its events itself: a line in between would stop it.
        let now = hunt.clock.now();
        if let Some(held) = lease.and_then(|lease| lease.refuses(hunt.holder, now)) {
            return Err(held);
        }
        Ok(Self { hunt, next: next_after(&events), pieces })
    }

    /// Returns until when an interrupted hunt for the same question reads.
    pub(super) fn until(&self, question: &Question) -> Option<Timestamp> {
        let by = question.by();
        let same = self.pieces.iter().rev().map(|piece| &piece.search);
        let mut same =
            same.filter(|search| search.since == question.since() && by.contains(&search.by));
        same.next().map(|search| search.until)
    }

    /// Returns how far a search is.
    pub(super) fn so_far(&self, search: &Search) -> SoFar {
        let mut so_far = SoFar::default();
        for piece in self.pieces.iter().filter(|piece| piece.search == *search) {
            so_far.found.merge(piece.found.clone());
            so_far.next.clone_from(&piece.next);
            so_far.is_over = piece.next.is_none();
        }
        so_far
    }

    /// Writes down a piece.
    pub(super) fn keep(
        &mut self,
        search: &Search,
        found: &Found,
        next: Option<String>,
    ) -> Result<(), Error> {
        self.append(&Event::LogRead { search: as_value(search)?, found: as_value(found)?, next })
    }

    /// Appends an event. Others may write to the incident meanwhile, but nobody may hunt in it.
    pub(super) fn append(&mut self, event: &Event) -> Result<(), Error> {
        let hunt = self.hunt;
        let mut tries = 0;
        loop {
            let now = hunt.clock.now();
            match hunt.journal.append(&hunt.incident, self.next, &hunt.actor, now, event) {
                Ok(_) => {
                    self.next += 1;
                    return Ok(());
                }
                Err(incident::Error::Conflict { .. }) if tries < TRIES => {
                    tries += 1;
                    let events = hunt.journal.events(&hunt.incident)?;
                    let new = events.iter().filter(|recorded| recorded.seq >= self.next);
                    let mut new = new.map(|recorded| &recorded.event);
                    if new.any(is_of_a_hunt) {
                        return Err(Error::SomeoneElse(hunt.incident.clone()));
                    }
                    self.next = next_after(&events);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn is_of_a_hunt(event: &Event) -> bool {
    matches!(event, Event::LogRead { .. } | Event::UsageReviewed { .. })
}

fn next_after(events: &[Recorded]) -> u64 {
    events.last().map_or(0, |last| last.seq + 1)
}

fn part<T: serde::de::DeserializeOwned>(value: &serde_json::Value) -> Result<T, Error> {
    serde_json::from_value(value.clone())
        .map_err(|error| Error::Damaged(format!("a piece of a hunt can't be read: {error}")))
}
