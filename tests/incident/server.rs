//! What only a server can do: refuse, vanish, be newer, be tampered with; and the commands on it.

use stanch::incident::{Error, Event, IncidentId, Store, TeamStore};

use crate::postgres::{client, database};
use crate::story::{clock, opened};
use crate::walk::Office;

fn noted() -> Event {
    Event::Noted { text: "x".into() }
}

#[test]
fn the_commands_work_on_it_as_on_a_file_and_show_no_password() {
    let office = Office::new();
    let address = database().replace("stanch@", "stanch:hunter2hunter2@");
    let run = |arguments: &[&str]| {
        let variables = [("STANCH_STORE", address.as_str())];
        let run = office.world.stanch_with(&[&["incident"], arguments].concat(), &variables, "");
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.all());
        assert!(!run.all().contains("hunter2"), "{}", run.all());
        run.out
    };
    assert!(run(&["list"]).contains("Nothing is to be done"));
    run(&["open", "A leak", "--key-id", "a"]);
    run(&["ack"]);
    run(&["phase", "containment", "--done", "--reason", "off", "--anyway"]);
    assert!(run(&["show"]).contains("contained"));
    assert!(run(&["verify"]).contains("2 checkpoints verify"));
    run(&["close", "--lessons", "none", "--anyway"]);
    assert!(run(&["open", "Again", "--key-id", "a"]).contains("the same key leaked again"));
    assert!(
        run(&["--help"]).contains("STANCH_STORE")
            || run(&["list", "--help"]).contains("STANCH_STORE")
    );
}

#[test]
fn what_was_recorded_is_changed_by_nobody_and_a_change_by_the_owner_is_noticed() {
    let address = database();
    let store = TeamStore::connect(&address, None).unwrap();
    let id = IncidentId::generate();
    store.open_incident(&id, "ada", clock("10:00:05"), &opened("s")).unwrap();
    let mut owner = client(&address);
    for sql in [
        "UPDATE stanch.events SET actor = 'eve'",
        "DELETE FROM stanch.events",
        "TRUNCATE stanch.events",
        "DELETE FROM stanch.checkpoints",
    ] {
        let refused = owner.batch_execute(sql).unwrap_err();
        assert!(format!("{refused:?}").contains("never changed"), "{sql}: {refused:?}");
    }
    owner
        .batch_execute(
            "ALTER TABLE stanch.events DISABLE TRIGGER ALL; UPDATE stanch.events SET actor = 'eve'",
        )
        .unwrap();
    assert!(matches!(store.verify(&id, None), Err(Error::Broken { seq: 0, .. })));
    let refused = <TeamStore as stanch::incident::Journal>::append(
        &store,
        &id,
        1,
        "ada",
        clock("10:01:00"),
        &noted(),
    );
    assert!(matches!(refused, Err(Error::Broken { .. })));
}

#[test]
fn tables_of_a_newer_program_are_read_and_not_written() {
    use stanch::incident::Journal;
    let address = database();
    let id = IncidentId::generate();
    let store = TeamStore::connect(&address, None).unwrap();
    store.open_incident(&id, "ada", clock("10:00:05"), &opened("s")).unwrap();
    client(&address).batch_execute("UPDATE stanch.schema_version SET version = 99").unwrap();
    let store = TeamStore::connect(&address, None).unwrap();
    assert_eq!(store.events(&id).unwrap().len(), 1);
    let refused = store.append(&id, 1, "ada", clock("10:01:00"), &noted()).unwrap_err().to_string();
    assert!(refused.contains("version 99") && refused.contains("can be read here"), "{refused}");
    assert_eq!(store.events(&id).unwrap().len(), 1);
}

#[test]
fn a_connection_that_is_cut_is_said_and_nothing_is_half_written() {
    use stanch::incident::Journal;
    let address = database();
    let id = IncidentId::generate();
    let store = TeamStore::connect(&address, None).unwrap();
    store.open_incident(&id, "ada", clock("10:00:05"), &opened("s")).unwrap();
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE application_name = 'stanch' AND datname = current_database()";
    client(&address).execute(cut, &[]).unwrap();
    let error = store.append(&id, 1, "ada", clock("10:01:00"), &noted()).unwrap_err().to_string();
    assert!(error.contains("connection is gone") || error.contains("terminat"), "{error}");
    let store = TeamStore::connect(&address, None).unwrap();
    assert_eq!(store.events(&id).unwrap().len(), 1);
    store.append(&id, 1, "ada", clock("10:01:00"), &noted()).unwrap();
}

#[test]
fn no_server_a_wrong_database_and_a_read_only_one_are_told_apart() {
    use stanch::incident::Journal;
    let nobody = TeamStore::connect("postgres://stanch@127.0.0.1:1/x", None).unwrap_err();
    assert!(nobody.to_string().contains("postgres://stanch@127.0.0.1:1/x"), "{nobody}");
    let address = database();
    // This server has no certificate: whoever asks for a proof is not given up on quietly.
    let unproved = TeamStore::connect(&format!("{address}?sslmode=require"), None).unwrap_err();
    assert!(unproved.to_string().contains("TLS"), "{unproved}");
    let wrong = TeamStore::connect(&format!("{address}nothing"), None).unwrap_err();
    assert!(wrong.to_string().contains("does not exist"), "{wrong}");
    let store = TeamStore::connect(&address, None).unwrap();
    let id = IncidentId::generate();
    store.open_incident(&id, "ada", clock("10:00:05"), &opened("s")).unwrap();
    let name = address.rsplit('/').next().unwrap();
    let only = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    client(&address).batch_execute(&only).unwrap();
    let store = TeamStore::connect(&address, None).unwrap();
    let refused = store.append(&id, 1, "ada", clock("10:01:00"), &noted()).unwrap_err();
    assert!(refused.to_string().contains("read-only now"), "{refused}");
    assert_eq!(store.events(&id).unwrap().len(), 1);
}

#[test]
fn many_may_make_the_tables_at_once() {
    let address = database();
    let makers = [(); 6].map(|()| {
        let address = address.clone();
        std::thread::spawn(move || TeamStore::connect(&address, None).map(|_| ()))
    });
    for maker in makers {
        maker.join().unwrap().unwrap();
    }
}

#[test]
fn a_file_moves_to_a_server_by_backup_and_restore() {
    let office = Office::new();
    let id = office.open(&["A leak"]);
    office.ok(&["ack"]);
    let head = office
        .ok(&["note", "x"])
        .lines()
        .last()
        .unwrap()
        .split_whitespace()
        .last()
        .unwrap()
        .to_owned();
    assert!(office.ok(&["backup", "all.jsonl"]).contains("1 incidents"));
    let address = database();
    let run = |arguments: &[&str]| {
        let run = office.run(&[arguments, &["--store", &address]].concat());
        assert_eq!(run.code, 0, "{}", run.all());
        run.out
    };
    run(&["restore", "all.jsonl"]);
    let said = run(&["verify", &id, "--against", &head]);
    assert!(said.contains("1 checkpoints verify"), "{said}");
    // It is written whole or not at all.
    let refused = office.refused(&["backup", "nowhere/all.jsonl"]);
    assert!(refused.contains("cannot write"), "{refused}");
}
