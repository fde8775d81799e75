//! `stanch scan` as people and machines use it.

mod world;

use std::fs;

use expect_test::expect;
use stanch::pattern::PatternSet;
use world::{World, assert_absent, planted};

const TOKEN: &str = "github-personal-token";

#[test]
fn a_key_in_a_deleted_file_of_an_old_commit_is_found_with_its_commit() {
    let world = World::new();
    let (text, secrets) = planted("aws-access-key");
    world.git(&["init", "--quiet"]);
    world.write("deploy/prod.env", &text);
    let commit = world.commit("Deploy");
    fs::remove_file(world.path("deploy/prod.env")).unwrap();
    world.commit("Clean up");

    assert_eq!(world.stanch(&["scan", "."]).code, 0, "no present file holds it");
    let run = world.stanch(&["scan", ".", "--history", "--format", "jsonl"]);
    assert_eq!(run.code, 1);
    let [finding] = &run.findings()[..] else { panic!("one pair is one finding: {}", run.out) };
    assert_eq!(finding["pattern"], "aws-access-key");
    assert_eq!((&finding["commit"], &finding["path"]), (&commit.into(), &"deploy/prod.env".into()));
    let place = &finding["locations"][0];
    assert_eq!(place["author"], "Ada <ada@example.com>");
    assert_eq!(place["date"], "2026-01-02T03:04:05+01:00");
    assert_eq!(place["source"], "blob");
    assert_absent(&secrets, &run.all(), "the report");
}

#[test]
fn the_fingerprint_stays_when_the_secret_moves() {
    let (text, _) = planted(TOKEN);
    let fingerprint = |world: &World| {
        let findings = world.stanch(&["scan", "-f", "jsonl"]).findings();
        assert_eq!(findings.len(), 1);
        findings[0]["fingerprint"].clone()
    };
    let (here, there) = (World::new(), World::new());
    here.write("a.txt", &text);
    there.write("deep/down/b.yml", format!("# moved\n\n\n  {text}"));
    assert_eq!(fingerprint(&here), fingerprint(&there));
}

#[test]
fn every_place_of_one_secret_is_listed_under_one_finding() {
    let world = World::new();
    let (text, _) = planted(TOKEN);
    for name in ["c.txt", "a.txt", "b/d.txt"] {
        world.write(name, &text);
    }
    let findings = world.stanch(&["scan", "-f", "jsonl"]).findings();
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    let paths: Vec<_> =
        finding["locations"].as_array().unwrap().iter().map(|l| &l["path"]).collect();
    assert_eq!(paths, ["a.txt", "b/d.txt", "c.txt"]);
}

#[test]
fn the_report_is_the_same_for_any_number_of_threads() {
    let world = World::new();
    world.git(&["init", "--quiet"]);
    let set = PatternSet::embedded().unwrap();
    for (number, pattern) in set.patterns().iter().enumerate() {
        world.write(&format!("{}/{number}.txt", number % 7), planted(&pattern.id).0);
    }
    world.commit("Everything");
    let report = |jobs: &str| {
        let run = world.stanch(&["scan", ".", "--history", "-f", "jsonl", "--jobs", jobs]);
        assert_eq!(run.code, 1, "{}", run.err);
        run.out
    };
    let one = report("1");
    assert_eq!(one, report("2"));
    assert_eq!(one, report("8"));
}

#[test]
fn staged_content_counts_and_not_the_file() {
    let world = World::new();
    let (text, _) = planted(TOKEN);
    world.git(&["init", "--quiet"]);
    world.write("a.txt", &text);
    world.git(&["add", "a.txt"]);
    world.write("a.txt", "cleaned in the folder only\n");
    let run = world.stanch(&["scan", "--staged", "-f", "jsonl"]);
    assert_eq!(run.code, 1);
    assert_eq!(run.findings()[0]["locations"][0]["source"], "staged");
}

#[test]
fn standard_input_is_scanned() {
    let world = World::new();
    let (text, _) = planted(TOKEN);
    assert_eq!(world.stanch_with(&["scan", "-"], &[], &text).code, 1);
    assert_eq!(world.stanch_with(&["scan", "-"], &[], "nothing here\n").code, 0);
}

