//! Living with findings: the outputs others read, what suppresses a finding, and the baseline.

mod world;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use world::{Run, World, assert_absent, planted};

const TOKEN: &str = "github-personal-token";
const OTHER: &str = "openrouter-api-key";
const PASSWORD: &str = "database-url-postgres";

fn json_of(run: &Run) -> Value {
    serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {}", run.all()))
}

fn scan_json(world: &World, arguments: &[&str]) -> (i32, Value) {
    let arguments: Vec<&str> = ["scan", "-f", "json"].iter().chain(arguments).copied().collect();
    let run = world.stanch(&arguments);
    (run.code, json_of(&run))
}

fn kinds(report: &Value) -> Vec<&str> {
    let notices = report["notices"].as_array().unwrap();
    notices.iter().map(|notice| notice["kind"].as_str().unwrap()).collect()
}

/// The schema that the SARIF crate ships, of the crate's very version.
fn sarif_schema() -> Value {
    let version = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--offline", "--filter-platform", host])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let sarif = packages.iter().find(|package| package["name"] == "serde-sarif").unwrap();
    let manifest = PathBuf::from(sarif["manifest_path"].as_str().unwrap());
    let schema = fs::read_to_string(manifest.with_file_name("src").join("schema.json")).unwrap();
    let mut schema: Value = serde_json::from_str(&schema).unwrap();
    // The published pattern of `language`, which nothing here writes, has an unbalanced bracket.
    for owner in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][owner]["properties"]["language"];
        language.as_object_mut().unwrap().remove("pattern").unwrap();
    }
    schema
}

/// What GitLab's schema of version 15 requires of a secret-detection report.
fn gitlab_schema() -> Value {
    let text = json!({ "type": "string", "minLength": 1 });
    let time = json!({ "type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$" });
    let program = json!({
        "type": "object", "required": ["id", "name", "version", "vendor"],
        "properties": { "id": text, "name": text, "version": text,
            "vendor": { "type": "object", "required": ["name"], "properties": { "name": text } } },
    });
    let identifier = json!({
        "type": "object", "required": ["type", "name", "value"],
        "properties": { "type": text, "name": text, "value": text },
    });
    json!({
        "type": "object", "required": ["version", "scan", "vulnerabilities"],
        "properties": {
            "version": { "type": "string", "pattern": r"^15\.\d+\.\d+$" },
            "scan": {
                "type": "object",
                "required": ["analyzer", "scanner", "start_time", "end_time", "status", "type"],
                "properties": {
                    "analyzer": program, "scanner": program, "start_time": time, "end_time": time,
                    "status": { "enum": ["success", "failure"] },
                    "type": { "const": "secret_detection" },
                    "messages": { "type": "array", "items": {
                        "type": "object", "required": ["level", "value"],
                        "properties": { "level": { "enum": ["info", "warn", "fatal"] }, "value": text } } },
                },
            },
            "vulnerabilities": { "type": "array", "items": {
                "type": "object", "required": ["id", "identifiers", "location"],
                "properties": {
                    "id": { "type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" },
                    "name": { "type": "string", "maxLength": 255 },
                    "severity": { "enum": ["Info", "Unknown", "Low", "Medium", "High", "Critical"] },
                    "identifiers": { "type": "array", "minItems": 1, "items": identifier },
                    "location": { "type": "object", "required": ["commit"], "properties": {
                        "file": text, "start_line": { "type": "integer" }, "end_line": { "type": "integer" },
                        "commit": { "type": "object", "required": ["sha"], "properties": { "sha": text } } } },
                },
            } },
        },
    })
}

