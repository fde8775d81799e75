//! An incident walked by the commands alone, as a new responder would.

use crate::world::{Run, World, assert_absent, planted};

/// A desk: a folder with a `stanch.toml`, a store, and somebody at work.
pub(crate) struct Office {
    pub(crate) world: World,
}

const SETTINGS: &str = "
[incident.roles.commander]
person = 'Ada'
deputy = 'Bo'
[incident.roles.communications]
person = 'Cleo'
[incident.clocks.business]
time-zone = 'Europe/Berlin'
from = '09:00'
to = '17:00'
[incident.clocks.levels.SEV1]
response = '20 min'
resolution = '2 h'
";

impl Office {
    pub(crate) fn new() -> Self {
        let world = World::new();
        world.write("stanch.toml", SETTINGS);
        Self { world }
    }

    /// Runs `stanch incident …`.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.world.stanch(&[&["incident"], arguments].concat())
    }

    /// Runs a command that must succeed; returns what it said.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.all());
        run.out
    }

    /// Runs a command that must be refused; returns what it said.
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.all());
        assert!(run.err.contains("error"), "{}", run.err);
        run.err
    }

    /// Opens an incident and returns the end of its id.
    pub(crate) fn open(&self, arguments: &[&str]) -> String {
        let said = self.ok(&[&["open"], arguments].concat());
        let id = said.lines().next().unwrap().split_whitespace().last().unwrap();
        id[id.len() - 8..].to_owned()
    }

    /// Returns the export of an incident.
    pub(crate) fn export(&self, id: &str) -> serde_json::Value {
        serde_json::from_str(&self.ok(&["export", id, "--format", "json"])).unwrap()
    }
}

/// Returns the command a run says is next.
fn next(said: &str) -> &str {
    let mut lines = said.lines().skip_while(|line| !line.starts_with("next"));
    lines.next();
    lines.next().unwrap_or_default().trim()
}

