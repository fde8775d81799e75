//! Somebody edits the file with another program, triggers dropped. Each kind of edit is noticed.

use rusqlite::Connection;
use stanch::incident::{Error, Head, IncidentId, Journal, SqliteStore, Store, chain};

use crate::story::{record, store, tell, whole};

const ID: &str = "INC-1";

fn id() -> IncidentId {
    ID.to_owned().into()
}

/// Tells the story, lets `sql` loose on the file, returns the first wrong event and what is said of it.
fn tamper(sql: &str) -> (u64, String) {
    let (folder, store) = store();
    let head = tell(&store, &id(), whole()).last().unwrap().head();
    let path = folder.path().join("incidents.db");
    let other = Connection::open(path).unwrap();
    let triggers = "DROP TRIGGER events_are_never_changed; DROP TRIGGER events_are_never_deleted;
                    DROP TRIGGER events_are_never_replaced;";
    other.execute_batch(triggers).unwrap();
    other.execute_batch(sql).unwrap();
    assert!(other.changes() > 0, "{sql} changed nothing");
    let broken = |error| match error {
        Error::Broken { seq, why, .. } => (seq, why),
        other => panic!("{sql}: {other}"),
    };
    let found = broken(store.verify(&id(), Some(&head)).unwrap_err());
    let reading = store.read(&id()).unwrap();
    if let Some(known) = &reading.broken {
        // What stands before the break can still be shown, and nothing is built on the rest.
        assert_eq!(reading.intact.len() as u64, known.seq);
        assert_eq!(broken(store.events(&id()).unwrap_err()).0, known.seq);
    }
    found
}

#[test]
fn a_change_to_any_column_is_noticed() {
    for sql in [
        "UPDATE events SET actor = 'eve' WHERE seq = 3",
        "UPDATE events SET at = '2026-11-18T10:05:02Z' WHERE seq = 3",
        "UPDATE events SET kind = 'noted' WHERE seq = 3",
        "UPDATE events SET event = replace(event, 'Ada', 'Eve') WHERE seq = 3",
        "UPDATE events SET hash = printf('%064d', 1) WHERE seq = 3",
        "UPDATE events SET prev = printf('%064d', 1) WHERE seq = 3",
    ] {
        let (seq, why) = tamper(sql);
        assert_eq!(seq, 3, "{sql}: {why}");
    }
}

#[test]
fn a_change_that_means_the_same_is_noticed() {
    for sql in [
        "UPDATE events SET event = event || ' ' WHERE seq = 3",
        "UPDATE events SET event = replace(event, '\"Ada\"', '\"\\u0041da\"') WHERE seq = 3",
        "UPDATE events SET at = replace(at, 'Z', '+00:00') WHERE seq = 3",
        "UPDATE events SET hash = upper(hash) WHERE seq = 3",
    ] {
        let (seq, why) = tamper(sql);
        assert_eq!(seq, 3, "{sql}: {why}");
    }
}

#[test]
fn what_can_not_be_read_is_a_break_and_no_crash() {
    for sql in [
        "UPDATE events SET event = '{' WHERE seq = 3",
        "UPDATE events SET event = '' WHERE seq = 3",
        "UPDATE events SET event = CAST(x'ff00fe' AS TEXT) WHERE seq = 3",
        "UPDATE events SET at = 'yesterday' WHERE seq = 3",
        "PRAGMA ignore_check_constraints = ON; UPDATE events SET seq = -7 WHERE seq = 0",
    ] {
        let (seq, why) = tamper(sql);
        assert_eq!(seq, if sql.contains("-7") { 0 } else { 3 }, "{sql}: {why}");
    }
}

#[test]
fn an_event_taken_out_is_noticed() {
    assert_eq!(tamper("DELETE FROM events WHERE seq = 0").0, 0);
    let (seq, why) = tamper("DELETE FROM events WHERE seq = 3");
    assert_eq!(seq, 3);
    assert!(why.contains("missing"), "{why}");
    let closed_up = "DELETE FROM events WHERE seq = 3;
        UPDATE events SET seq = seq + 1000 WHERE seq > 3;
        UPDATE events SET seq = seq - 1001 WHERE seq > 1000";
    assert_eq!(tamper(closed_up).0, 3);
}

#[test]
fn an_event_put_in_is_noticed() {
    let put_in = "UPDATE events SET seq = seq + 1000 WHERE seq >= 3;
        UPDATE events SET seq = seq - 999 WHERE seq >= 1000;
        INSERT INTO events SELECT incident, 3, at, actor, kind, event, prev, hash
            FROM events WHERE seq = 2";
    assert_eq!(tamper(put_in).0, 3);
}

#[test]
fn swapped_events_are_noticed() {
    let swap = "UPDATE events SET seq = 1000 WHERE seq = 3;
        UPDATE events SET seq = 3 WHERE seq = 4;
        UPDATE events SET seq = 4 WHERE seq = 1000";
    assert_eq!(tamper(swap).0, 3);
}

#[test]
fn a_cut_off_end_is_noticed_by_whoever_kept_the_head() {
    let last = whole().len() as u64 - 1;
    let (seq, why) = tamper(&format!("DELETE FROM events WHERE seq >= {}", last - 1));
    assert_eq!(seq, last - 1);
    assert!(why.contains("cut off"), "{why}");
}

#[test]
fn a_chain_forged_from_some_event_on_is_noticed_by_whoever_kept_the_head() {
    let honest = record(&id(), &whole());
    let mut story = whole();
    story[3].0 = story[4].0;
    let forged = record(&id(), &story);
    chain::verify(&id(), &forged).unwrap();
    for seq in [3, honest.len() - 1] {
        let head = honest[seq].head();
        let broken = chain::verify_against(&id(), &forged, &head).unwrap_err();
        assert_eq!(broken.seq, seq as u64);
        assert!(broken.why.contains("written anew"), "{broken}");
    }
    // A link that doesn't fit: the honest end on the forged beginning.
    let mixed = [&forged[..4], &honest[4..]].concat();
    assert_eq!(chain::verify(&id(), &mixed).unwrap_err().seq, 4);
}

#[test]
fn a_record_that_grew_since_still_reaches_the_old_head() {
    let events = record(&id(), &whole());
    let then = chain::verify(&id(), &events[..5]).unwrap();
    let now = chain::verify_against(&id(), &events, &then).unwrap();
    assert_eq!(now, events.last().unwrap().head());
    let never = Head { seq: u64::MAX, ..then };
    assert!(chain::verify_against(&id(), &events, &never).is_err());
}

#[test]
fn events_of_one_incident_can_not_stand_in_another() {
    let events = record(&id(), &whole());
    let other = IncidentId::from("INC-2".to_owned());
    assert_eq!(chain::verify(&other, &events).unwrap_err().seq, 0);
    assert_eq!(chain::verify(&id(), &[]).unwrap_err().seq, 0);
}

#[test]
fn nothing_is_appended_to_a_changed_event() {
    let (folder, store) = store();
    let told = tell(&store, &id(), whole());
    let other = Connection::open(folder.path().join("incidents.db")).unwrap();
    let last = told.len() - 1;
    let edit = format!(
        "DROP TRIGGER events_are_never_changed;
         UPDATE events SET actor = 'eve' WHERE seq = {last}"
    );
    other.execute_batch(&edit).unwrap();
    let event = &told[2].event;
    let append =
        |store: &SqliteStore| store.append(&id(), last as u64 + 1, "ada", told[2].at, event);
    let refused = append(&store).unwrap_err();
    assert!(matches!(refused, Error::Broken { seq, .. } if seq == last as u64), "{refused}");
}
