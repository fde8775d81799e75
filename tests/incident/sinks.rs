//! Sinks: each signed head reaches what the operator named, and a sink that fails stops nobody.

use crate::walk::Office;

/// Returns the requests' bodies and tokens that come until `count` have come.
fn take(server: &tiny_http::Server, count: usize) -> Vec<(String, String)> {
    let mut taken = Vec::new();
    for mut request in server.incoming_requests().take(count) {
        let mut text = String::new();
        request.as_reader().read_to_string(&mut text).unwrap();
        let token = request.headers().iter().find(|header| header.field.equiv("authorization"));
        taken.push((text, token.unwrap().value.to_string()));
        request.respond(tiny_http::Response::empty(204)).unwrap();
    }
    taken
}

#[test]
fn each_signed_head_reaches_every_sink_and_proves_the_record_later() {
    let server = std::sync::Arc::new(tiny_http::Server::http("127.0.0.1:0").unwrap());
    let office = Office::new();
    let heads = office.world.path("heads.jsonl");
    let sinks = format!(
        "[[sink]]\nfile = '{}'\n[[sink]]\nprogram = 'no-such-program-anywhere'\n[[sink]]\nwebhook = 'http://{}/hook'\ntoken-env = 'HOOK'\n",
        heads.display(),
        server.server_addr().to_ip().unwrap(),
    );
    office.world.write("sinks.toml", &sinks);
    let list = office.world.path("sinks.toml");
    let variables = [("STANCH_SINKS", list.to_str().unwrap()), ("HOOK", "words-of-the-hook")];
    let listening = server.clone();
    let hook = std::thread::spawn(move || take(&listening, 1));

    let run = office.world.stanch_with(&["incident", "open", "a bot's mail"], &variables, "");
    // Whatever came has come.
    server.unblock();
    assert_eq!(run.code, 0, "{}", run.all());
    assert!(run.err.contains("no-such-program-anywhere did not take head"), "{}", run.err);
    assert!(run.out.contains("\nhead      "), "{}", run.out);

    let written = std::fs::read_to_string(&heads).unwrap();
    let hooked = hook.join().unwrap();
    assert_eq!(hooked, [(written.clone(), "Bearer words-of-the-hook".to_owned())]);
    let line: serde_json::Value = serde_json::from_str(written.trim_end()).unwrap();
    assert_eq!(line["format"], "stanch checkpoint v1");
    office.world.write("note", line["note"].as_str().unwrap());
    office.ok(&["note", "further events change nothing of what was given"]);
    let note = office.world.path("note");
    let id = line["incident"].as_str().unwrap().to_owned();
    office.ok(&["verify", &id, "--against", note.to_str().unwrap()]);
}

#[test]
fn a_list_that_cannot_be_read_is_said_and_the_record_kept() {
    let office = Office::new();
    office.world.write("sinks.toml", "[[sink]]\nwebhook = 'http://hooks.example/x'\n");
    let list = office.world.path("sinks.toml");
    let variables = [("STANCH_SINKS", list.to_str().unwrap())];
    let run = office.world.stanch_with(&["incident", "open", "a bot's mail"], &variables, "");
    assert_eq!(run.code, 0, "{}", run.all());
    assert!(run.err.contains("sinks.toml") && run.err.contains("https"), "{}", run.err);
}
