//! Signed checkpoints and bundles, by the program: what was changed is noticed, by whom it can be.

use rusqlite::Connection;

use crate::walk::Office;

/// Walks an incident far enough for several checkpoints; returns its short id and the last head.
fn walked(office: &Office) -> (String, String) {
    let id = office.open(&["A leak"]);
    office.ok(&["ack"]);
    office.ok(&["note", "one"]);
    office.ok(&["note", "two"]);
    office.ok(&["phase", "containment", "--done", "--reason", "off", "--anyway"]);
    let said = office.ok(&["note", "after"]);
    let head = said.lines().last().unwrap().split_whitespace().last().unwrap().to_owned();
    (id, head)
}

fn store(office: &Office) -> std::path::PathBuf {
    office.world.home().join("data/stanch/incidents.db")
}

/// Lets `sql` loose on the store, with every protection dropped.
fn tamper(office: &Office, sql: &str) {
    let file = Connection::open(store(office)).unwrap();
    let names = "SELECT name FROM sqlite_schema WHERE type = 'trigger'";
    let mut names = file.prepare(names).unwrap();
    let names: Vec<String> =
        names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    for name in names {
        file.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    file.execute_batch(sql).unwrap();
}

#[test]
fn a_sound_record_says_how_far_it_is_signed() {
    let office = Office::new();
    let (id, head) = walked(&office);
    let said = office.ok(&["verify", &id, "--against", &head]);
    assert!(said.contains("2 checkpoints verify") && said.contains(&head), "{said}");
    let key = office.ok(&["key"]);
    assert!(key.starts_with("stanch-"), "{key}");
    office.ok(&["verify", &id, "--key", key.trim()]);
    let other = Office::new().ok(&["key"]);
    let said = office.refused(&["verify", &id, "--key", other.trim()]);
    assert!(said.contains("no checkpoint is signed by the key"), "{said}");
}

#[test]
fn an_edited_a_dropped_and_a_reordered_event_are_noticed() {
    for sql in [
        "UPDATE events SET actor = 'eve' WHERE kind = 'noted'",
        "DELETE FROM events WHERE seq = 3",
        "UPDATE events SET seq = 1000 WHERE seq = 3; UPDATE events SET seq = 3 WHERE seq = 4;
         UPDATE events SET seq = 4 WHERE seq = 1000",
    ] {
        let office = Office::new();
        let (id, _) = walked(&office);
        tamper(&office, sql);
        assert!(office.refused(&["verify", &id]).contains("broken at event"), "{sql}");
        // And nothing more is built on it.
        assert!(office.refused(&["note", "x", "-i", &id]).contains("broken at event"), "{sql}");
    }
}

#[test]
fn a_cut_off_end_is_noticed_by_a_checkpoint_or_an_outside_head() {
    let office = Office::new();
    let (id, head) = walked(&office);
    // The last event alone: no checkpoint covers it, so only the head that was kept elsewhere tells.
    tamper(&office, "DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)");
    office.ok(&["verify", &id]);
    assert!(office.refused(&["verify", &id, "--against", &head]).contains("cut off"));
    // Down to the acknowledgement: the checkpoint of the containment is contradicted.
    tamper(&office, "DELETE FROM events WHERE seq >= 6");
    let said = office.refused(&["verify", &id]);
    assert!(
        said.contains("a signed checkpoint says otherwise") && said.contains("cut off"),
        "{said}"
    );
}

#[test]
fn a_record_written_anew_contradicts_its_checkpoints_and_a_forged_one_is_not_believed() {
    let office = Office::new();
    let (id, _) = walked(&office);
    let other = Office::new();
    let (theirs, _) = walked(&other);
    let checkpoint = other.ok(&["export", &theirs, "--format", "checkpoint"]);
    let forged = "UPDATE checkpoints SET note = replace(note, char(10) || '12' || char(10), char(10) || '11' || char(10))";
    tamper(&office, forged);
    let said = office.refused(&["verify", &id]);
    assert!(said.contains("isn't signed by"), "{said}");
    let file = office.world.write("theirs.checkpoint", &checkpoint);
    let said = office.refused(&["verify", &id, "--against", file.to_str().unwrap()]);
    assert!(said.contains("isn't signed by a key that is known here"), "{said}");
}

#[test]
fn a_checkpoint_kept_elsewhere_is_an_outside_head() {
    let office = Office::new();
    let (id, _) = walked(&office);
    let checkpoint = office.ok(&["export", &id, "--format", "checkpoint"]);
    let file = office.world.write("kept.checkpoint", &checkpoint);
    let against = ["verify", &id, "--against", file.to_str().unwrap()];
    office.ok(&against);
    tamper(&office, "DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)");
    assert!(office.refused(&against).contains("cut off"));
}

#[test]
fn a_bundle_is_checked_alone_on_another_machine() {
    let office = Office::new();
    let (id, head) = walked(&office);
    let key = office.ok(&["key"]);
    let bundle = office.ok(&["export", &id, "--format", "bundle"]);
    let elsewhere = Office::new();
    let file = elsewhere.world.write("case.jsonl", &bundle);
    let check = ["verify", "--bundle", file.to_str().unwrap()];
    let said = elsewhere.ok(&[&check[..], &["--key", key.trim(), "--against", &head]].concat());
    assert!(said.contains("holds") && said.contains("2 checkpoints"), "{said}");
    assert!(elsewhere.ok(&check).contains("the bundle can't prove"));
    let foreign = elsewhere.ok(&["key"]);
    let said = elsewhere.refused(&[&check[..], &["--key", foreign.trim()]].concat());
    assert!(said.contains("signed by another key"), "{said}");

    let lines: Vec<&str> = bundle.lines().collect();
    let events: Vec<usize> =
        (0..lines.len()).filter(|at| lines[*at].contains(r#""type":"event""#)).collect();
    let last = *events.last().unwrap();
    let refused = |lines: Vec<&str>| {
        let text = lines.join("\n") + "\n";
        elsewhere.world.write("case.jsonl", text);
        elsewhere.refused(&check)
    };
    let without = |at: usize| [&lines[..at], &lines[at + 1..]].concat();
    let edited = lines[events[1]].replace("tester", "eve");
    let mut changed = lines.clone();
    changed[events[1]] = &edited;
    assert!(refused(changed).contains("broken at event 1"));
    assert!(refused(without(events[1])).contains("broken at event 1"));
    let mut swapped = lines.clone();
    swapped.swap(events[1], events[2]);
    assert!(refused(swapped).contains("broken at event 1"));
    assert!(refused(without(last)).contains("statement is about other events"));
    assert!(refused(without(lines.len() - 1)).contains("cut off"));
    let other = Office::new();
    let (theirs, _) = walked(&other);
    let theirs = other.ok(&["export", &theirs, "--format", "bundle"]);
    let mut replaced = lines.clone();
    *replaced.last_mut().unwrap() = theirs.lines().last().unwrap();
    assert!(refused(replaced).contains("isn't signed by"));
}

#[cfg(unix)]
#[test]
fn the_key_is_its_owner_s_alone_and_a_damaged_one_stops_no_record() {
    use std::os::unix::fs::PermissionsExt;
    let office = Office::new();
    let id = office.open(&["A leak"]);
    let key = office.world.home().join("data/stanch/signing.key");
    let mode = std::fs::metadata(&key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let secret = std::fs::read_to_string(&key).unwrap();
    for output in [office.ok(&["key"]), office.ok(&["export", &id, "--format", "bundle"])] {
        let secret = secret.trim().splitn(5, '+').nth(4).unwrap();
        assert!(!output.contains(secret), "{output}");
    }
    std::fs::write(&key, "nonsense").unwrap();
    let run = office.run(&["note", "still kept"]);
    assert_eq!(run.code, 0);
    assert!(run.err.contains("kept unsigned"), "{}", run.err);
}

#[test]
fn a_checkpoint_is_made_every_64_events() {
    let office = Office::new();
    let id = office.open(&["A leak"]);
    let before = 64 - 5;
    for number in 0..before {
        office.ok(&["note", &number.to_string()]);
    }
    let said = office.ok(&["verify", &id]);
    assert!(said.contains("2 checkpoints verify; the last covers 64 of"), "{said}");
}