fn assert_valid(schema: &Value, instance: &Value) {
    let validator = jsonschema::validator_for(schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(instance)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

/// A repository with a finding in a file, one in history only, one in a message, one suppressed by each
/// kind of word, and a gap.
fn busy_world() -> (World, Vec<String>) {
    let world = World::new();
    let mut secrets = Vec::new();
    let mut plant = |pattern: &str| {
        let (text, filled) = planted(pattern);
        secrets.extend(filled);
        text
    };
    world.git(&["init", "--quiet"]);
    world.write("gone.env", plant(TOKEN));
    world.commit(&format!("Add, with a key in the message: {}", plant(OTHER)));
    fs::remove_file(world.path("gone.env")).unwrap();
    world.write("known.env", plant(PASSWORD));
    assert_eq!(world.stanch(&["baseline", "update", "stanch.baseline"]).code, 0);
    world.write("a b,c:d%.env", format!("x = 1\n{}", plant(TOKEN)));
    world.write("tests/sample.env", plant(OTHER));
    world.write("marked.env", format!("{} # stanch:allow of the manual", plant(TOKEN).trim()));
    let entry =
        "[[allow]]\npath = 'tests/**'\nreason = 'samples | of <b>tests</b>'\nowner = 'Ada'\n";
    let unused = "[[allow]]\npath = 'nowhere/**'\nreason = 'old'\n";
    world.write("stanch.toml", format!("{entry}{unused}"));
    world.commit("More");
    world.write("large.bin", "x".repeat(5000));
    (world, secrets)
}

const BUSY: [&str; 6] =
    ["scan", ".", "--history", "--baseline", "stanch.baseline", "--max-size=4K"];

#[test]
fn every_format_holds_no_secret_whatever_is_suppressed() {
    let (world, secrets) = busy_world();
    let files: Vec<(String, String)> = world::formats()
        .into_iter()
        .map(|format| (format!("{format}=out.{format}"), format))
        .collect();
    let mut arguments: Vec<&str> = BUSY.to_vec();
    arguments.extend(files.iter().flat_map(|(argument, _)| ["--format", argument]));
    let run = world.stanch_with(&arguments, &[("GITHUB_STEP_SUMMARY", "summary.md")], "");
    assert_eq!((run.code, run.out.as_str()), (3, ""), "{}", run.err);
    for (_, format) in &files {
        let text = fs::read_to_string(world.path(&format!("out.{format}"))).unwrap();
        assert!(text.contains(TOKEN), "{format} names no pattern: {text}");
        assert_absent(&secrets, &text, format);
    }
    let summary = fs::read_to_string(world.path("summary.md")).unwrap();
    assert!(summary.contains("github") && summary.contains("partial"), "{summary}");
    assert_absent(&secrets, &summary, "the summary");
    assert_absent(
        &secrets,
        &fs::read_to_string(world.path("stanch.baseline")).unwrap(),
        "the baseline",
    );
}

#[test]
fn sarif_is_valid_and_keeps_what_is_suppressed() {
    let (world, _) = busy_world();
    let run = world.stanch(&[&BUSY[..], &["-f", "sarif"]].concat());
    let log = json_of(&run);
    assert_valid(&sarif_schema(), &log);
    let results = log["runs"][0]["results"].as_array().unwrap();
    let kinds: Vec<&Value> =
        results.iter().map(|result| &result["suppressions"][0]["kind"]).collect();
    let count = |kind: Value| kinds.iter().filter(|found| ***found == kind).count();
    assert_eq!(
        (count(json!("inSource")), count(json!("external")), count(Value::Null)),
        (1, 2, 3),
        "{results:#?}"
    );
}

#[test]
fn the_gitlab_report_has_what_its_schema_requires() {
    let (world, _) = busy_world();
    let report = json_of(&world.stanch(&[&BUSY[..], &["-f", "gitlab"]].concat()));
    assert_valid(&gitlab_schema(), &report);
    let found = report["vulnerabilities"].as_array().unwrap();
    assert_eq!(found.len(), 3, "one a line of what counts");
    assert!(found.iter().any(|one| one["location"]["file"] == "gone.env"), "{found:#?}");
}

#[test]
fn annotations_escape_what_would_end_them() {
    let (world, _) = busy_world();
    let run = world.stanch(&["scan", "-f", "github"]);
    let line = run.out.lines().find(|line| line.contains("file=a b")).unwrap();
    assert!(line.starts_with("::error file=a b%2Cc%3Ad%25.env,line=2,endLine=2,col="), "{line}");
    assert!(line.contains("title=github-personal-token ") && line.contains("%0ANext: "), "{line}");
}

#[test]
fn the_summary_is_added_to_what_other_steps_wrote() {
    let (world, _) = busy_world();
    world.write("summary.md", "# before\n");
    world.stanch_with(&["scan", "-f", "github"], &[("GITHUB_STEP_SUMMARY", "summary.md")], "");
    let text = fs::read_to_string(world.path("summary.md")).unwrap();
    assert!(text.starts_with("# before\n## stanch: "), "{text}");
    assert!(text.contains("| high | github"), "{text}");
    world.stanch_with(&["scan", "-f", "text"], &[("GITHUB_STEP_SUMMARY", "summary.md")], "");
    assert_eq!(fs::read_to_string(world.path("summary.md")).unwrap(), text, "only with the format");
    for empty in ["GITHUB_STEP_SUMMARY", "GIT_INDEX_FILE"] {
        let run = world.stanch_with(&["scan", "-f", "github"], &[(empty, "")], "");
        assert_eq!(run.code, 1, "an empty {empty}: {}", run.err);
    }
}

#[test]
fn junit_is_well_formed_and_counts() {
    let (world, _) = busy_world();
    let run = world.stanch(&[&BUSY[..], &["-f", "junit"]].concat());
    let mut reader = quick_xml::Reader::from_str(&run.out);
    let mut names = Vec::new();
    loop {
        use quick_xml::events::Event;
        match reader.read_event().unwrap() {
            Event::Eof => break,
            Event::Start(tag) | Event::Empty(tag) => {
                names.push(tag.name().as_ref().to_owned());
            }
            _ => {}
        }
    }
    let count = |name: &str| names.iter().filter(|found| *found == name).count();
    assert_eq!((count("failure"), count("skipped"), count("error")), (3, 3, 1), "{}", run.out);
    assert!(run.out.contains(r#"tests="7" failures="3" errors="1""#), "{}", run.out);
}

#[test]
fn csv_has_a_row_a_place() {
    let (world, _) = busy_world();
    world.write("=cmd.env", planted(TOKEN).0);
    let run = world.stanch(&[&BUSY[..], &["-f", "csv"]].concat());
    let mut reader = csv::Reader::from_reader(run.out.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let states = |state: &str| rows.iter().filter(|row| &row[0] == state).count();
    assert!(states("found") >= 4 && states("suppressed") >= 3, "{}", run.out);
    assert!(rows.iter().any(|row| &row[8] == "'=cmd.env"), "no cell is a formula: {}", run.out);
}

#[test]
fn the_page_is_one_file_and_escapes_what_it_shows() {
    let (world, _) = busy_world();
    let name = "x<img src=y onerror=z>.env";
    if cfg!(not(windows)) {
        world.write(name, planted(TOKEN).0);
    }
    let page = world.stanch(&[&BUSY[..], &["-f", "html"]].concat()).out;
    assert!(!page.contains("<img") && !page.contains("<b>tests"), "{page}");
    for outside in ["src=\"", "@import", "url(", "<link"] {
        assert!(!page.contains(outside), "{outside} in the page");
    }
    assert!(page.contains("data-suppressed") && page.contains("This scan is partial"));
}

#[test]
fn two_formats_on_standard_output_are_refused_before_the_scan() {
    let world = World::new();
    for arguments in [
        &["scan", "-f", "json", "-f", "text"][..],
        &["scan", "-f", "json=a.json", "-o", "b.json"],
        &["scan", "-f", "yaml"],
        &["scan", "-f", "json="],
    ] {
        let run = world.stanch(arguments);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}: {}", run.err);
    }
    assert!(
        world.stanch(&["scan", "-f", "yaml"]).err.contains("sarif"),
        "it names those there are"
    );
}

#[test]
fn an_allowed_finding_is_counted_and_doesn_t_fail_the_scan() {
    let world = World::new();
    world.write("a.env", planted(TOKEN).0);
    let (_, before) = scan_json(&world, &[]);
    let fingerprint = before["findings"][0]["fingerprint"].as_str().unwrap();
    for condition in [
        format!("fingerprint = '{fingerprint}'"),
        format!("fingerprint = '{}'", &fingerprint[..8]),
        "path = '*.env'".to_owned(),
        format!("pattern = '{TOKEN}'"),
        "value = '^ghp_[A-Za-z0-9]+$'".to_owned(),
        format!("path = '**/a.env'\npattern = '{TOKEN}'\nvalue = 'ghp_'\nexpires = 2999-01-01"),
    ] {
        world.write("stanch.toml", format!("[[allow]]\nreason = 'revoked'\n{condition}\n"));
        let (code, report) = scan_json(&world, &[]);
        assert_eq!(code, 0, "{condition}: {report:#}");
        let suppressed = &report["suppressed"][0];
        assert_eq!(suppressed["suppression"]["reason"], "revoked");
        assert_eq!(suppressed["suppression"]["by"], "stanch.toml:1");
        let text = world.stanch(&["scan"]).out;
        assert!(text.contains("1 suppressed: 1 by the allowlist"), "{text}");
        assert_eq!(scan_json(&world, &["--no-config"]).0, 1);
    }
    for condition in ["path = 'b/*'", "pattern = 'aws-access-key'", "value = '^x$'"] {
        world.write("stanch.toml", format!("[[allow]]\nreason = 'r'\n{condition}\n"));
        assert_eq!(scan_json(&world, &[]).0, 1, "{condition}");
    }
}

#[test]
fn every_place_must_be_allowed() {
    let world = World::new();
    let text = planted(TOKEN).0;
    world.write("tests/a.env", &text);
    world.write("stanch.toml", "[[allow]]\npath = 'tests/**'\nreason = 'samples'\n");
    assert_eq!(world.stanch(&["scan"]).code, 0);
    world.write("src/b.env", &text);
    assert_eq!(world.stanch(&["scan"]).code, 1, "the same key stands in the code as well");
    world.write("src/b.env", format!("{} # gitleaks:allow", text.trim()));
    assert_eq!(world.stanch(&["scan"]).code, 0, "one place by path, the other by its mark");
}

#[test]
fn the_allowlist_of_the_repository_holds_below_it_and_no_further() {
    let world = World::new();
    world.write("repo/deep/down/a.env", planted(TOKEN).0);
    let entry = "[[allow]]\npath = 'deep/**'\nreason = 'samples'\n";
    world.write("stanch.toml", "[[allow]]\npath = '**'\nreason = 'not of this repository'\n");
    world.git(&["init", "--quiet", "repo"]);
    assert_eq!(world.stanch(&["scan", "repo/deep/down"]).code, 1, "it stops at the repository");
    world.write("repo/stanch.toml", entry);
    assert_eq!(world.stanch(&["scan", "repo/deep/down"]).code, 0);
    assert_eq!(world.stanch(&["scan", "repo/deep/down/a.env"]).code, 0);
    world.write("elsewhere.toml", entry);
    fs::remove_file(world.path("repo/stanch.toml")).unwrap();
    let with_config = ["scan", "repo", "--config", "elsewhere.toml"];
    assert_eq!(world.stanch(&with_config).code, 0, "relative to the repository");
}

#[test]
fn an_allowlist_speaks_for_its_own_folder_alone() {
    let world = World::new();
    for name in ["one", "two"] {
        world.git(&["init", "--quiet", name]);
        world.write(&format!("{name}/a.env"), planted(TOKEN).0);
    }
    world.write("one/stanch.toml", format!("[[allow]]\npattern = '{TOKEN}'\nreason = 'r'\n"));
    let (code, report) = scan_json(&world, &["one", "two"]);
    assert_eq!((code, &report["findings"][0]["path"]), (1, &json!("two/a.env")), "{report:#}");
    assert_eq!(report["suppressed"][0]["path"], "one/a.env");
}

#[test]
fn the_allowlist_means_the_same_in_history_and_index() {
    let world = World::new();
    world.git(&["init", "--quiet"]);
    world.write("tests/a.env", planted(TOKEN).0);
    world.write("stanch.toml", "[[allow]]\npath = 'tests/**'\nreason = 'samples'\n");
    world.git(&["add", "--all"]);
    assert_eq!(world.stanch(&["scan", "--staged"]).code, 0);
    world.commit("Samples");
    assert_eq!(world.stanch(&["scan", "--history"]).code, 0);
    assert_eq!(world.stanch(&["scan", "--history", "tests"]).code, 0);
}

#[test]
fn an_old_commit_without_the_mark_keeps_the_finding() {
    let world = World::new();
    world.git(&["init", "--quiet"]);
    let text = planted(TOKEN).0;
    world.write("a.env", &text);
    world.commit("Unmarked");
    world.write("a.env", format!("{} # stanch:allow a sample", text.trim()));
    world.commit("Marked");
    assert_eq!(world.stanch(&["scan"]).code, 0);
    assert_eq!(world.stanch(&["scan", "--history"]).code, 1);
}

#[test]
fn marks_are_honoured_and_can_be_switched_off() {
    let world = World::new();
    let text = planted(TOKEN).0;
    for mark in [
        "stanch:allow a sample",
        "gitleaks:allow",
        "trufflehog:ignore",
        "kingfisher:ignore",
        "betterleaks:allow",
        "pragma: allowlist secret",
    ] {
        world.write("a.env", format!("{} # {mark}\n", text.trim()));
        assert_eq!(world.stanch(&["scan"]).code, 0, "{mark}");
        assert_eq!(world.stanch(&["scan", "--no-inline-allow"]).code, 1, "{mark}");
    }
    world.write("a.env", format!("{} # stanch:allow\n", text.trim()));
    let (code, report) = scan_json(&world, &[]);
    assert_eq!((code, kinds(&report)), (1, vec!["mark-without-reason"]));
}

#[test]
fn what_is_out_of_date_is_reported() {
    let world = World::new();
    world.write("a.env", planted(TOKEN).0);
    let expired =
        "[[allow]]\npath = 'a.env'\nreason = 'r'\nexpires = '2020-01-31'\nowner = 'Ada'\n";
    world.write("stanch.toml", format!("{expired}[[allow]]\npath = 'b'\nreason = 'r'\n"));
    let (code, report) = scan_json(&world, &[]);
    assert_eq!((code, kinds(&report)), (1, vec!["expired", "unused"]));
    let text = world.stanch(&["scan"]).out;
    assert!(
        text.contains("stanch.toml:1: expired on 2020-01-31") && text.contains("Ada"),
        "{text}"
    );
    let (_, part) = scan_json(&world, &["--only", "aws"]);
    assert_eq!(kinds(&part), ["expired"], "what was not looked for isn't unused");
}

#[test]
fn a_wrong_allowlist_is_an_error_that_names_it_and_quotes_nothing() {
    let world = World::new();
    world.write("stanch.toml", "[[allow]]\npath = 'a'\nreason = 'r'\nvalu = 'hunter2'\n");
    let run = world.stanch(&["scan"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("stanch.toml") && run.err.contains("valu"), "{}", run.err);
    assert!(!run.err.contains("hunter2"), "{}", run.err);
    assert_eq!(world.stanch(&["scan", "--no-config"]).code, 0);
}

#[test]
fn only_what_is_new_counts_with_a_baseline() {
    let world = World::new();
    let (known, secrets) = planted(PASSWORD);
    world.write("a.env", format!("{}{known}", planted(TOKEN).0));
    assert_eq!(world.stanch(&["scan", "--baseline", "b"]).code, 2, "there is none yet");
    let run = world.stanch(&["baseline", "update", "b"]);
    assert_eq!((run.code, run.out.trim()), (0, "b: 2 known, 2 new, 0 dropped"));
    let text = fs::read_to_string(world.path("b")).unwrap();
    assert_absent(&secrets, &text, "the baseline");

    fs::rename(world.path("a.env"), world.path("moved.env")).unwrap();
    let content = fs::read_to_string(world.path("moved.env")).unwrap();
    world.write("moved.env", format!("\n\n{content}"));
    assert_eq!(world.stanch(&["scan", "--baseline", "b"]).code, 0, "moving changes nothing");
    assert_eq!(world.stanch(&["baseline", "update", "b"]).code, 0);
    assert_eq!(fs::read_to_string(world.path("b")).unwrap(), text, "nor does an update");

    world.write("new.env", planted(OTHER).0);
    let (code, report) = scan_json(&world, &["--baseline", "b"]);
    assert_eq!((code, report["findings"].as_array().unwrap().len()), (1, 1));
    fs::remove_file(world.path("moved.env")).unwrap();
    let (_, report) = scan_json(&world, &["--baseline", "b"]);
    assert_eq!(kinds(&report), ["stale-baseline", "stale-baseline"]);
    let run = world.stanch(&["baseline", "update", "b"]);
    assert_eq!(run.out.trim(), "b: 1 known, 1 new, 2 dropped");
}

#[test]
fn a_baseline_tells_nothing_across_repositories_and_needs_its_salt() {
    let world = World::new();
    world.write("a.env", format!("{}{}", planted(TOKEN).0, planted(PASSWORD).0));
    let lines = |name: &str| -> Vec<String> {
        assert_eq!(world.stanch(&["baseline", "update", name]).code, 0);
        let text = fs::read_to_string(world.path(name)).unwrap();
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    };
    let (one, two) = (lines("one"), lines("two"));
    assert_eq!(one.len(), 3);
    assert!(one.iter().all(|line| !two.contains(line)), "the same secrets, and no line in common");
    let fingerprints = world.stanch(&["scan", "-f", "jsonl"]).findings();
    for finding in fingerprints {
        let print = finding["fingerprint"].as_str().unwrap();
        assert!(!one.iter().any(|line| line.contains(print)), "no unkeyed digest");
    }
}

#[test]
fn a_partial_scan_drops_nothing_from_a_baseline() {
    let world = World::new();
    world.write("a.env", planted(TOKEN).0);
    assert_eq!(world.stanch(&["baseline", "update", "b"]).code, 0);
    let before = fs::read_to_string(world.path("b")).unwrap();
    let size = fs::metadata(world.path("a.env")).unwrap().len() + 1;
    world.write("a.env", format!("{}{}", planted(TOKEN).0, "x".repeat(size as usize)));
    let run = world.stanch(&["baseline", "update", "b", ".", "--max-size", &size.to_string()]);
    assert_eq!(run.code, 3, "{}", run.all());
    assert_eq!(fs::read_to_string(world.path("b")).unwrap(), before);
    assert_eq!(world.stanch(&["baseline", "update", "b", ".", "--only", "aws"]).code, 0);
    assert_eq!(fs::read_to_string(world.path("b")).unwrap(), before);
}

#[test]
fn only_and_severity_choose() {
    let world = World::new();
    world.write("a.env", format!("{}{}", planted(TOKEN).0, planted(PASSWORD).0));
    let count = |arguments: &[&str]| {
        let run = world.stanch(&[&["scan", "-f", "jsonl"], arguments].concat());
        (run.code, run.findings().len())
    };
    assert_eq!(count(&[]), (1, 2));
    assert_eq!(count(&["--only", TOKEN]), (1, 1));
    assert_eq!(count(&["--only", "code", "--only", "generic"]), (1, 2));
    assert_eq!(count(&["--only", "aws"]), (0, 0));
    assert_eq!(count(&["--severity", "critical", "--only", TOKEN]), (0, 0));
    let run = world.stanch(&["scan", "--only", "no-such"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("no-such") && run.err.contains("patterns list"), "{}", run.err);
}

#[test]
fn a_closing_line_says_what_was_read() {
    let world = World::new();
    world.git(&["init", "--quiet"]);
    world.write(".gitignore", "out/\n");
    world.write("out/a.txt", "x");
    world.write("b.txt", "x");
    let run = world.stanch(&["scan"]);
    assert!(
        run.err.contains("scanned 2 blobs") && run.err.contains("left out 1 file"),
        "{}",
        run.err
    );
    assert_eq!(world.stanch(&["scan", "--quiet"]).err, "");
}

#[test]
fn the_manual_has_a_page_a_command() {
    let world = World::new();
    assert!(world.stanch(&["man"]).out.contains(".TH stanch 1"));
    assert_eq!(world.stanch(&["man", "--output", "man"]).code, 0);
    for page in ["stanch.1", "stanch-scan.1", "stanch-baseline-update.1"] {
        assert!(world.path("man").join(page).is_file(), "{page}");
    }
}

#[test]
fn a_pattern_is_shown_and_a_near_name_is_offered() {
    let world = World::new();
    let run = world.stanch(&["patterns", "show", TOKEN]);
    assert_eq!(run.code, 0);
    for word in ["regex", "anchors", "check", "found in", "not found in", "code/github.toml"] {
        assert!(run.out.contains(word), "{word}: {}", run.out);
    }
    let run = world.stanch(&["patterns", "show", "github-token"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains(TOKEN), "{}", run.err);
}

#[test]
fn a_folder_of_one_s_own_patterns_is_tested() {
    let world = World::new();
    let file = "[provider]\nid = 'acme'\nname = 'Acme'\nclass = 'cloud'\nconsole = 'https://a.example'\n\
                [[pattern]]\nid = 'acme-key'\nseverity = 'high'\n\
                description = 'Acme key: its holder can read.'\n\
                regex = '\\b(?<key>acme_[a-z0-9]{20})\\b'\nanchors = ['acme_']\n\
                examples = ['a=«key»']\ncounterexamples = ['acme_short']\n";
    world.write("own/cloud/acme.toml", file);
    let run = world.stanch(&["patterns", "test", "own"]);
    assert_eq!((run.code, run.out.trim()), (0, "1 pattern keeps its promises"), "{}", run.err);
    world.write("own/cloud/acme.toml", file.replace("['acme_']", "['zzzz']"));
    let run = world.stanch(&["patterns", "test", "own"]);
    assert_eq!(run.code, 2);
    assert!(run.out.contains("acme-key") && run.out.contains("0 findings"), "{}", run.out);
    world.write("empty/readme", "");
    assert_eq!(world.stanch(&["patterns", "test", "empty"]).code, 2);
}
