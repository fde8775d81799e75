//! Where a credential came from and what became of it, as git itself tells it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

use crate::world::{World, assert_absent, planted};

const TOKEN: &str = "github-personal-token";
const DAY: i64 = 86_400;
const EPOCH: i64 = 1_700_000_000;

/// Commits everything on a day, and returns the id of the commit.
fn commit_on(world: &World, day: i64, message: &str) -> String {
    let date = format!("{} +0200", EPOCH + day * DAY);
    let dates = [("GIT_COMMITTER_DATE", &*date), ("GIT_AUTHOR_DATE", "1600000000 +0000")];
    world.git(&["add", "--all"]);
    world.git_with(&dates, &["commit", "--quiet", "--allow-empty", "-m", message]);
    world.git(&["rev-parse", "HEAD"])
}

fn repository() -> World {
    let world = World::new();
    world.git(&["init", "--quiet"]);
    commit_on(&world, 0, "root");
    world
}

/// Returns the provenance of the only finding, which is the same however the objects are stored.
fn provenance(world: &World) -> Value {
    let run = || {
        let run = world.stanch(&["scan", "--history", "--all-objects", "-f", "jsonl"]);
        let findings = run.findings();
        let [finding] = &findings[..] else { panic!("{}", run.all()) };
        finding["provenance"].clone()
    };
    let loose = run();
    world.git(&["repack", "-adfq", "--depth=50", "--keep-unreachable"]);
    assert_eq!(run(), loose);
    loose
}

fn days(value: &Value) -> i64 {
    value["exposure"]["days"].as_i64().unwrap()
}

#[test]
fn a_credential_is_told_from_its_first_commit_to_the_one_that_took_it_away() {
    let world = repository();
    let (text, secrets) = planted(TOKEN);
    world.write("old.env", &text);
    let first = commit_on(&world, 10, "Add the environment\n\nAnd a body.");
    fs::create_dir(world.path("deploy")).unwrap();
    world.git(&["mv", "old.env", "deploy/new.env"]);
    commit_on(&world, 20, "Move it");
    world.write("deploy/new.env", format!("# more\n{text}# and more\n"));
    commit_on(&world, 30, "Edit it");
    let last = commit_on(&world, 40, "Nothing");
    world.write("deploy/new.env", "# more\n");
    let removed = commit_on(&world, 45, "Take it out");
    commit_on(&world, 50, "Later");

    let found = provenance(&world);
    assert_eq!(found["first"]["commit"], first);
    assert_eq!(found["first"]["author"], "Ada <ada@example.com>");
    assert_eq!(found["first"]["authored"], "2020-09-13T12:26:40+00:00");
    assert_eq!(found["first"]["committer"], "Bea <bea@example.com>");
    assert_eq!(found["first"]["committed"], "2023-11-25T00:13:20+02:00");
    assert_eq!(found["first"]["subject"], "Add the environment");
    assert_eq!(found["last"]["commit"], last);
    assert_eq!(found["removed"]["commit"], removed);
    assert_eq!(found["paths"], serde_json::json!(["old.env", "deploy/new.env"]));
    assert_eq!((&found["is_in_head"], &found["is_reachable"]), (&false.into(), &true.into()));
    assert_eq!(found["exposure"]["until"], found["removed"]["committed"]);
    assert_eq!(days(&found), 35);

    let text = world.stanch(&["scan", "--history"]).out;
    let told = format!(
        "exposed for 35 days, until commit {} of 2023-12-30 took it away; HEAD no longer shows it, a branch or tag still reaches it",
        &removed[..12]
    );
    assert!(text.contains(&told), "{text}");
    assert!(text.contains("\"Add the environment\", committed by Bea"), "{text}");
    assert_absent(&secrets, &text, "the report");
}

#[test]
fn what_head_shows_is_exposed_until_now() {
    let world = repository();
    world.write("a.env", planted(TOKEN).0);
    let first = commit_on(&world, 1, "Add it");
    let last = commit_on(&world, 2, "Later");
    let found = provenance(&world);
    assert_eq!(
        (&found["first"]["commit"], &found["last"]["commit"]),
        (&first.into(), &last.into())
    );
    assert_eq!(found["removed"], Value::Null);
    assert_eq!(found["exposure"]["until"], Value::Null);
    assert_eq!(found["is_in_head"], true);
    assert!(days(&found) > 365);
    assert!(world.stanch(&["scan", "--history"]).out.contains("until now; HEAD still shows it"));
}

