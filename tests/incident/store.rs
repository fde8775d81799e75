//! The file: round trips, two writers, versions, modes, plans, finding.

use std::sync::{Arc, Barrier};

use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::json;
use stanch::incident::{
    Error, Event, IncidentId, Journal, Opening, PlanRecord, SqliteStore, Store, Verdict, chain,
};

use crate::story::{clock, fingerprint, judged, opened, store, tell, whole};

fn noted(text: &str) -> Event {
    Event::Noted { text: text.into() }
}

#[test]
fn what_was_appended_is_read_back_and_verifies() {
    let (folder, store) = store();
    let id = IncidentId::generate();
    let appended = tell(&store, &id, whole());
    drop(store);
    let store = SqliteStore::open(folder.path().join("incidents.db")).unwrap();
    let read = store.events(&id).unwrap();
    assert_eq!(read, appended);
    for (recorded, (at, event)) in read.iter().zip(whole()) {
        assert_eq!((&recorded.event, recorded.at), (&event, at));
    }
    let head = store.verify(&id, None).unwrap();
    assert_eq!(head, read.last().unwrap().head());
    assert_eq!(chain::verify(&id, &read).unwrap(), head);
}

#[test]
fn every_kind_of_event_reads_back_as_it_was_and_refuses_what_it_does_not_know() {
    for (_, event) in whole() {
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
        let mut value = serde_json::to_value(&event).unwrap();
        assert_eq!(value["kind"], event.kind());
        value["body"]["surprise"] = json!(1);
        assert!(serde_json::from_value::<Event>(value).is_err(), "{text}");
    }
}

#[test]
fn a_taken_number_is_a_conflict_and_a_gap_is_refused() {
    let (_folder, store) = store();
    let id = IncidentId::generate();
    let append = |seq| store.append(&id, seq, "ada", Timestamp::UNIX_EPOCH, &noted("x"));
    assert!(matches!(append(1), Err(Error::NoSuchIncident(_))));
    append(0).unwrap();
    append(1).unwrap();
    for seq in [0, 1] {
        assert!(matches!(append(seq), Err(Error::Conflict { seq: taken, .. }) if taken == seq));
    }
    assert!(matches!(append(3), Err(Error::Broken { seq: 2, .. })));
    assert_eq!(store.events(&id).unwrap().len(), 2);
}

#[test]
fn two_writers_at_once_never_fork_the_chain() {
    let (folder, first) = store();
    let path = folder.path().join("incidents.db");
    let id = IncidentId::generate();
    tell(&first, &id, [(clock("10:00:00"), opened("s"))]);
    let start = Arc::new(Barrier::new(2));
    let write = |name: &'static str| {
        let (path, id, start) = (path.clone(), id.clone(), Arc::clone(&start));
        std::thread::spawn(move || {
            let store = SqliteStore::open(&path).unwrap();
            start.wait();
            let mut kept = 0;
            while kept < 20 {
                let next = store.events(&id).unwrap().len() as u64;
                match store.append(&id, next, name, clock("10:00:01"), &noted(name)) {
                    Ok(_) => kept += 1,
                    Err(Error::Conflict { .. }) => (),
                    Err(other) => panic!("{other}"),
                }
            }
        })
    };
    let writers = [write("bo"), write("cy")];
    for writer in writers {
        writer.join().unwrap();
    }
    let events = first.events(&id).unwrap();
    assert_eq!(events.len(), 41);
    for name in ["bo", "cy"] {
        assert_eq!(events.iter().filter(|e| e.actor == name).count(), 20);
    }
}

#[test]
fn many_may_open_a_new_store_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new").join("incidents.db");
    let start = Arc::new(Barrier::new(6));
    let openers: Vec<_> = (0..6)
        .map(|_| {
            let (path, start) = (path.clone(), Arc::clone(&start));
            std::thread::spawn(move || {
                start.wait();
                let store = SqliteStore::open(&path)?;
                let id = IncidentId::generate();
                store.append(&id, 0, "ada", clock("10:00:00"), &opened("s"))
            })
        })
        .collect();
    for opener in openers {
        opener.join().unwrap().unwrap();
    }
    assert_eq!(SqliteStore::open(&path).unwrap().list().unwrap().len(), 6);
}