#[test]
fn from_the_alert_to_the_review_each_command_names_the_next() {
    let office = Office::new();
    let open = ["open", "Key in a bug report", "--provider", "openai", "--key-id", "key-1"];
    let more = ["--alerted-at", "10 min ago", "--visibility", "public"];
    let said = office.ok(&[&open[..], &more].concat());
    // The settings were taken into the record, and the clock is theirs.
    for line in ["Ada is commander", "Bo stands in", "Cleo is communications", "follow stanch.toml"]
    {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(said.contains("response: 10 min left"), "{said}");
    let walk: &[(&str, &[&str])] = &[
        ("incident ack", &["ack", "--as", "Dan"]),
        ("incident verdict", &["verdict", "true-positive", "--reason", "its owner confirms"]),
        (
            "containment --done",
            &["phase", "containment", "--done", "--reason", "off", "--effective-at", "2 min ago"],
        ),
        ("approver NAME", &["assign", "approver", "Eve"]),
        ("incident root-cause", &["root-cause", "copy-paste", "--description", "pasted"]),
        ("incident affected", &["affected", "billing api", "--owner", "payments"]),
        ("eradication --done", &["phase", "eradication", "--done", "--reason", "deleted"]),
        ("'billing api' --validated", &["affected", "billing api", "--validated"]),
        ("recovery --done", &["phase", "recovery", "--done", "--reason", "it bills again"]),
        ("follow-up-owner NAME", &["assign", "follow-up-owner", "Bo"]),
        ("incident followup", &["followup", "Mask keys", "--owner", "Bo", "--due", "in 14 d"]),
        ("incident close", &["close", "--lessons", "the form takes any text"]),
        ("followup", &["followup", "--done", "1", "--result", "the form masks them"]),
    ];
    let mut said = said;
    for (expected, command) in walk {
        assert!(next(&said).contains(expected), "{expected}: {said}");
        assert!(said.lines().last().unwrap().starts_with("head "), "{said}");
        said = office.ok(command);
    }
    assert!(said.contains("next      nothing"), "{said}");
    assert!(office.ok(&["list"]).starts_with("Nothing is to be done."));
    let id = said.lines().find_map(|line| line.strip_prefix("incident  ")).unwrap();
    let incident = &office.export(&id[..8])["incident"];
    assert_eq!(incident["state"], "closed");
    assert_eq!(incident["oddities"].as_array().unwrap().len(), 0, "{incident}");
    assert_eq!(incident["acknowledged_by"], "Dan");
    assert_eq!(incident["cause"]["category"], "copy-paste");
    assert!(incident["figures"]["mttc"]["seconds"].as_i64().unwrap() < 0);
    assert!(office.ok(&["verify"]).contains("holds"));
}

#[test]
fn a_secret_is_not_recorded_whatever_field_it_is_typed_into() {
    let office = Office::new();
    let id = office.open(&["A leak", "--visibility", "private"]);
    let (text, secrets) = planted("openrouter-api-key");
    let text = text.trim();
    for command in [
        &["note", text][..],
        &["assign", "scribe", text],
        &["affected", "api", "--trusts", text],
        &["open", text],
        &["close", "--anyway", "--lessons", text],
    ] {
        let said = office.refused(command);
        assert!(said.contains("holds a credential"), "{said}");
        assert_absent(&secrets, &said, "an error");
    }
    let said = office.refused(&["open", "x", "--fingerprint", text]);
    assert_absent(&secrets, &said, "an error");
    assert_absent(&secrets, &office.export(&id).to_string(), "the record");
}

#[test]
fn a_person_lowers_the_level_only_with_name_and_reason() {
    let office = Office::new();
    let id = office.open(&["A leak"]);
    assert!(office.refused(&["severity", "--set", "SEV3"]).contains("--reason"));
    let nameless = &["severity", "--set", "SEV3", "--reason", "an empty account"];
    assert!(office.refused(nameless).contains("takes a name"));
    let named = [&nameless[..], &["--as", "Ada"]].concat();
    let said = office.ok(&named);
    assert!(said.contains("Ada set it to SEV3 instead of SEV1: an empty account"), "{said}");
    // What is known now counts again, and the inputs are kept beside the level.
    let said = office.ok(&["severity", "--live", "no"]);
    assert!(said.contains("SEV4 by severity-v1/dead"), "{said}");
    let kept = &office.export(&id)["incident"]["severity"];
    assert_eq!(
        (&kept["inputs"]["live"], &kept["inputs"]["misused"]),
        (&false.into(), &serde_json::Value::Null)
    );
    let said = office.ok(&["severity"]);
    assert!(
        said.contains("misused       not known")
            && said.contains("a person with a name and a reason, lowers it"),
        "{said}"
    );
}

#[test]
fn who_leads_a_bad_incident_does_not_speak_for_it() {
    let office = Office::new();
    office.open(&["A leak", "--live", "yes", "--visibility", "public", "--administers", "no"]);
    let said = office.refused(&["assign", "communications", "Ada"]);
    assert!(said.contains("Ada is commander already"), "{said}");
    let mild = ["--as", "Ada", "--set", "SEV3", "--reason", "nobody saw it"];
    office.ok(&[&["severity"], &mild[..]].concat());
    office.ok(&["assign", "communications", "Ada"]);
    office.ok(&["severity", "--misused", "yes"]);
    let said = office.ok(&["phase", "containment", "--done", "--reason", "off", "--anyway"]);
    assert!(said.contains("let somebody else speak"), "{said}");
}

#[test]
fn what_is_missing_is_said_and_going_on_without_it_is_recorded() {
    let office = Office::new();
    let id = office.open(&["A leak"]);
    let said = office.refused(&["phase", "containment", "--done", "--reason", "off"]);
    assert!(said.contains("take it; judge whether it is real"), "{said}");
    let said = office.refused(&["close", "--lessons", "none"]);
    assert!(said.contains("stop the key"), "{said}");
    office.ok(&["phase", "containment", "--done", "--reason", "off", "--anyway"]);
    let timeline = office.export(&id)["incident"]["timeline"].to_string();
    assert!(timeline.contains("missing then: take it; judge whether it is real"), "{timeline}");
}

#[test]
fn several_open_incidents_are_never_mixed_up() {
    let office = Office::new();
    let first = office.open(&["One", "--key-id", "a"]);
    let second = office.open(&["Two", "--key-id", "b"]);
    let said = office.refused(&["ack"]);
    assert!(
        said.contains(&first) && said.contains(&second) && said.contains("--incident"),
        "{said}"
    );
    office.ok(&["ack", "-i", &first]);
    assert!(office.refused(&["ack", "-i", &first]).contains("took it already"));
    // The one nobody took is due sooner.
    let list = office.ok(&["list"]);
    assert!(list.find(&second).unwrap() < list.find(&first).unwrap(), "{list}");
    assert!(office.refused(&["open", "Again", "--key-id", "a"]).contains("is open"));
}

#[test]
fn dates_are_corrected_by_events_with_a_reason() {
    let office = Office::new();
    let id = office.open(&["A leak", "--alerted-at", "2 h ago", "--leaked-from", "2 d ago"]);
    assert!(office.refused(&["date", "leaked", "in 2 h", "--reason", "x"]).contains("future"));
    assert!(office.refused(&["date", "contained", "now", "--reason", "x"]).contains("not there"));
    let upside_down = ["date", "leaked", "1 h ago", "--until", "2 h ago", "--reason", "x"];
    assert!(office.refused(&upside_down).contains("end before it begins"));
    assert!(office.run(&["date", "leaked", "1 h ago"]).code == 2);
    let push = ["--until", "3 h ago", "--source", "push", "--reason", "the host's log"];
    office.ok(&[&["date", "leaked", "5 h ago"], &push[..]].concat());
    let incident = &office.export(&id)["incident"];
    assert_eq!(incident["times"]["leaked_at"]["source"], "push");
    let timeline = incident["timeline"].to_string();
    assert!(timeline.contains("the host's log"), "{timeline}");
    office.ok(&["verdict", "true-positive", "--reason", "it is"]);
    office.ok(&["date", "detected", "1 h ago", "--reason", "told by phone"]);
    let figure = office.export(&id)["incident"]["figures"]["mttd"]["seconds"].as_i64().unwrap();
    assert!((4 * 3600 - 5..=4 * 3600 + 5).contains(&figure), "{figure}");
}

#[test]
fn a_closed_incident_opens_again_and_a_false_alarm_too() {
    let office = Office::new();
    let id = office.open(&["A leak"]);
    office.ok(&["verdict", "false-positive", "--reason", "a sample"]);
    assert!(office.ok(&["list"]).contains("1 incident is over"));
    assert!(office.refused(&["phase", "containment", "--reason", "x"]).contains("cancelled"));
    let said = office.ok(&["reopen", "--reason", "it is a real one"]);
    assert!(said.contains("triaged"), "{said}");
    assert!(office.refused(&["reopen", "--reason", "x"]).contains("is open"));
    office.ok(&["close", "--lessons", "none", "--anyway"]);
    let said =
        office.ok(&["reopen", "-i", &id, "--reason", "works again", "--phase", "containment"]);
    assert!(said.contains("in containment"), "{said}");
    assert_eq!(office.export(&id)["incident"]["state"], "triaged");
}

#[test]
fn a_repeat_is_linked_and_says_what_was_not_done() {
    let office = Office::new();
    let walk = |title: &str, key: &str| {
        let id = office.open(&[title, "--key-id", key]);
        office.ok(&["root-cause", "ci-log", "--description", "printed", "-i", &id]);
        office.ok(&["affected", "api", "--owner", "payments", "-i", &id]);
        let due = ["--owner", "Bo", "--due", "in 3 d", "-i", &id];
        office.ok(&[&["followup", "Mask the log"], &due[..]].concat());
        office.ok(&["close", "--anyway", "--lessons", "mask", "-i", &id]);
        id
    };
    let first = walk("One", "a");
    let second = walk("Two", "b");
    let repeats = |id: &str| office.export(id)["incident"]["repeats"].clone();
    assert_eq!(repeats(&first), serde_json::json!([]));
    let reason = repeats(&second)[0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("the same root cause") && reason.contains("payments"), "{reason}");
    assert!(reason.contains("not done by then: \"Mask the log\" of Bo"), "{reason}");
    let third = office.open(&["Three", "--key-id", "a"]);
    let same = repeats(&third)[0].to_string();
    assert!(same.contains("the same key leaked again") && same.contains(&first), "{same}");
}

#[test]
fn vendors_workflows_and_clocks() {
    let office = Office::new();
    let id = office.open(&["A leak"]);
    let asked = ["checkpoint", "OpenAI", "was it used?", "--due", "in 5 min"];
    office.ok(&asked);
    assert!(
        office.refused(&["checkpoint", "--answer", "2", "--text", "no"]).contains("no question 2")
    );
    // The answer is due before anything else.
    assert!(office.ok(&["list"]).contains("get the answer of OpenAI"));
    office.ok(&["checkpoint", "--answer", "1", "--text", "no"]);
    office.ok(&["pause", "nightly index", "--reason", "it would fail"]);
    assert!(
        office.refused(&["pause", "nightly index", "--reason", "x"]).contains("paused already")
    );
    assert!(office.refused(&["resume", "other", "--reason", "x"]).contains("not paused"));
    office.ok(&["resume", "nightly index", "--reason", "safe"]);
    office.ok(&["ack"]);
    let said = office.ok(&["clock", "pause", "--reason", "the provider must answer"]);
    assert!(said.contains("resolution: paused with 1 h 5"), "{said}");
    assert!(office.refused(&["clock", "pause", "--reason", "x"]).contains("still already"));
    assert!(office.ok(&["clock", "resume", "--reason", "they did"]).contains("left"));
    assert_eq!(office.export(&id)["incident"]["oddities"], serde_json::json!([]));
}

#[test]
fn settings_that_can_not_be_stop_the_command_and_name_the_file() {
    let office = Office::new();
    office.world.write("stanch.toml", "[incident.roles.king]\nperson = 'Ada'\n");
    let said = office.refused(&["open", "A leak"]);
    assert!(said.contains("stanch.toml") && said.contains("king"), "{said}");
    // The scanner reads the same file and is not concerned.
    office.world.write("stanch.toml", SETTINGS);
    assert_eq!(office.world.stanch(&["scan", "."]).code, 0);
}

#[test]
fn the_screen_answers_on_its_first_lines_and_fits() {
    let office = Office::new();
    let id = office.open(&[
        "A leak with quite a long title, so that it has to be wrapped somewhere",
        "--drill",
    ]);
    office.ok(&["mark", "--codename", "GREEN LAMP", "--tlp", "amber-strict"]);
    office.ok(&["pause", "nightly index", "--reason", "it would fail"]);
    office.ok(&["affected", "billing", "--owner", "payments"]);
    for width in ["80", "160"] {
        let text = office.ok(&["show", &id, "--width", width]);
        let first: Vec<&str> = text.lines().take(24).collect();
        let first = first.join("\n");
        for answer in
            ["Lead ", "Approves ", "Follow-ups ", "Response ", "[>]identification", "DRILL"]
        {
            assert!(first.contains(answer), "{width}: {answer}: {text}");
        }
        assert!(first.contains("TLP:AMBER+STRICT") && first.contains("GREEN LAMP"), "{text}");
        assert!(first.contains("stanch incident ack -i"), "{width}: {text}");
        let limit = width.parse().unwrap();
        let long = |line: &&str| line.chars().count() > limit;
        assert_eq!(text.lines().find(long), None, "{width}");
    }
}

#[test]
fn colours_are_for_terminals_and_for_those_who_want_them() {
    let office = Office::new();
    office.open(&["A leak"]);
    let styled = |variables: &[(&str, &str)]| {
        let run = office.world.stanch_with(&["incident", "show"], variables, "");
        run.out.contains('\u{1b}')
    };
    assert!(!styled(&[]));
    assert!(styled(&[("CLICOLOR_FORCE", "1")]));
    assert!(!styled(&[("NO_COLOR", "1")]));
}

#[test]
fn watching_draws_what_show_shows_and_needs_a_terminal() {
    let office = Office::new();
    let id = office.open(&["A leak"]);
    assert!(office.refused(&["watch", &id]).contains("no terminal"));
    let drawn = office.ok(&["watch", &id, "--times", "2", "--every", "1"]);
    assert_eq!(drawn.matches("[>]identification").count(), 2, "{drawn}");
    assert!(!drawn.contains('\u{1b}'));
    // What is over is drawn once: nothing will change.
    office.ok(&["verdict", "false-positive", "--reason", "a sample"]);
    assert_eq!(office.ok(&["watch", &id, "--times", "9"]).matches("cancelled").count(), 1 + 1);
}

/// Killed at any moment, what a command said it recorded is there, and the record holds.
#[test]
fn killed_while_writing_nothing_that_was_said_is_lost() {
    use std::process::Stdio;
    let office = Office::new();
    let id = office.open(&["A leak"]);
    let mut said = Vec::new();
    let begun = std::time::Instant::now();
    office.ok(&["note", "how long it takes here."]);
    let whole = begun.elapsed();
    for number in 0..40 {
        let text = format!("note number {number}.");
        let mut command = office.world.command(env!("CARGO_BIN_EXE_stanch"));
        let mut child = command
            .args(["incident", "note", &text])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // From the beginning of a run to well after its end.
        std::thread::sleep(whole * number / 25);
        let _ = child.kill();
        let output = child.wait_with_output().unwrap();
        if String::from_utf8_lossy(&output.stdout).contains("recorded") {
            said.push(text);
        }
    }
    office.ok(&["verify", &id]);
    let notes = office.export(&id)["incident"]["notes"].to_string();
    for text in &said {
        assert_eq!(notes.matches(text.as_str()).count(), 1, "{text}: {notes}");
    }
    // And work goes on.
    office.ok(&["note", "after the crash"]);
}