#[test]
fn what_only_a_branch_shows_is_not_gone() {
    let world = repository();
    world.write("a.env", planted(TOKEN).0);
    commit_on(&world, 1, "Add it");
    world.git(&["branch", "release"]);
    fs::remove_file(world.path("a.env")).unwrap();
    commit_on(&world, 2, "Remove it here");
    let found = provenance(&world);
    assert_eq!(found["removed"], Value::Null);
    assert_eq!((&found["is_in_head"], &found["is_reachable"]), (&false.into(), &true.into()));
    world.git(&["branch", "--quiet", "-D", "release"]);
    assert_ne!(provenance(&world)["removed"], Value::Null);
}

#[test]
fn what_no_branch_or_tag_reaches_is_told_so() {
    let world = repository();
    world.write("a.env", planted(TOKEN).0);
    let first = commit_on(&world, 1, "Add it");
    world.git(&["tag", "-a", "v1", "-m", "a tag"]);
    world.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    let reach = |found: Value| (found["is_in_head"].clone(), found["is_reachable"].clone());
    assert_eq!(reach(provenance(&world)), (false.into(), true.into()));
    world.git(&["tag", "-d", "v1"]);
    let found = provenance(&world);
    assert_eq!(found["first"]["commit"], first);
    assert_eq!(reach(found), (false.into(), false.into()));
}

/// Returns by what else the only finding is reached, where no branch or tag does.
fn reached_by(world: &World) -> Value {
    let found = provenance(world);
    assert_eq!(found["is_reachable"], false);
    // From what is remembered, the same is told.
    let again = world.stanch(&["scan", "--history", "--all-objects", "-f", "jsonl"]).findings();
    assert_eq!(again[0]["provenance"], found);
    let text = world.stanch(&["scan", "--history", "--all-objects"]).out;
    let told = match found["reached_by"].as_str() {
        Some(name) => format!("no branch or tag reaches it, but {name} does"),
        None => "no branch or tag reaches it any more, the repository still has it".to_owned(),
    };
    assert!(text.contains(&told), "{text}");
    found["reached_by"].clone()
}

#[test]
fn what_a_note_holds_is_reached_by_the_notes() {
    let world = repository();
    world.git(&["notes", "add", "-m", planted(TOKEN).0.trim()]);
    assert_eq!(reached_by(&world), "refs/notes/commits");
    world.git(&["update-ref", "-d", "refs/notes/commits"]);
    assert_eq!(reached_by(&world), Value::Null);
}

#[test]
fn what_a_forge_keeps_a_reference_to_is_reached_by_the_first_of_them() {
    let world = repository();
    world.write("a.env", planted(TOKEN).0);
    let id = commit_on(&world, 1, "Add it");
    let later = commit_on(&world, 2, "Nothing");
    world.git(&["reset", "--quiet", "--hard", "HEAD~2"]);
    assert_eq!(reached_by(&world), Value::Null, "a log is no reference");
    world.git(&["update-ref", "refs/pull/7/head", &later]);
    assert_eq!(reached_by(&world), "refs/pull/7/head");
    world.git(&["update-ref", "refs/pull/30/head", &id]);
    assert_eq!(reached_by(&world), "refs/pull/30/head");
    world.git(&["pack-refs", "--all"]);
    world.git(&["update-ref", "refs/changes/01/1/1", &later]);
    assert_eq!(reached_by(&world), "refs/changes/01/1/1");
    world.git(&["branch", "kept", &later]);
    let found = provenance(&world);
    assert_eq!((&found["is_reachable"], &found["reached_by"]), (&true.into(), &Value::Null));
}

#[test]
fn messages_and_blobs_are_reached_by_what_names_them() {
    let world = repository();
    let (text, _) = planted(TOKEN);
    commit_on(&world, 1, &format!("Use {}", text.trim()));
    world.git(&["update-ref", "refs/changes/01/1/1", "HEAD"]);
    world.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    assert_eq!(reached_by(&world), "refs/changes/01/1/1");

    let world = repository();
    world.git(&["tag", "-a", "v1", "-m", text.trim()]);
    world.git(&["update-ref", "refs/original/v1", "refs/tags/v1"]);
    world.git(&["tag", "-d", "v1"]);
    assert_eq!(reached_by(&world), "refs/original/v1");

    let world = repository();
    let blob = world.write("a.env", text);
    let id = world.git(&["hash-object", "-w", blob.to_str().unwrap()]);
    fs::remove_file(blob).unwrap();
    world.git(&["update-ref", "refs/kept/blob", &id]);
    assert_eq!(reached_by(&world), "refs/kept/blob");
}