#[test]
fn opening_twice_changes_nothing() {
    let (folder, store) = store();
    let path = folder.path().join("incidents.db");
    let id = IncidentId::generate();
    tell(&store, &id, whole());
    drop(store);
    let before = std::fs::read(&path).unwrap();
    drop(SqliteStore::open(&path).unwrap());
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

/// Asserts that a store can be read, and that writing is refused for its version.
fn assert_read_only(store: &SqliteStore, id: &IncidentId) {
    assert_eq!(store.events(id).unwrap().len(), whole().len());
    assert_eq!(store.summaries().unwrap().all.len(), 1);
    let next = whole().len() as u64;
    let plan = PlanRecord {
        plan_hash: "p".into(),
        fingerprint: fingerprint("s"),
        plan: json!({}),
        shown_at: clock("10:00:00"),
    };
    for refused in [
        store.append(id, next, "ada", clock("14:00:00"), &noted("x")).map(|_| ()),
        store.append_all(id, next, "ada", clock("14:00:00"), &[noted("x")]).map(|_| ()),
        store.remember_plan(&plan),
    ] {
        let message = refused.unwrap_err().to_string();
        for word in ["incidents.db", "version 99", "up to", "can be read here", "newer stanch"] {
            assert!(message.contains(word), "{message}");
        }
    }
}

#[test]
fn a_newer_store_is_read_and_left_as_it_is() {
    let (folder, store) = store();
    let path = folder.path().join("incidents.db");
    let id = IncidentId::generate();
    tell(&store, &id, whole());
    drop(store);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("PRAGMA user_version = 99").unwrap();
    // Once with the new version still in the log beside the file, once in the file itself.
    assert_read_only(&SqliteStore::open(&path).unwrap(), &id);
    drop(other);
    let before = std::fs::read(&path).unwrap();
    assert_read_only(&SqliteStore::open(&path).unwrap(), &id);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_newer_store_left_by_a_crash_is_left_as_it_is() {
    let (folder, store) = store();
    let id = IncidentId::generate();
    tell(&store, &id, whole());
    drop(store);
    let (name, log) = ("incidents.db", "incidents.db-wal");
    let other = Connection::open(folder.path().join(name)).unwrap();
    other.execute_batch("PRAGMA user_version = 99").unwrap();
    let crashed = tempfile::tempdir().unwrap();
    for file in [name, log] {
        std::fs::copy(folder.path().join(file), crashed.path().join(file)).unwrap();
    }
    let read = || [name, log].map(|file| std::fs::read(crashed.path().join(file)).unwrap());
    let before = read();
    assert_read_only(&SqliteStore::open(crashed.path().join(name)).unwrap(), &id);
    assert!(read() == before, "the newer store was changed");
}

#[test]
fn a_store_of_the_first_form_is_brought_up_to_date_and_loses_nothing() {
    let (folder, store) = store();
    let path = folder.path().join("incidents.db");
    let id = IncidentId::generate();
    let told = tell(&store, &id, whole());
    drop(store);
    let back = "DROP TRIGGER events_move_the_head; DROP TABLE heads; DROP TABLE summaries;
                DROP TABLE checkpoints; PRAGMA user_version = 1";
    Connection::open(&path).unwrap().execute_batch(back).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.events(&id).unwrap(), told);
    assert_eq!(store.list().unwrap(), std::slice::from_ref(&id));
    assert_eq!(store.summaries().unwrap().all[0].id, id);
    assert!(store.checkpoints(&id).unwrap().is_empty());
}

#[test]
fn a_cut_off_or_damaged_record_is_named_by_the_list_and_shown_as_far_as_it_is_sound() {
    let (folder, store) = store();
    let ids = [(); 3].map(|()| IncidentId::generate());
    ids.iter().for_each(|id| drop(tell(&store, id, whole())));
    let other = Connection::open(folder.path().join("incidents.db")).unwrap();
    let damage = format!(
        "DROP TRIGGER events_are_never_deleted; DROP TRIGGER events_are_never_changed;
         DELETE FROM events WHERE incident = '{}' AND seq > 7;
         UPDATE events SET actor = 'eve' WHERE incident = '{}' AND seq = 5;",
        ids[0], ids[1]
    );
    other.execute_batch(&damage).unwrap();
    for _ in 0..2 {
        let summaries = store.summaries().unwrap();
        assert_eq!(summaries.all.len(), 3);
        let broken = summaries.broken.join("; ");
        assert_eq!(summaries.broken.len(), 2, "{broken}");
        assert!(broken.contains("the end was cut off") && broken.contains("event 5"), "{broken}");
    }
}

#[test]
fn what_is_no_store_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "dear diary\n".repeat(100)).unwrap();
    let foreign = folder.path().join("foreign.db");
    let other = Connection::open(&foreign).unwrap();
    other.execute_batch("CREATE TABLE a (b)").unwrap();
    drop(other);
    let short = folder.path().join("short.db");
    std::fs::write(&short, b"SQLite format 3\0").unwrap();
    for path in [text, foreign, short] {
        let before = std::fs::read(&path).unwrap();
        let error = SqliteStore::open(&path).unwrap_err().to_string();
        assert!(error.contains("name another one"), "{error}");
        assert!(error.contains(path.to_str().unwrap()), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

#[test]
fn a_damaged_file_is_an_error_with_a_remedy() {
    let (folder, store) = store();
    let path = folder.path().join("incidents.db");
    let id = IncidentId::generate();
    tell(&store, &id, whole());
    drop(store);
    let mut bytes = std::fs::read(&path).unwrap();
    let page = 4096;
    bytes[page..].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let error = SqliteStore::open(&path).and_then(|store| store.events(&id)).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("damaged") && message.contains("backup"), "{message}");
}

#[test]
fn a_place_where_no_file_can_be_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    for path in [folder.path().to_owned(), file.join("incidents.db")] {
        let error = SqliteStore::open(&path).unwrap_err();
        assert!(matches!(error, Error::Store { doing: "open", .. }), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep").join("folder").join("incidents.db");
    let mode = |path: &std::path::Path| {
        let metadata = std::fs::metadata(path).unwrap();
        metadata.permissions().mode() & 0o777
    };
    let store = SqliteStore::open(&path).unwrap();
    tell(&store, &IncidentId::generate(), whole());
    let inside = path.parent().unwrap();
    for made in [inside, inside.parent().unwrap()] {
        assert_eq!(mode(made), 0o700);
    }
    let files: Vec<_> =
        (std::fs::read_dir(inside).unwrap()).map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 3, "the file, its log and the log's index");
    for file in &files {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(&path, open).unwrap();
    drop(SqliteStore::open(&path).unwrap());
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn events_can_be_neither_changed_deleted_nor_replaced_through_sql() {
    let (folder, store) = store();
    tell(&store, &IncidentId::generate(), whole());
    let other = Connection::open(folder.path().join("incidents.db")).unwrap();
    for (sql, word) in [
        ("UPDATE events SET actor = 'eve'", "changed"),
        ("DELETE FROM events", "deleted"),
        (
            "INSERT OR REPLACE INTO events SELECT incident, seq, at, 'eve', kind, event, prev, hash FROM events",
            "replaced",
        ),
    ] {
        let refused = other.execute(sql, []).unwrap_err().to_string();
        assert!(refused.contains(word), "{refused}");
    }
}

#[test]
fn a_number_that_would_be_changed_is_not_recorded() {
    let (_folder, store) = store();
    let id = IncidentId::generate();
    let observation = json!({"id": u64::MAX});
    let event = Event::Observed { observation };
    let refused = store.append(&id, 0, "ada", clock("10:00:00"), &event);
    assert!(matches!(refused, Err(Error::Unrecordable(_))));
    assert!(matches!(store.events(&id), Err(Error::NoSuchIncident(_))));
}

#[test]
fn plans_are_found_by_hash_and_the_last_shown_by_credential() {
    let (_folder, store) = store();
    let plan = |hash: &str, secret: &str, shown_at: &str| PlanRecord {
        plan_hash: hash.into(),
        fingerprint: fingerprint(secret),
        plan: json!({"steps": [hash]}),
        shown_at: clock(shown_at),
    };
    let (a, b) = (plan("a", "s", "10:00:00"), plan("b", "s", "10:00:00.5"));
    let other = plan("c", "t", "12:00:00");
    for plan in [&b, &a, &other] {
        store.remember_plan(plan).unwrap();
    }
    assert_eq!(store.plan("a").unwrap(), Some(a));
    assert_eq!(store.plan("z").unwrap(), None);
    assert_eq!(store.last_plan_for(&fingerprint("s")).unwrap(), Some(b));
    assert_eq!(store.last_plan_for(&fingerprint("u")).unwrap(), None);
    let again = plan("a", "s", "11:00:00");
    store.remember_plan(&again).unwrap();
    assert_eq!(store.last_plan_for(&fingerprint("s")).unwrap(), Some(again));
}

#[test]
fn incidents_are_found_by_the_beginning_or_the_end_of_their_id() {
    let (_folder, store) = store();
    for id in ["INC-0193aaaa-0001", "INC-0193aaaa-0002", "INC-0194bbbb-0003"] {
        tell(&store, &id.to_owned().into(), [(clock("10:00:00"), opened("s"))]);
    }
    for typed in ["INC-0194", "inc-0194", "0194B", "0003", "INC-0194bbbb-0003"] {
        assert_eq!(store.find(typed).unwrap().as_str(), "INC-0194bbbb-0003", "{typed}");
    }
    let several = store.find("0193").unwrap_err();
    assert!(matches!(&several, Error::Ambiguous { candidates, .. } if candidates.len() == 2));
    assert!(several.to_string().contains("INC-0193aaaa-0002"), "{several}");
    let none = store.find("dead").unwrap_err();
    assert_eq!(none.to_string(), "there is no incident dead");
    for typed in ["", "INC-"] {
        assert!(matches!(store.find(typed), Err(Error::NoSuchIncident(_))));
    }
    let pasted = store.find("key_live_pasted").unwrap_err().to_string();
    assert!(!pasted.contains("pasted"), "{pasted}");
    let ids: Vec<_> = store.list().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(ids, ["INC-0193aaaa-0001", "INC-0193aaaa-0002", "INC-0194bbbb-0003"]);
}

#[test]
fn a_credential_has_one_open_incident() {
    let (_folder, store) = store();
    let (first, second) = (IncidentId::generate(), IncidentId::generate());
    let open = |id, secret| {
        let event = opened(secret);
        store.open_incident(id, "ada", clock("10:00:00"), &event)
    };
    assert_eq!(store.incident_for(&fingerprint("s")).unwrap(), None);
    assert!(matches!(open(&first, "s"), Ok(Opening::Opened(_))));
    assert_eq!(open(&second, "s").unwrap(), Opening::AlreadyOpen(first.clone()));
    assert_eq!(store.incident_for(&fingerprint("s")).unwrap(), Some(first.clone()));
    assert_eq!(store.incident_for(&fingerprint("t")).unwrap(), None);
    let cancelled = judged(Verdict::FalsePositive);
    store.append(&first, 1, "ada", clock("10:01:00"), &cancelled).unwrap();
    assert_eq!(store.incident_for(&fingerprint("s")).unwrap(), None);
    assert!(matches!(open(&second, "s"), Ok(Opening::Opened(_))));
    assert_eq!(store.incident_for(&fingerprint("s")).unwrap(), Some(second));
}
