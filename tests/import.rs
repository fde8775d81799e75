//! What other scanners' files say, in our formats.

mod world;

use std::fs;

use sha1::{Digest, Sha1};
use stanch::pattern::PatternSet;
use stanch::pattern::import::import;
use stanch::scan::Scanner;
use world::{World, assert_absent, planted};

const TOKEN: &str = "github-personal-token";
const PASSWORD: &str = "database-url-postgres";

/// Rules of a company that never was, in the documented format.
const RULES: &str = r#"
title = "Acme's rules"

[extend]
useDefault = true
disabledRules = ["some-rule"]

[[rules]]
id = "acme-token"
description = "Acme token"
regex = '''\b(acme_[a-z0-9]{20})(?:[^a-z0-9]|$)'''
keywords = ["acme_"]
entropy = 2.5
tags = ["acme"]

    [[rules.allowlists]]
    description = "samples of the manual"
    stopwords = ["sample"]

    [[rules.allowlists]]
    condition = "AND"
    regexes = ['''^acme_0''']
    paths = ['''^docs/''']

[[rules]]
id = "acme_pair"
description = "Acme pair"
regex = '''(?i)acme[\w.-]{0,20}\s*=\s*["']?([a-z0-9]{32})\b'''
secretGroup = 1
keywords = ["elsewhere"]

    [[rules.required]]
    id = "acme-account"
    withinLines = 3

[[rules]]
id = "acme-account"
regex = '''account-([0-9]{6})'''
skipReport = true

[[rules]]
id = "no-literal"
regex = '''[a-f0-9]{40}'''
keywords = ["acme"]

[[rules]]
id = "by-path"
path = '''\.p12$'''

[[rules]]
id = "in-path"
path = '''\.tf$'''
regex = '''acme-[0-9]{9}'''

[[rules]]
id = "either"
regex = '''acme-a-([0-9]{9})|acme-b-([0-9]{9})'''

[[rules]]
id = "programmed"
regex = '''acme-c-([0-9]{9})'''
filter = '''entropy(secret) > 3.0'''

[[rules]]
id = "inherits"

[[allowlists]]
description = "dependencies"
paths = ['''(^|/)vendor/''', '''v\d+/''']
commits = ["0123456789abcdef"]
regexes = ['''x''']
regexTarget = "line"
"#;

fn token(middle: &str) -> String {
    let drawn = planted(TOKEN).1.concat().to_ascii_lowercase();
    let random: String = drawn.chars().rev().filter(char::is_ascii_alphanumeric).collect();
    format!("acme_{middle}{}", &random[..20 - middle.len()])
}

#[test]
fn rules_that_can_be_expressed_find_what_they_found() {
    let imported = import("acme.toml", RULES).unwrap();
    assert_eq!(imported.patterns, 2, "{:#?}", imported.left_out);
    assert!(imported.extends_default);
    let file = ("imported.toml", imported.provider_file.as_str());
    let set = PatternSet::from_files([file]).unwrap();
    let scanner = Scanner::new(set);
    let found = |text: &str| -> Vec<String> {
        let detections = scanner.scan_bytes(text.as_bytes());
        detections.iter().map(|found| text[found.span.clone()].to_owned()).collect()
    };
    let token = token("");
    assert_eq!(found(&format!("a = {token} ")), [token.as_str()]);
    let hex = &Sha1::digest(&token).iter().map(|b| format!("{b:02x}")).collect::<String>()[..32];
    assert_eq!(found(&format!("acme.key = '{hex}'\n# account-123456")), [hex]);
    assert!(found(&format!("acme.key = '{hex}'\n")).is_empty(), "it needs its account");
}

#[test]
fn what_can_t_be_expressed_is_listed_with_its_reason() {
    let imported = import("acme.toml", RULES).unwrap();
    let listed: Vec<String> =
        imported.left_out.iter().map(|left| format!("{}: {}", left.what, left.why)).collect();
    let listed = listed.join("\n");
    for expected in [
        "disabledRules some-rule: ",
        "rule acme_pair: found also where none of its keywords",
        "rule acme_pair: a match is at most 4096 bytes long",
        "rule no-literal: no text of three characters",
        "rule by-path: it finds files by their path",
        "rule in-path: it looks in some paths only",
        "rule either: its secret may be any of several groups",
        "rule programmed: its `filter` is a program",
        "rule inherits: it has no regex",
        "the global allowlist, allowlist: commits",
        "the global allowlist, allowlist: its regexes look at the whole line",
    ] {
        assert!(listed.contains(expected), "{expected:?} is not in\n{listed}");
    }
    assert!(import("a", "not = [").is_err());
}

