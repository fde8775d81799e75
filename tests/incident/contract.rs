//! What every store promises, asked of each: a file and a real server.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;
use stanch::incident::{
    Error, Event, IncidentId, Journal, Opening, PlanRecord, Signer, Store, Summary, Verdict, chain,
};

use crate::story::{clock, fingerprint, judged, opened, whole};

/// A place where a store can be opened again and again.
trait Place: Send + Sync {
    fn open(&self) -> Box<dyn Store>;
}

struct InAFile(tempfile::TempDir);

impl Place for InAFile {
    fn open(&self) -> Box<dyn Store> {
        Box::new(stanch::incident::SqliteStore::open(self.0.path().join("incidents.db")).unwrap())
    }
}

#[cfg(feature = "postgres")]
struct OnAServer(String);

#[cfg(feature = "postgres")]
impl Place for OnAServer {
    fn open(&self) -> Box<dyn Store> {
        Box::new(stanch::incident::TeamStore::connect(&self.0, None).unwrap())
    }
}

/// Asks every store.
macro_rules! promises {
    ($($name:ident),* $(,)?) => {
        mod in_a_file {
            $(#[test]
            fn $name() {
                super::$name(&(std::sync::Arc::new(super::InAFile(tempfile::tempdir().unwrap())) as _));
            })*
        }
        #[cfg(feature = "postgres")]
        mod on_a_server {
            $(#[test]
            fn $name() {
                super::$name(&(std::sync::Arc::new(super::OnAServer(crate::postgres::database())) as _));
            })*
        }
    };
}

promises!(
    what_is_told_is_read_back_by_whoever_opens_it_next,
    a_taken_number_is_a_conflict_and_a_gap_is_refused,
    several_events_are_kept_all_or_none,
    two_responders_never_fork_the_chain,
    a_credential_has_one_open_incident_however_many_ask,
    incidents_are_found_by_what_people_type,
    plans_are_found_by_hash_and_the_last_shown_by_credential,
    checkpoints_are_kept_in_order,
    summaries_are_those_of_the_events,
    a_clock_that_was_set_back_is_noticed_and_loses_nothing,
    a_backup_of_it_is_put_back_into_any_store_and_only_whole,
);

type At<'a> = &'a Arc<dyn Place>;

fn noted(text: &str) -> Event {
    Event::Noted { text: text.into() }
}

/// Tells the whole story, each event by itself.
fn tell(store: &dyn Store, id: &IncidentId) {
    for (seq, (at, event)) in (0..).zip(whole()) {
        store.append(id, seq, "ada", at, &event).unwrap();
    }
}

fn what_is_told_is_read_back_by_whoever_opens_it_next(place: At<'_>) {
    let id = IncidentId::generate();
    tell(&*place.open(), &id);
    let store = place.open();
    let read = store.events(&id).unwrap();
    for (recorded, (at, event)) in read.iter().zip(whole()) {
        assert_eq!((&recorded.event, recorded.at), (&event, at));
    }
    assert_eq!(read.len(), whole().len());
    assert_eq!(store.verify(&id, None).unwrap(), chain::verify(&id, &read).unwrap());
    assert_eq!(store.list().unwrap(), std::slice::from_ref(&id));
    assert_eq!(store.read(&id).unwrap().broken, None);
    let nobody = IncidentId::generate();
    assert!(matches!(store.events(&nobody), Err(Error::NoSuchIncident(_))));
}

fn a_taken_number_is_a_conflict_and_a_gap_is_refused(place: At<'_>) {
    let (store, id, at) = (place.open(), IncidentId::generate(), Timestamp::UNIX_EPOCH);
    let append = |seq| store.append(&id, seq, "ada", at, &noted("x"));
    assert!(matches!(append(1), Err(Error::NoSuchIncident(_))));
    append(0).unwrap();
    assert!(matches!(append(0), Err(Error::Conflict { seq: 0, .. })));
    append(1).unwrap();
    assert!(matches!(append(3), Err(Error::Broken { seq: 2, .. })));
}

fn several_events_are_kept_all_or_none(place: At<'_>) {
    let (store, id, at) = (place.open(), IncidentId::generate(), Timestamp::UNIX_EPOCH);
    let events = [noted("one"), noted("two"), noted("three")];
    assert_eq!(store.append_all(&id, 0, "ada", at, &events).unwrap().len(), 3);
    let large = Event::Observed { observation: json!({"n": u64::MAX}) };
    let refused = store.append_all(&id, 3, "ada", at, &[noted("four"), large]);
    assert!(matches!(refused, Err(Error::Unrecordable(_))));
    assert!(store.append_all(&id, 1, "ada", at, &events).is_err());
    assert_eq!(store.events(&id).unwrap().len(), 3);
    assert_eq!(store.append_all(&id, 3, "ada", at, &[]).unwrap(), []);
}

