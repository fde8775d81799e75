//! Several keys in one command. Real server (moto), with authentication enforced.

use std::path::Path;

use crate::moto::{AccessKey, Moto, WHOLE};
use crate::says;
use crate::world::{self, Run, World, assert_absent, everything_in};

/// Keys of some users in a folder, and a responder who may contain them.
struct Leaks {
    world: World,
    moto: Moto,
    responder: AccessKey,
    /// The user, the key, and what the scanner calls it.
    keys: Vec<(&'static str, AccessKey, String)>,
}

impl Leaks {
    fn of(users: &[&'static str]) -> Self {
        let moto = Moto::start();
        let responder = moto.responder("responder", WHOLE);
        let world = World::new();
        let keys = users.iter().enumerate().map(|(number, user)| {
            let key = moto.create_user_with_key(user);
            let text =
                format!("AWS_ACCESS_KEY_ID={}\nAWS_SECRET_ACCESS_KEY={}\n", key.id, key.secret);
            world.write(&format!("{number}.env"), text);
            let name = crate::fingerprint(&key);
            (*user, key, name)
        });
        let keys = keys.collect();
        moto.enforce();
        Self { world, moto, responder, keys }
    }

    fn names(&self) -> Vec<&str> {
        self.keys.iter().map(|(.., name)| name.as_str()).collect()
    }

    fn contain(&self, arguments: &[&str]) -> Run {
        let mut variables = self.moto.environment(&self.responder);
        let policy = self.world.home().join("quick.toml");
        std::fs::write(&policy, crate::QUICK).unwrap();
        variables.push(("STANCH_POLICY", policy.display().to_string()));
        let variables: Vec<_> = variables.iter().map(|(n, value)| (*n, value.as_str())).collect();
        let run = self.world.stanch_with(&[&["contain"], arguments].concat(), &variables, "");
        assert_absent(&self.secrets(), &run.all(), "an output");
        run
    }

    fn secrets(&self) -> Vec<String> {
        self.keys.iter().map(|(_, key, _)| key.secret.clone()).collect()
    }

    /// Returns the states of the leaked keys, in order.
    fn states(&self) -> Vec<String> {
        let state = |(user, key, _): &(&str, AccessKey, String)| {
            let keys = self.moto.keys(user);
            let found = keys.into_iter().find(|(id, _)| *id == key.id);
            found.map_or("Absent".to_owned(), |(_, state)| state)
        };
        self.keys.iter().map(state).collect()
    }
}

/// Returns where each text stands first.
fn places(text: &str, parts: &[String]) -> Vec<usize> {
    parts.iter().map(|part| text.find(part).unwrap_or_else(|| panic!("no {part:?}"))).collect()
}

#[test]
fn three_are_contained_at_once_and_one_that_is_denied_holds_up_no_other() {
    let leaks = Leaks::of(&["ada", "bot", "cleo"]);
    let names = leaks.names();
    let plan = leaks.contain(&names);
    says(&plan, 0, &["nothing was changed", &format!("contain {} --apply", names.join(" "))]);
    let hashes = plan.out.matches("plan hash").count();
    assert_eq!(hashes, 3, "a hash for each plan: {}", plan.out);
    assert_eq!(leaks.states(), ["Active"; 3]);

    leaks.moto.fault("before=UpdateAccessKey@bot:AccessDenied:9");
    let apply = [&names[..], &["--apply"]].concat();
    let run = leaks.contain(&apply);
    says(&run, 2, &["lacks iam:UpdateAccessKey"]);
    assert_eq!(leaks.states(), ["Inactive", "Active", "Inactive"]);
    let ends = ["contained ", "failed    ", "contained "];
    let ends: String =
        ends.iter().zip(&names).map(|(end, name)| format!("{end} {name}\n")).collect();
    assert!(run.out.ends_with(&ends), "{}", run.out);
    let headings: Vec<_> = names.iter().map(|name| format!("== {name}")).collect();
    assert!(places(&run.out, &headings).is_sorted(), "in the order of the command: {}", run.out);
    // Whoever looks on sees which key each line is about.
    for name in &names {
        let disabled = |line: &&str| line.contains(name) && line.contains("disable");
        assert!(run.err.lines().any(|line| disabled(&line)), "{name}: {}", run.err);
    }
    let list = leaks.world.stanch(&["incident", "list", "--all"]);
    assert_eq!(list.out.matches(" leaked\n").count(), 3, "an incident each: {}", list.out);

    leaks.moto.fault("clear");
    says(&leaks.contain(&[&names[..], &["--resume"]].concat()), 0, &["contained"]);
    assert_eq!(leaks.states(), ["Inactive"; 3]);
    says(&leaks.contain(&[&names[..], &["--recheck"]].concat()), 0, &["still dead", "dead "]);
    assert_absent(&leaks.secrets(), &everything_in(&leaks.world.home()), "the data folder");
}

#[test]
fn both_keys_of_one_user_are_compared_with_their_plans_before_one_is_stopped() {
    let leaks = Leaks::of(&["ada", "ada"]);
    let plan = leaks.contain(&leaks.names());
    says(&plan, 0, &["other key"]);
    let apply = leaks.contain(&[&leaks.names()[..], &["--apply"]].concat());
    says(&apply, 0, &["contained"]);
    assert_eq!(leaks.states(), ["Inactive"; 2]);

    // A plan names the owner's other keys, and each deletes one of them.
    let policy = leaks.world.home().join("policy.toml");
    std::fs::write(&policy, "[containment]\ncool-off-days = 0\n").unwrap();
    let delete = [&leaks.names()[..], &["--delete", "--policy", policy.to_str().unwrap()]].concat();
    says(&leaks.contain(&delete), 0, &["for good"]);
    let ids: Vec<_> = leaks.keys.iter().map(|(_, key, _)| key.id.as_str()).collect();
    let confirm = ["--apply", "--confirm", ids[0], "--confirm", ids[1]];
    says(&leaks.contain(&[&delete[..], &confirm].concat()), 0, &["is absent"]);
    for (_, key, _) in &leaks.keys {
        let record = leaks.world.stanch(&["incident", "list", "--all"]);
        let id = record.out.lines().find(|line| line.contains(&key.id)).unwrap();
        let id = id.split_whitespace().next().unwrap();
        let record = leaks.world.stanch(&["incident", "export", id, "--format", "json"]);
        let record: serde_json::Value = serde_json::from_str(&record.out).unwrap();
        let typed = record["events"].as_array().unwrap().iter();
        let typed: Vec<_> =
            typed.filter_map(|e| e["event"]["body"]["confirmed"].as_str()).collect();
        assert_eq!(typed, [key.id.as_str()], "each record has the word for its own key");
    }
    assert_eq!(leaks.states(), ["Absent"; 2]);
}

#[test]
fn one_that_is_not_found_or_was_not_shown_is_said_and_the_others_go_on() {
    let leaks = Leaks::of(&["ada", "bot"]);
    let (ada, bot) = (leaks.names()[0], leaks.names()[1]);
    says(&leaks.contain(&[ada]), 0, &[]);
    let run = leaks.contain(&[ada, "0000dead", bot, ada, "--apply"]);
    let missing = "error: 0000dead: no finding begins with 0000dead";
    says(&run, 2, &[missing, &format!("error: {bot}: no plan was shown"), "hint"]);
    assert_eq!(leaks.states(), ["Inactive", "Active"]);
    assert_eq!(run.out.matches(&format!("contained  {ada}")).count(), 1, "once: {}", run.out);
}

#[test]
fn all_that_can_be_contained_from_here_and_the_rest_is_left_for_a_person() {
    let leaks = Leaks::of(&["ada", "bot"]);
    says(&leaks.contain(&["--all"]), 0, &["contain --all --apply", "planned"]);
    let accepted = leaks.keys[1].1.id.clone();
    let allow =
        format!("[[allow]]\nreason = \"a rehearsal\"\nfingerprint = \"{}\"\n", whole(&leaks, 1));
    leaks.world.write("stanch.toml", allow);
    let (token, secrets) = world::planted("github-fine-grained-token");
    leaks.world.write("token.txt", token);
    let run = leaks.contain(&["--all", "--apply", "--verbose"]);
    says(&run, 2, &["left for a person", "GitHub", "1 findings are known and accepted"]);
    assert_eq!(leaks.states(), ["Inactive", "Active"], "{accepted} is accepted: {}", run.all());
    assert_absent(&secrets, &run.all(), "the output");

    let empty = World::new();
    let nothing = empty.stanch(&["contain", "--all"]);
    says(&nothing, 0, &["nothing was found that can be contained"]);
}

fn whole(leaks: &Leaks, number: usize) -> String {
    let found = leaks.world.stanch(&["scan", "--format", "jsonl"]).findings();
    let prints = found.iter().map(|found| found["fingerprint"].as_str().unwrap().to_owned());
    prints.into_iter().find(|print| print.starts_with(leaks.names()[number])).unwrap()
}

#[test]
fn plans_of_several_are_one_object() {
    let leaks = Leaks::of(&["ada", "bot"]);
    let run = leaks.contain(&[&leaks.names()[..], &["--format", "json"]].concat());
    let object: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let owners: Vec<_> =
        object["plans"].as_array().unwrap().iter().map(|p| &p["plan"]["owner"]).collect();
    assert_eq!(owners, ["ada", "bot"]);
}

#[test]
fn what_is_for_one_key_is_refused_and_what_is_there_is_a_path() {
    let leaks = Leaks::of(&["ada", "bot"]);
    for flags in [&["--deliver-to", "put"][..], &["--apply", "--plan", "x"], &["--format", "cacao"]]
    {
        let run = leaks.contain(&[&leaks.names()[..], flags].concat());
        says(&run, 2, &["is for one key at a time", "nothing was done"]);
    }
    // A folder whose name could be a finding's is a folder.
    let ada = leaks.names()[0];
    leaks.world.write("beef/nothing.txt", "nothing\n");
    says(&leaks.contain(&[ada, "beef"]), 2, &["no finding begins with"]);
    assert!(!Path::new("beef").exists());
    says(&leaks.contain(&[ada, "."]), 0, &["Plan for key"]);
}
