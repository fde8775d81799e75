//! What is written for others: valid, harmless, and for outsiders without names.

use serde_json::Value;

use crate::walk::Office;

fn schema(name: &str) -> jsonschema::Validator {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(name);
    let schema = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn assert_valid(validator: &jsonschema::Validator, value: &Value) {
    let errors: Vec<_> =
        validator.iter_errors(value).map(|e| format!("{e} at {}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:?}\n{value:#}");
}

/// Walks an incident to its end, with everything in it that can be.
fn whole(office: &Office) -> String {
    let place = ["--where", "git@git.internal:secret-team/repo", "--visibility", "public"];
    let id =
        office.open(&[&["Leak at Project Nightjar", "--key-id", "key-77"], &place[..]].concat());
    for command in [
        &["ack", "--as", "Xenia"][..],
        &["verdict", "true-positive", "--reason", "Yuri confirms"],
        &["severity", "--misused", "yes"],
        &["phase", "containment", "--done", "--reason", "Zoltan switched it off"],
        &["assign", "approver", "Walther"],
        &["checkpoint", "Vendorcorp", "was it used?", "--due", "in 2 h"],
        &["checkpoint", "--answer", "1", "--text", "yes, from Nightjar"],
        &["pause", "nightjar-index", "--reason", "risky"],
        &["resume", "nightjar-index", "--reason", "safe"],
        &["clock", "pause", "--reason", "Vendorcorp"],
        &["clock", "resume", "--reason", "Vendorcorp"],
        &["root-cause", "ci-log", "--description", "nightjar printed it", "--fix", "mask"],
        &["affected", "nightjar-api", "--owner", "Xenia", "--trusts", "calls it", "--validated"],
        &["date", "leaked", "2 h ago", "--reason", "Yuri says"],
        &["note", "Nightjar again"],
        &["phase", "eradication", "--done", "--reason", "Zoltan", "--anyway"],
        &["phase", "recovery", "--done", "--reason", "Zoltan", "--anyway"],
        &["assign", "follow-up-owner", "Walther"],
        &["followup", "Mask nightjar", "--owner", "Walther", "--due", "in 14 d"],
        &["close", "--lessons", "mask nightjar", "--anyway"],
    ] {
        office.ok(command);
    }
    id
}

#[test]
fn every_output_is_valid_against_its_schema_at_every_stage() {
    let office = Office::new();
    let fresh = office.open(&["A fresh one", "--drill"]);
    office.ok(&["verdict", "insufficient-data", "--reason", "who knows", "-i", &fresh]);
    office.ok(&["close", "--lessons", "none", "--anyway", "-i", &fresh]);
    let whole = whole(&office);
    for id in [&fresh, &whole] {
        let export = |format: &str| office.ok(&["export", id, "--format", format]);
        let one = |format: &str| serde_json::from_str::<Value>(&export(format)).unwrap();
        assert_valid(&schema("stanch-incident-v1.json"), &one("json"));
        assert_valid(&schema("cacao-playbook.json"), &one("cacao"));
        assert_valid(&schema("veris-record.json"), &one("veris"));
        for (format, name) in [("ocsf", "ocsf-events.json"), ("bundle", "stanch-bundle-v1.json")] {
            let validator = schema(name);
            for line in export(format).lines() {
                assert_valid(&validator, &serde_json::from_str(line).unwrap());
            }
        }
    }
    office.ok(&["backup", "all.jsonl"]);
    let backup = std::fs::read_to_string(office.world.path("all.jsonl")).unwrap();
    let line = schema("stanch-backup-v1.json");
    backup.lines().for_each(|text| assert_valid(&line, &serde_json::from_str(text).unwrap()));
    let card = office.world.stanch(&["scorecard", "--format", "json"]);
    assert_valid(&schema("stanch-scorecard-v1.json"), &serde_json::from_str(&card.out).unwrap());
}

#[test]
fn a_playbook_leads_from_its_start_to_its_end() {
    let office = Office::new();
    let id = whole(&office);
    let playbook: Value =
        serde_json::from_str(&office.ok(&["export", &id, "--format", "cacao"])).unwrap();
    let workflow = playbook["workflow"].as_object().unwrap();
    let mut at = playbook["workflow_start"].as_str().unwrap();
    let mut seen = 1;
    while let Some(next) = workflow[at]["on_completion"].as_str() {
        (at, seen) = (next, seen + 1);
    }
    assert!(at.starts_with("end--"));
    assert_eq!(seen, workflow.len());
}

#[test]
fn a_report_for_outsiders_holds_no_name_and_no_word_of_ours() {
    let office = Office::new();
    let id = whole(&office);
    let names = [
        "Nightjar",
        "nightjar",
        "Xenia",
        "Yuri",
        "Zoltan",
        "Walther",
        "Vendorcorp",
        "git.internal",
        "secret-team",
        "key-77",
        "Ada",
        "Cleo",
        "tester",
    ];
    for format in ["markdown", "postmortem", "html", "ocsf", "veris"] {
        let text = office.ok(&["export", &id, "--format", format, "--outsiders"]);
        for name in names {
            assert!(!text.contains(name), "{format}: {name}: {text}");
        }
        let ours = office.ok(&["export", &id, "--format", format]);
        assert!(format == "veris" || ours.contains("Ada"), "{format}");
    }
    for format in ["json", "bundle", "cacao", "checkpoint"] {
        let said = office.refused(&["export", &id, "--format", format, "--outsiders"]);
        assert!(said.contains("not for outsiders"), "{said}");
    }
    office.ok(&["mark", "-i", &id, "--codename", "GREEN LAMP", "--tlp", "green"]);
    let text = office.ok(&["export", &id, "--format", "postmortem", "--outsiders"]);
    assert!(text.contains("GREEN LAMP") && text.contains("TLP:GREEN"), "{text}");
}

#[test]
fn the_review_has_its_headings_and_the_template_can_be_edited() {
    let office = Office::new();
    let id = whole(&office);
    let review = office.ok(&["export", &id, "--format", "postmortem"]);
    for heading in ["Summary", "Timeline", "Figures", "What went well", "Gaps", "Actions"] {
        assert!(review.contains(&format!("\n## {heading}\n")), "{heading}");
    }
    assert!(review.contains("| Mask nightjar | Walther |") && !review.contains("{{"), "{review}");
    let template = office.ok(&["template"]);
    assert!(template.contains("{{timeline}}"));
    let own = office.world.write("own.md", "Hello {{title}}: {{lessons}}\n");
    let own = ["--template", own.to_str().unwrap()];
    let text = office.ok(&[&["export", &id, "--format", "postmortem"], &own[..]].concat());
    assert_eq!(text, "Hello Leak at Project Nightjar: mask nightjar\n");
    office.world.write("own.md", "{{nonsense}}");
    let said = office.refused(&[&["export", &id, "--format", "postmortem"], &own[..]].concat());
    assert!(said.contains("nonsense") && said.contains("went_well"), "{said}");
}

#[test]
fn a_page_runs_nothing_and_loads_nothing_whatever_a_title_says() {
    let office = Office::new();
    let nasty = "<script>alert(1)</script><img src=//x.example/y>";
    let id = office.open(&[nasty, "--where", nasty]);
    office.ok(&["verdict", "true-positive", "--reason", nasty]);
    let incident = office.ok(&["export", &id, "--format", "html"]);
    let card = office.world.stanch(&["scorecard", "--format", "html"]).out;
    for page in [incident, card] {
        assert!(page.contains("default-src 'none'") && page.contains("&lt;script&gt;"), "{page}");
        for live in ["<script", "<img", "<link", "url("] {
            assert!(!page.contains(live), "{live}: {page}");
        }
        assert!(page.contains("<svg"));
    }
}

#[test]
fn a_scorecard_counts_what_counts_and_says_what_it_leaves_out() {
    let office = Office::new();
    whole(&office);
    let drill = office.open(&["A drill", "--drill"]);
    office.ok(&["verdict", "true-positive", "--reason", "planned", "-i", &drill]);
    for verdict in ["false-positive", "canary", "near-miss"] {
        let id = office.open(&[verdict, "--key-id", verdict]);
        office.ok(&["verdict", verdict, "--reason", "so", "-i", &id]);
    }
    let targets = "[incident.targets]\nmttd = '1 h'\nmttr = '1 h'\n";
    office.world.write("stanch.toml", targets);
    let run = |format: &str| {
        let run = office.world.stanch(&["scorecard", "--format", format]);
        assert_eq!(run.code, 0, "{}", run.all());
        run.out
    };
    let card: Value = serde_json::from_str(&run("json")).unwrap();
    let now = &card["now"];
    assert_eq!(now["incidents"], 1, "{now}");
    let out = &now["left_out"];
    let counts = ["drills", "tests_and_canaries", "false_positives", "near_misses"];
    assert!(counts.iter().all(|kind| out[kind] == 1), "{out}");
    assert_eq!(card["followups"]["open"], 1);
    let mttd = &now["measures"][0];
    assert!((7195..7205).contains(&mttd["mean"].as_i64().unwrap()), "{mttd}");
    assert_eq!(mttd["target"], 3600);
    for format in ["table", "markdown", "html"] {
        let text = run(format);
        assert!(text.contains("from the leak (its earliest instant)"), "{format}: {text}");
        assert!(text.to_lowercase().contains("missed"), "{format}: {text}");
        assert!(text.contains("1 drills, 1 tests and canaries"), "{format}: {text}");
    }
    let metrics = run("openmetrics");
    assert!(
        metrics.ends_with("# EOF\n") && metrics.contains("stanch_incidents{quarter="),
        "{metrics}"
    );
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("stanch_") && value.parse::<i64>().is_ok(), "{line}");
    }
    let table = run("csv");
    let mut rows = csv::Reader::from_reader(table.as_bytes());
    let quarters = rows.records().map(Result::unwrap).filter(|row| &row[1] == "all").count();
    assert_eq!(quarters, 8 * 4);
    let past = office.world.stanch(&["scorecard", "--quarter", "1999-Q1"]);
    assert!(past.out.contains("beside 1998-Q4"), "{}", past.all());
}