#[test]
fn people_see_where_what_and_what_next() {
    let world = World::new();
    // The same key in every run, so that the text can be compared; it is made of halves.
    let id = ["AKIAYQ7WB2KD", "M5TNRHXC"].concat();
    let secret = ["wq3pVrTz81xKc0YbNh5L", "m7DfGs2JaQe9RuW4oXiB"].concat();
    world.write("prod.env", format!("AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY={secret}\n"));
    let run = world.stanch(&["scan"]);
    assert_eq!(run.code, 1);
    expect![[r#"
        high  aws-access-key  99b601ed
          AWS access key: its holder can do whatever its user or role may do in the account.
          id: AKIA_ID
          proved offline: AWS account 586242183814
          prod.env:2:23  AWS_SECRET_ACCESS_KEY=…oXiB
          next: stanch contain 99b601ed

        1 credential in 1 place; scanned 1 blob, 0.0 MB
    "#]]
    .assert_eq(&run.out.replace(&id, "AKIA_ID"));
    assert_absent(&[secret], &run.all(), "the text");
}

/// Every writer, and `--verbose`, with a key of every kind in the input.
#[test]
fn no_secret_reaches_any_output() {
    let world = World::new();
    let set = PatternSet::embedded().unwrap();
    let mut secrets = Vec::new();
    for pattern in set.patterns() {
        let (text, filled) = planted(&pattern.id);
        // Twice on a line with a neighbour, where excerpts could show one beside the other.
        world.write(
            &format!("{}.txt", pattern.id),
            format!("{text}{}", text.replace('\n', " ").repeat(2)),
        );
        secrets.extend(filled);
    }
    for format in world::formats() {
        let run = world.stanch(&["scan", ".", "--verbose", "--format", &format]);
        assert_eq!(run.code, 1);
        assert_absent(&secrets, &run.all(), &format);
    }
    let written = world.path("report.sarif");
    let run = world.stanch(&["scan", ".", "-f", "sarif", "-o", written.to_str().unwrap()]);
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert_absent(&secrets, &fs::read_to_string(written).unwrap(), "the file");
    assert_absent(&secrets, &world::everything_in(&world.home()), "the data folder");
}

#[test]
fn explain_tells_each_pattern_s_fate_and_no_secret() {
    let world = World::new();
    let set = PatternSet::embedded().unwrap();
    let mut secrets = Vec::new();
    for pattern in set.patterns() {
        let (text, filled) = planted(&pattern.id);
        let name = format!("{}.txt", pattern.id);
        world.write(&name, text);
        let run = world.stanch(&["scan", "--explain", &name]);
        let is_found =
            |line: &str| line.contains(&format!("{} ", pattern.id)) && line.contains("found: ");
        assert!(run.code == 0 && run.out.lines().any(is_found), "{}", run.all());
        assert_absent(&filled, &run.all(), "the explanation");
        secrets.extend(filled);
    }
    world.write("other.env", "TOKEN=ghp_short\n\nNPM_TOKEN=npm_short\n");
    let run = world.stanch(&["scan", "--explain", "other.env:1"]);
    assert_eq!(run.out, "other.env:1  github-personal-token  no match: an anchor only\n");
    let run = world.stanch(&["scan", "--explain", "other.env:2"]);
    assert_eq!(run.out, "no pattern has an anchor there\n");
    let run = world.stanch(&["scan", "--explain", "nowhere.env:2"]);
    assert!(run.code == 2 && run.err.contains("hint: "), "{}", run.err);
}

#[test]
fn sarif_names_rule_place_and_fingerprint() {
    let world = World::new();
    world.write("dir with space/a.txt", planted(TOKEN).0);
    let run = world.stanch(&["scan", "-f", "sarif"]);
    let log: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let result = &log["runs"][0]["results"][0];
    assert_eq!((&log["version"], &result["ruleId"]), (&"2.1.0".into(), &TOKEN.into()));
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "dir%20with%20space/a.txt");
    assert_eq!(place["region"]["startLine"], 1);
    assert!(result["partialFingerprints"].as_object().unwrap().len() == 1);
}

#[test]
fn control_characters_of_a_path_never_reach_the_terminal() {
    let world = World::new();
    world.git(&["init", "--quiet"]);
    // Not every file system takes such a name; every index does.
    let blob = world.write("a.txt", planted(TOKEN).0);
    let id = world.git(&["hash-object", "-w", blob.to_str().unwrap()]);
    world.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{id},a\u{1b}[2Jb.txt")]);
    let run = world.stanch(&["scan", "--staged"]);
    assert_eq!(run.code, 1);
    assert!(!run.out.contains('\u{1b}') && run.out.contains("a?[2Jb.txt"), "{}", run.out);
}

#[test]
fn what_can_t_be_scanned_is_said_with_its_remedy() {
    let world = World::new();
    let failed = |arguments: &[&str], says: &[&str]| {
        let run = world.stanch(arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.all());
        for word in says.iter().chain(&["error: ", "hint: "]) {
            assert!(run.err.contains(word), "{arguments:?}: no {word:?} in {}", run.err);
        }
    };
    failed(&["scan", ".", "--history"], &["git repository"]);
    failed(&["scan", "--staged"], &["git repository"]);
    failed(&["scan", "not-there"], &["not-there"]);
    failed(&["scan", "--patterns", "not-there"], &["not-there"]);
    world.write("own/a.toml", "[provider]\nid = 'a'\nnaem = 'A'\n");
    failed(&["scan", "--patterns", "own"], &["a.toml", "naem"]);
}

#[test]
fn a_corrupt_pack_is_a_partial_scan_and_the_rest_is_scanned() {
    let world = World::new();
    let (text, _) = planted(TOKEN);
    world.git(&["init", "--quiet"]);
    world.write("packed.txt", "first\n".repeat(100));
    world.commit("Packed");
    world.git(&["repack", "--quiet", "-a", "-d"]);
    world.write("loose.txt", text);
    world.commit("Loose");
    let packs = fs::read_dir(world.path(".git/objects/pack")).unwrap().map(|e| e.unwrap().path());
    let pack =
        packs.into_iter().find(|path| path.extension().is_some_and(|e| e == "pack")).unwrap();
    let mut bytes = fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes.truncate(middle);
    fs::remove_file(&pack).unwrap();
    fs::write(&pack, bytes).unwrap();

    let run = world.stanch(&["scan", ".", "--history", "-f", "json"]);
    let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!((run.code, &report["status"]), (3, &"partial".into()), "{}", run.err);
    assert!(!report["coverage"]["gaps"].as_array().unwrap().is_empty());
    assert_eq!(report["findings"][0]["pattern"], TOKEN, "what can be read is scanned");
}

#[test]
fn the_repository_passes_its_own_scan() {
    let world = World::new();
    let run = world.stanch(&["scan", env!("CARGO_MANIFEST_DIR")]);
    assert_eq!(run.code, 0, "{}", run.all());
}

#[test]
fn a_file_over_the_limit_makes_the_scan_partial() {
    let world = World::new();
    world.write("large.txt", "x".repeat(2000));
    let run = world.stanch(&["scan", "--max-size", "1K"]);
    assert_eq!(run.code, 3);
    assert!(run.out.contains("large.txt") && run.out.contains("--max-size"), "{}", run.out);
    assert_eq!(world.stanch(&["scan", "--max-size", "2K"]).code, 0);
}

#[test]
fn a_hook_reads_the_index_that_git_names_to_it() {
    let world = World::new();
    world.git(&["init", "--quiet"]);
    world.write("a.txt", "clean\n");
    world.commit("First");
    world.write("a.txt", planted(TOKEN).0);
    // What `git commit a.txt` does: an index of its own, and the real one untouched.
    fs::copy(world.path(".git/index"), world.path(".git/other-index")).unwrap();
    let other = world.path(".git/other-index");
    let other = other.to_str().unwrap();
    let blob = world.git(&["hash-object", "-w", "a.txt"]);
    let entry = format!("100644,{blob},a.txt");
    world.git_with(&[("GIT_INDEX_FILE", other)], &["update-index", "--cacheinfo", &entry]);
    let staged =
        |variables: &[(&str, &str)]| world.stanch_with(&["scan", "--staged"], variables, "").code;
    assert_eq!(staged(&[]), 0);
    assert_eq!(staged(&[("GIT_INDEX_FILE", other)]), 1);
}

#[test]
fn one_secret_beside_two_key_ids_is_the_same_finding_in_every_run() {
    let world = World::new();
    let (text, secrets) = planted("aws-access-key");
    let (other, others) = planted("aws-access-key");
    world.write("a.env", &text);
    world.write("b.env", other.replace(&others[0], &secrets[0]));
    let credential = || {
        let findings = world.stanch(&["scan", "-f", "jsonl", "--jobs", "8"]).findings();
        assert_eq!(findings.len(), 1);
        findings[0]["public"]["id"].clone()
    };
    let first = credential();
    for _ in 0..10 {
        assert_eq!(credential(), first);
    }
}

#[test]
fn a_commit_is_not_held_up_by_what_stood_in_the_file_before() {
    let world = World::new();
    let (old, _) = planted("openai-service-account-key");
    let (new, _) = planted("github-personal-token");
    world.git(&["init", "--quiet"]);
    world.write("keys.env", format!("{old}# the end\n"));
    world.commit("an old key");
    world.write("keys.env", format!("{old}# a harmless line\n# the end\n"));
    world.git(&["add", "keys.env"]);
    assert_eq!(world.stanch(&["scan", "--staged"]).code, 0);
    assert_eq!(world.stanch(&["scan", "--staged", "--whole-files"]).code, 1);

    world.commit("a harmless line");
    assert_eq!(world.stanch(&["scan", "--range", "HEAD~1.."]).code, 0);
    assert_eq!(world.stanch(&["scan", "--since", "HEAD~1"]).code, 0);
    assert_eq!(world.stanch(&["scan", "--since", "HEAD~1", "--whole-files"]).code, 1);
    assert_eq!(world.stanch(&["scan", "--whole-files"]).code, 2);

    world.write("keys.env", format!("{old}{new}# the end\n"));
    world.git(&["add", "keys.env"]);
    let run = world.stanch(&["scan", "--staged", "--format", "jsonl"]);
    let found: Vec<_> =
        run.findings().into_iter().map(|finding| finding["pattern"].clone()).collect();
    assert_eq!(found, ["github-personal-token"], "{run:?}");
}

#[test]
fn a_credential_counts_where_any_of_its_parts_is_new() {
    let world = World::new();
    let (text, _) = planted("aws-access-key");
    let id = text.lines().next().unwrap().to_owned();
    world.git(&["init", "--quiet"]);
    world.write("keys.env", format!("{id}\n"));
    world.commit("only the id");
    world.write("keys.env", &text);
    world.git(&["add", "keys.env"]);
    let run = world.stanch(&["scan", "--staged", "--format", "jsonl"]);
    assert_eq!((run.code, run.findings().len()), (1, 1), "{text} {run:?}");
}

#[test]
fn a_range_is_scanned_and_nothing_beside_it() {
    let world = World::new();
    let (old, _) = planted("openai-service-account-key");
    let (new, _) = planted("github-personal-token");
    world.git(&["init", "--quiet"]);
    world.write("old.env", &old);
    let first = world.commit("an old key");
    world.write("new.env", &new);
    let second = world.commit("a new key");
    fs::remove_file(world.path("new.env")).unwrap();
    world.commit("removed");

    for words in [&["--range", &format!("{first}..")][..], &["--since", &first]] {
        let run = world.stanch(&[&["scan", "--format", "jsonl"][..], words].concat());
        let findings = run.findings();
        assert_eq!((run.code, findings.len()), (1, 1), "{run:?}");
        assert_eq!(findings[0]["pattern"], "github-personal-token");
        assert_eq!(findings[0]["locations"][0]["commit"], *second);
    }
    assert_eq!(world.stanch(&["scan", "--range", "HEAD~1..HEAD"]).code, 0);
    assert_eq!(world.stanch(&["scan", "--since", "2026-01-03"]).code, 0);
    assert_eq!(world.stanch(&["scan", "--since", "2026-01-01"]).code, 1);
    let run = world.stanch(&["scan", "--range", "nowhere..HEAD"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("no revision \"nowhere\"") && run.err.contains("hint"), "{run:?}");
}