#[test]
fn of_commits_of_one_second_the_first_is_that_of_the_lowest_id_however_they_are_stored() {
    let world = repository();
    let (text, start) = (planted(TOKEN).0, world.git(&["rev-parse", "HEAD"]));
    let commit = |number: usize| {
        world.git(&["checkout", "--quiet", "-b", &format!("branch-{number}"), &start]);
        world.write(&format!("{number}.env"), &text);
        commit_on(&world, 1, &format!("Add it as {number}"))
    };
    let lowest = (0..8).map(commit).min();
    assert_eq!(provenance(&world)["first"]["commit"].as_str(), lowest.as_deref());
    world.git(&["gc", "--quiet"]);
    assert_eq!(provenance(&world)["first"]["commit"].as_str(), lowest.as_deref());
}

#[test]
fn what_stands_in_a_tree_is_reached_by_what_names_the_tree() {
    let world = repository();
    world.write("folder/a.env", planted(TOKEN).0);
    commit_on(&world, 1, "Add it");
    let tree = world.git(&["rev-parse", "HEAD^{tree}"]);
    world.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    world.git(&["update-ref", "refs/kept/tree", &tree]);
    assert_eq!(reached_by(&world), "refs/kept/tree");
    world.git(&["update-ref", "refs/changes/01/1/1", "HEAD@{1}"]);
    assert_eq!(reached_by(&world), "refs/changes/01/1/1");
    // As the Linux kernel has one.
    world.git(&["tag", "-a", "v0-tree", "-m", "a tag of a tree", &tree]);
    let found = provenance(&world);
    assert_eq!((&found["is_reachable"], &found["reached_by"]), (&true.into(), &Value::Null));
    world.git(&["tag", "-d", "v0-tree"]);
    world.git(&["tag", "light", &tree]);
    assert_eq!(provenance(&world)["is_reachable"], true);
}

#[test]
fn the_latest_stash_is_reached_by_a_reference_and_an_older_one_by_none() {
    let world = repository();
    world.write("a.env", planted(TOKEN).0);
    world.git(&["add", "--all"]);
    world.git(&["stash", "--quiet"]);
    assert_eq!(reached_by(&world), "refs/stash");
    world.write("b", "nothing\n");
    world.git(&["add", "--all"]);
    world.git(&["stash", "--quiet"]);
    assert_eq!(reached_by(&world), Value::Null);
}

#[test]
fn the_subject_of_a_commit_shows_no_secret() {
    let world = repository();
    let (text, secrets) = planted(TOKEN);
    let id = commit_on(&world, 1, &format!("Use {}", text.trim()));
    let found = provenance(&world);
    assert_eq!(
        (&found["first"]["commit"], &found["last"]["commit"]),
        (&id.clone().into(), &id.into())
    );
    assert_eq!(found["is_in_head"], true);
    assert!(found["first"]["subject"].as_str().unwrap().starts_with("Use "));
    for format in crate::world::formats() {
        let run = world.stanch(&["scan", "--history", "--format", &format]);
        assert_absent(&secrets, &run.all(), &format);
    }
}

/// A commit of a made-up history.
#[derive(Clone, Default)]
struct Made {
    parents: Vec<usize>,
    /// What each path holds: the number of a secret.
    files: BTreeMap<String, usize>,
}

/// Makes a history of branches and merges, in which secrets come, move and go.
fn made(rng: &mut StdRng, secrets: usize) -> Vec<Made> {
    let paths = ["a", "b/a", "b/c/a", "b/c/d", "e"];
    let mut commits = vec![Made::default()];
    while commits.len() < 60 {
        let recent = |rng: &mut StdRng, commits: &[Made]| {
            commits.len() - 1 - rng.random_range(0..commits.len().min(6))
        };
        let parent = recent(rng, &commits);
        let mut next = Made { parents: vec![parent], files: commits[parent].files.clone() };
        let other = recent(rng, &commits);
        if rng.random_bool(0.2) && other != parent {
            next.parents.push(other);
            next.files.extend(commits[other].files.clone());
        }
        for _ in 0..rng.random_range(0..3) {
            let path = paths[rng.random_range(0..paths.len())].to_owned();
            match rng.random_bool(0.4) {
                true => _ = next.files.insert(path, rng.random_range(0..secrets)),
                false => _ = next.files.remove(&path),
            }
        }
        commits.push(next);
    }
    commits
}