fn two_responders_never_fork_the_chain(place: At<'_>) {
    const EACH: usize = 20;
    let id = IncidentId::generate();
    place.open().append(&id, 0, "ada", Timestamp::UNIX_EPOCH, &opened("s")).unwrap();
    let writers = ["ada", "bo", "cleo"].map(|who| {
        let (place, id) = (Arc::clone(place), id.clone());
        std::thread::spawn(move || {
            let store = place.open();
            let mut conflicts = 0;
            for number in 0..EACH {
                loop {
                    let next = store.events(&id).unwrap().len() as u64;
                    let event = noted(&format!("{who} {number}"));
                    match store.append(&id, next, who, Timestamp::UNIX_EPOCH, &event) {
                        Ok(_) => break,
                        Err(Error::Conflict { .. }) => conflicts += 1,
                        Err(other) => panic!("{other}"),
                    }
                }
            }
            conflicts
        })
    });
    let conflicts: usize = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
    let store = place.open();
    let head = store.verify(&id, None).unwrap();
    assert_eq!(head.seq as usize, 3 * EACH, "{conflicts} conflicts");
}

fn a_credential_has_one_open_incident_however_many_ask(place: At<'_>) {
    let barrier = Arc::new(std::sync::Barrier::new(4));
    let askers = [(); 4].map(|()| {
        let (place, barrier) = (Arc::clone(place), Arc::clone(&barrier));
        std::thread::spawn(move || {
            let store = place.open();
            let id = IncidentId::generate();
            barrier.wait();
            store.open_incident(&id, "ada", clock("10:00:05"), &opened("s")).unwrap()
        })
    });
    let openings = askers.map(|asker| asker.join().unwrap());
    let opened_by = openings.iter().filter(|opening| matches!(opening, Opening::Opened(_)));
    assert_eq!(opened_by.count(), 1);
    let store = place.open();
    let open = store.incident_for(&fingerprint("s")).unwrap().unwrap();
    assert_eq!(store.incident_for(&fingerprint("other")).unwrap(), None);
    let false_alarm = judged(Verdict::FalsePositive);
    store.append(&open, 1, "ada", clock("10:01:00"), &false_alarm).unwrap();
    assert_eq!(store.incident_for(&fingerprint("s")).unwrap(), None);
    let again =
        store.open_incident(&IncidentId::generate(), "ada", clock("10:02:00"), &opened("s"));
    assert!(matches!(again.unwrap(), Opening::Opened(_)));
}

fn incidents_are_found_by_what_people_type(place: At<'_>) {
    let store = place.open();
    let id = IncidentId::generate();
    tell(&*store, &id);
    let other = IncidentId::generate();
    tell(&*store, &other);
    assert_eq!(store.find(id.short()).unwrap(), id);
    assert_eq!(store.find(&other.as_str().to_uppercase()).unwrap(), other);
    assert!(matches!(store.find("zzzz"), Err(Error::NoSuchIncident(_))));
    let both = &id.as_str()[4..9];
    assert!(matches!(store.find(both), Err(Error::Ambiguous { .. })));
    let mut ids = vec![id, other];
    ids.sort();
    assert_eq!(store.list().unwrap(), ids);
}

fn plans_are_found_by_hash_and_the_last_shown_by_credential(place: At<'_>) {
    let store = place.open();
    let plan = |hash: &str, time: &str| PlanRecord {
        plan_hash: hash.into(),
        fingerprint: fingerprint("s"),
        plan: json!({"steps": [{"id": hash}]}),
        shown_at: clock(time),
    };
    for shown in [plan("a", "10:00:00"), plan("b", "11:00:00"), plan("a", "12:00:00")] {
        store.remember_plan(&shown).unwrap();
    }
    assert_eq!(store.plan("b").unwrap(), Some(plan("b", "11:00:00")));
    assert_eq!(store.plan("c").unwrap(), None);
    assert_eq!(store.last_plan_for(&fingerprint("s")).unwrap(), Some(plan("a", "12:00:00")));
    assert_eq!(store.last_plan_for(&fingerprint("other")).unwrap(), None);
}

fn checkpoints_are_kept_in_order(place: At<'_>) {
    let store = place.open();
    let id = IncidentId::generate();
    tell(&*store, &id);
    let signer = Signer::new(&zeroize::Zeroizing::new([7; 32]));
    let events = store.events(&id).unwrap();
    let signed = [4, 1, 4].map(|at: usize| signer.sign_head(&id, &events[at].head()));
    signed.iter().for_each(|signed| store.keep_checkpoint(signed).unwrap());
    let [four, one, again] = signed.map(|signed| signed.to_string());
    assert_eq!(store.checkpoints(&id).unwrap(), [one, four, again]);
    assert!(store.checkpoints(&IncidentId::generate()).unwrap().is_empty());
}