#[test]
fn a_rule_file_is_used_directly() {
    let world = World::new();
    world.write("rules.toml", RULES);
    world.write("a.env", format!("key = {}\n", token("")));
    world.write("b.env", planted(TOKEN).0);
    let scan = |rules: &str| {
        let run = world.stanch(&["scan", ".", "-f", "jsonl", "--rules", rules]);
        let patterns: Vec<String> = run
            .findings()
            .iter()
            .map(|finding| finding["pattern"].as_str().unwrap().to_owned())
            .collect();
        (patterns, run.err)
    };
    let (patterns, errors) = scan("rules.toml");
    assert_eq!(patterns, ["imported-acme-token", TOKEN], "it extends what there is");
    assert!(errors.contains("not expressed: rule by-path"), "{errors}");
    world.write("alone.toml", RULES.replace("useDefault = true", "useDefault = false"));
    assert_eq!(scan("alone.toml").0, ["imported-acme-token"]);

    world.write("a.env", format!("key = {}\n", token("sample")));
    assert!(scan("alone.toml").0.is_empty(), "a stop word");
    let zero = token("0");
    world.write("a.env", format!("key = {zero}\n"));
    assert_eq!(scan("alone.toml").0.len(), 1, "one of two conditions is not enough");
    fs::remove_file(world.path("a.env")).unwrap();
    world.write("docs/a.env", format!("key = {zero}\n"));
    assert!(scan("alone.toml").0.is_empty(), "both are");
    world.write("x/vendor/a.env", format!("key = {}\n", token("")));
    assert!(scan("alone.toml").0.is_empty(), "the global list");
}

#[test]
fn what_is_imported_is_a_folder_of_provider_files_and_an_allowlist() {
    let world = World::new();
    world.write("rules.toml", RULES);
    let run = world.stanch(&["patterns", "import", "rules.toml", "--output", "own"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.starts_with("[[allow]]"), "{}", run.out);
    world.write("stanch.toml", run.out);
    world.write("a.env", format!("key = {}\n", token("")));
    let scan = ["scan", "-f", "jsonl", "--patterns", "own"];
    assert_eq!(world.stanch(&scan).findings()[0]["pattern"], "imported-acme-token");
    world.write("a.env", format!("key = {}\n", token("sample")));
    assert_eq!(world.stanch(&scan).code, 0);
    let again = world.stanch(&["patterns", "import", "rules.toml", "--output", "own"]);
    assert_eq!(again.code, 2, "nothing is overwritten");
    let shown = world.stanch(&["patterns", "import", "rules.toml"]).out;
    assert!(shown.contains("[[pattern]]") && shown.contains("[[allow]]"), "{shown}");
}

#[test]
fn an_ignore_list_becomes_fingerprints() {
    let world = World::new();
    world.git(&["init", "--quiet"]);
    let (old, secrets) = planted(TOKEN);
    world.write("old.env", format!("\n{old}"));
    let commit = world.commit("Old");
    fs::remove_file(world.path("old.env")).unwrap();
    world.write("new.env", planted(PASSWORD).0);
    let lines = format!("# known\n{commit}:old.env:any-rule:2\nnew.env:any-rule:1\ngone.env:x:7\n");
    world.write(".gitleaksignore", lines);
    assert_eq!(world.stanch(&["scan", "--history"]).code, 1);
    let run = world.stanch(&["patterns", "import", ".gitleaksignore"]);
    assert!(run.err.contains("not expressed: gone.env:x:7"), "{}", run.err);
    assert_absent(&secrets, &run.all(), "the allowlist");
    world.write("stanch.toml", run.out);
    assert_eq!(world.stanch(&["scan", "--history"]).code, 0);
}

#[test]
fn a_baseline_of_detect_secrets_becomes_fingerprints_wherever_the_secret_is_now() {
    let world = World::new();
    let (text, secrets) = planted(PASSWORD);
    world.write("moved/now.env", format!("\n\n{text}"));
    let password = secrets.first().unwrap();
    let hash: String = Sha1::digest(password).iter().map(|byte| format!("{byte:02x}")).collect();
    let known = |file: &str, hash: &str| {
        serde_json::json!({ "type": "Basic Auth Credentials", "filename": file,
            "hashed_secret": hash, "is_verified": false, "is_secret": false, "line_number": 1 })
    };
    let gone = "0".repeat(40);
    let baseline = serde_json::json!({ "version": "1.5.0", "results": {
        "then.env": [known("then.env", &hash)], "gone.env": [known("gone.env", &gone)] } });
    world.write(".secrets.baseline", baseline.to_string());
    let run = world.stanch(&["patterns", "import", ".secrets.baseline"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains("audited as no secret"), "{}", run.out);
    assert!(run.err.contains("gone.env:1"), "{}", run.err);
    world.write("stanch.toml", &run.out);
    assert_eq!(world.stanch(&["scan"]).code, 0);
}