fn imported(commits: &[Made], texts: &[String]) -> crate::repo::Repo {
    let repo = crate::repo::Repo::new();
    let mut stream = String::new();
    for (index, commit) in commits.iter().enumerate() {
        let time = EPOCH + DAY * index as i64;
        writeln!(stream, "commit refs/heads/made\nmark :{}", index + 1).unwrap();
        writeln!(stream, "committer A <a> {time} +0000\ndata 0").unwrap();
        for (number, parent) in commit.parents.iter().enumerate() {
            let word = if number == 0 { "from" } else { "merge" };
            writeln!(stream, "{word} :{}", parent + 1).unwrap();
        }
        writeln!(stream, "deleteall").unwrap();
        for (path, secret) in &commit.files {
            let text = &texts[*secret];
            writeln!(stream, "M 644 inline {path}\ndata {}\n{text}", text.len()).unwrap();
        }
    }
    // Of all that was made: two branches, a tag, a reference of no kind, and the head.
    let count = commits.len();
    for (name, mark) in REFERENCES.iter().zip([count, count - 3, count / 2, count - 1]) {
        writeln!(stream, "reset {name}\nfrom :{mark}\n").unwrap();
    }
    repo.fast_import(stream.as_bytes());
    repo
}

const REFERENCES: [&str; 4] =
    ["refs/heads/main", "refs/heads/side", "refs/tags/old", "refs/other/pull"];

/// Tells the provenance of a secret from what was made, by looking at every commit.
fn expected(commits: &[Made], secret: usize) -> Option<[Option<usize>; 5]> {
    let count = commits.len();
    let reached = |starts: &[usize]| {
        let mut is_reached = vec![false; count];
        let mut waiting = starts.to_vec();
        while let Some(next) = waiting.pop() {
            if !std::mem::replace(&mut is_reached[next], true) {
                waiting.extend(&commits[next].parents);
            }
        }
        is_reached
    };
    // The branch that the import was made on ends where `main` does.
    let (branches, tag, other) = ([count - 1, count - 4], count / 2 - 1, count - 2);
    let all = reached(&[branches[0], branches[1], tag, other]);
    let named = reached(&[branches[0], branches[1], tag]);
    let holds = |index: &usize| commits[*index].files.values().any(|held| *held == secret);
    let holders: Vec<usize> = (0..count).filter(|index| all[*index] && holds(index)).collect();
    let (first, last) = (*holders.first()?, *holders.last()?);
    let is_shown = branches.iter().any(&holds);
    let children = || (0..count).filter(|c| all[*c] && commits[*c].parents.contains(&last));
    let child = children().find(|child| named[*child]).or_else(|| children().next());
    let removed = child.filter(|_| !is_shown);
    let reachable = holders.iter().any(|index| named[*index]);
    let by_other = reached(&[other]);
    let reached_by = !reachable && holders.iter().any(|index| by_other[*index]);
    Some([Some(first), Some(last), removed, reachable.then_some(0), reached_by.then_some(0)])
}

#[test]
fn of_any_history_the_same_is_told_as_by_looking_at_every_commit() {
    for seed in 0..8 {
        let mut rng = StdRng::seed_from_u64(seed);
        let texts: Vec<String> = (0..5).map(|_| planted(TOKEN).0).collect();
        let commits = made(&mut rng, texts.len());
        let repo = imported(&commits, &texts);
        let set = stanch::pattern::PatternSet::embedded().unwrap();
        let scanner = stanch::scan::Scanner::new(set);
        for packed in [false, true] {
            if packed {
                repo.git(["repack", "-adfq", "--depth=50"]);
            }
            let history = stanch::source::History::new(repo.path());
            let report = stanch::scan::scan(&scanner, &[&history], &|_| {}).unwrap();
            for (secret, text) in texts.iter().enumerate() {
                let found = scanner.scan_bytes(text.as_bytes());
                let fingerprint = found[0].credential.fingerprint();
                let finding = report.findings.iter().find(|f| f.fingerprint == fingerprint);
                let told = finding.map(|finding| {
                    let told = finding.provenance.as_ref().unwrap();
                    let index = |change: &Option<stanch::finding::Change>| {
                        let moment = change.as_ref()?.committed?;
                        Some(((moment.timestamp().as_second() - EPOCH) / DAY) as usize)
                    };
                    let is_reachable = told.is_reachable.then_some(0);
                    let reached_by = told.reached_by.as_ref().map(|name| {
                        assert_eq!(name, REFERENCES[3]);
                        0
                    });
                    let [first, last] = [&told.first, &told.last].map(index);
                    [first, last, index(&told.removed), is_reachable, reached_by]
                });
                assert_eq!(told, expected(&commits, secret), "seed {seed}, secret {secret}");
            }
        }
    }
}