fn summaries_are_those_of_the_events(place: At<'_>) {
    let store = place.open();
    let ids = [(); 3].map(|()| IncidentId::generate());
    ids.iter().for_each(|id| tell(&*store, id));
    for _ in 0..2 {
        let summaries = store.summaries().unwrap();
        assert!(summaries.broken.is_empty());
        let of = |id: &IncidentId| {
            let events = store.events(id).unwrap();
            Summary::of(&stanch::incident::Incident::of(id, &events).unwrap())
        };
        let mut expected: Vec<Summary> = ids.iter().map(of).collect();
        expected.sort_by(|one, other| one.id.cmp(&other.id));
        assert_eq!(summaries.all, expected);
    }
    // And they follow the events.
    let next = store.events(&ids[0]).unwrap().len() as u64;
    store.append(&ids[0], next, "ada", clock("14:00:00"), &judged(Verdict::Canary)).unwrap();
    let summaries = store.summaries().unwrap();
    let changed = summaries.all.iter().find(|summary| summary.id == ids[0]).unwrap();
    assert_eq!(changed.verdict, Some(Verdict::Canary));
}

fn a_clock_that_was_set_back_is_noticed_and_loses_nothing(place: At<'_>) {
    let (store, id) = (place.open(), IncidentId::generate());
    store.append(&id, 0, "ada", clock("10:00:05"), &opened("s")).unwrap();
    store.append(&id, 1, "ada", clock("09:00:00"), &noted("earlier")).unwrap();
    store.append(&id, 2, "ada", clock("10:01:00"), &noted("later")).unwrap();
    let events = store.events(&id).unwrap();
    assert_eq!(events.len(), 3);
    let incident = stanch::incident::Incident::of(&id, &events).unwrap();
    assert!(incident.oddities.iter().any(|odd| odd.what.contains("clock was set back")));
}

fn a_backup_of_it_is_put_back_into_any_store_and_only_whole(place: At<'_>) {
    use stanch::incident::backup;
    let store = place.open();
    let ids = [(); 3].map(|()| IncidentId::generate());
    ids.iter().for_each(|id| tell(&*store, id));
    let signer = Signer::new(&zeroize::Zeroizing::new([7; 32]));
    let head = store.verify(&ids[0], None).unwrap();
    store.keep_checkpoint(&signer.sign_head(&ids[0], &head)).unwrap();
    let mut kept = Vec::new();
    let counts = backup::write(&mut kept, &*store).unwrap();
    assert_eq!((counts.incidents, counts.events), (3, 3 * whole().len()));

    let (_folder, elsewhere) = crate::story::store();
    let restore = |text: &[u8]| backup::restore(&mut &*text, &elsewhere);
    // Cut off at any line, or changed, nothing of it is put back.
    let lines = kept.iter().filter(|byte| **byte == b'\n').count();
    let text = String::from_utf8(kept.clone()).unwrap();
    for keep in [0, 1, 2, lines / 2, lines - 1] {
        let part: String = text.split_inclusive('\n').take(keep).collect();
        assert!(restore(part.as_bytes()).is_err(), "{keep} lines");
    }
    assert!(restore(text.replacen("Ada", "Eve", 1).as_bytes()).is_err());
    assert!(elsewhere.list().unwrap().is_empty());
    // Interrupted after a part of an incident, it goes on.
    let first = store.events(&ids[0]).unwrap();
    elsewhere.import(&ids[0], &first[..5]).unwrap();
    assert_eq!(restore(&kept).unwrap().events, 3 * whole().len() - 5);
    assert_eq!(restore(&kept).unwrap().events, 0);
    for id in &ids {
        assert_eq!(elsewhere.events(id).unwrap(), store.events(id).unwrap());
        assert_eq!(elsewhere.checkpoints(id).unwrap(), store.checkpoints(id).unwrap());
    }
    // And from there back into a store of this kind, where another record of an incident is kept as it is.
    let mut again = Vec::new();
    backup::write(&mut again, &elsewhere).unwrap();
    assert_eq!(again, kept);
    let other = IncidentId::generate();
    elsewhere.append(&other, 0, "ada", clock("10:00:05"), &opened("x")).unwrap();
    store.append(&other, 0, "bo", clock("10:00:05"), &opened("x")).unwrap();
    let mut differing = Vec::new();
    backup::write(&mut differing, &elsewhere).unwrap();
    let refused = backup::restore(&mut &*differing, &*store).unwrap_err();
    assert!(refused.to_string().contains("another one"), "{refused}");
    assert_eq!(store.events(&other).unwrap()[0].actor, "bo");
}
