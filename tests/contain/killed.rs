//! The command, killed where it stands: a real process, ended by SIGKILL after each line it tells on
//! standard error, taken up again until it says that the key is contained. The record is a file, or on a
//! PostgreSQL server. Real server (moto), with authentication enforced, and a real PostgreSQL.
//!
//! `cargo test --test contain killed -- --nocapture` prints the matrix: where it was killed, what the provider
//! and the record showed then, and what taking it up did.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::fingerprint;
use crate::moto::{AccessKey, Moto, WHOLE};
use crate::world::{World, assert_absent, everything_in};

/// More lines than a run tells, so that a test that never ends is a failure.
const MAX_LINES: usize = 40;

/// How many threads take turns at the points: a run mostly waits.
const THREADS: usize = 4;

#[test]
fn killed_after_any_line_it_is_taken_up_and_replaces_the_key_once() {
    kill_everywhere("SQLite", || None);
}

#[test]
#[cfg(feature = "postgres")]
fn killed_after_any_line_it_is_taken_up_from_a_server_s_record_too() {
    kill_everywhere("PostgreSQL", || Some(crate::postgres::database()));
}

/// Kills a run after each of its lines, with the record in a store that is made for each.
#[expect(clippy::print_stdout, reason = "a table that is asked for with --nocapture")]
fn kill_everywhere(kind: &str, store: impl Fn() -> Option<String> + Sync) {
    let moto = Moto::start();
    let responder = moto.responder("responder", WHOLE);
    moto.enforce();
    let run_until_told = |first: usize| {
        let mut rows = Vec::new();
        for lines in (first..=MAX_LINES).step_by(THREADS) {
            let row = Leak::new(&moto, &responder, lines, store()).killed();
            let is_told = row.is_none();
            rows.extend(row.map(|row| (lines, row)));
            if is_told {
                return rows;
            }
        }
        panic!("a run doesn't come to its end")
    };
    let mut rows = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (1..=THREADS).map(|first| scope.spawn(move || run_until_told(first))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    rows.sort();
    println!("\n| {kind}: killed after line | the provider then | the record then | taken up |");
    println!("|---|---|---|---|");
    rows.iter().for_each(|(lines, row)| println!("| {lines}: {row} |"));
    // Opening, approval, disable, proof, containment, rotation and delivery make at least that many.
    assert!(rows.len() > 15, "killed at {} points only", rows.len());
}

#[test]
fn what_can_t_be_taken_up_stays_unsettled() {
    let moto = Moto::start();
    let responder = moto.responder("responder", WHOLE);
    moto.enforce();
    let leak = Leak::new(&moto, &responder, 0, None);
    assert_eq!(leak.contain(&[]), 0, "the plan is shown");
    assert!(leak.kill_when(|line| line.contains("prove-dead: about to call")).is_some());
    moto.fault("before=GetAccessKeyLastUsed:AccessDenied");
    assert_eq!(leak.contain(&["--resume"]), 3);
    assert_eq!(leak.contain(&["--apply"]), 3, "it is begun and not finished");
    assert_eq!(leak.contain(&["--resume"]), 0);
}

/// A key of a user of its own, leaked into a file, to be contained with a replacement.
struct Leak<'a> {
    moto: &'a Moto,
    responder: &'a AccessKey,
    world: World,
    user: String,
    leaked: AccessKey,
    finding: String,
    /// The operator's program appends what it gets to this file, a line each.
    delivered: PathBuf,
    delivery: String,
    /// The server the record is kept on, where it isn't a file.
    store: Option<String>,
    /// After how many lines the run is killed.
    lines: usize,
}

impl<'a> Leak<'a> {
    fn new(moto: &'a Moto, responder: &'a AccessKey, lines: usize, store: Option<String>) -> Self {
        let user = format!("billing-{lines}");
        let leaked = moto.create_user_with_key(&user);
        let world = World::new();
        let (id, secret) = (&leaked.id, &leaked.secret);
        world
            .write("prod.env", format!("AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY={secret}\n"));
        let script = world.write("deliver.sh", "#!/bin/sh\ncat >> \"$1\"; echo >> \"$1\"\n");
        let delivered = world.path("delivered.jsonl");
        let delivery = format!("sh {} {}", script.display(), delivered.display());
        let finding = fingerprint(&leaked);
        std::fs::write(world.home().join("policy.toml"), crate::QUICK).unwrap();
        Self { moto, responder, world, user, leaked, finding, delivered, delivery, store, lines }
    }

    /// Kills a run after so many lines and takes it up again until the key is contained; returns the row
    /// of the matrix, or none where the run came to its end before that line.
    fn killed(&self) -> Option<String> {
        assert_eq!(self.contain(&[]), 0, "the plan is shown");
        let mut told = 0;
        let last = self.kill_when(|_| {
            told += 1;
            told == self.lines
        });
        let made = self.replacements();
        let is_lost = last.as_ref().is_some_and(|line| line.contains("rotate: about to call"));
        let then = format!("{} | {}", self.keys_in_words(), self.record_in_words());
        let (mut codes, mut taken_up) = (Vec::new(), Vec::new());
        // Where nothing was approved yet there is nothing to take up, and the plan is applied again.
        while codes.last() != Some(&0) {
            assert!(codes.len() < 6, "killed after line {}: {codes:?}", self.lines);
            let flag = if codes.len().is_multiple_of(2) { "--resume" } else { "--apply" };
            codes.push(self.contain(&[flag]));
            taken_up.push(format!("{flag} ended with {}", codes[codes.len() - 1]));
        }
        self.assert_replaced_once();
        if is_lost {
            assert_eq!(made.len(), 1, "it was made");
            assert_ne!(
                self.replacements(),
                made,
                "its secret was lost, so it is not the one that stays"
            );
        }
        let after = format!("{}: {}", taken_up.join(", "), self.keys_in_words());
        last.map(|line| format!("{line} | {then} | {after}"))
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = self.moto.environment(self.responder);
        variables.extend(self.store.clone().map(|store| ("STANCH_STORE", store)));
        let policy = self.world.home().join("policy.toml");
        variables.push(("STANCH_POLICY", policy.display().to_string()));
        variables
    }

    /// Runs a command on the record.
    fn incident(&self, arguments: &[&str]) -> crate::world::Run {
        let variables = self.variables();
        let variables: Vec<_> =
            variables.iter().map(|(name, text)| (*name, text.as_str())).collect();
        self.world.stanch_with(&[&["incident"], arguments].concat(), &variables, "")
    }

    /// Returns what the provider shows.
    fn keys_in_words(&self) -> String {
        let keys = self.moto.keys(&self.user);
        let (old, new): (Vec<_>, Vec<_>) = keys.iter().partition(|(id, _)| *id == self.leaked.id);
        let states = |keys: Vec<&(String, String)>| match keys.is_empty() {
            true => "none".to_owned(),
            false => {
                keys.iter().map(|(_, state)| state.to_lowercase()).collect::<Vec<_>>().join(", ")
            }
        };
        format!("old key {}, new key {}", states(old), states(new))
    }

    /// Returns the ids of the user's other keys.
    fn replacements(&self) -> Vec<String> {
        let keys = self.moto.keys(&self.user).into_iter().map(|(id, _)| id);
        keys.filter(|id| *id != self.leaked.id).collect()
    }

    /// Returns how far the record is.
    fn record_in_words(&self) -> String {
        let export = self.incident(&["export", "--format", "json"]);
        if export.code != 0 {
            return "nothing".to_owned();
        }
        let export: serde_json::Value = serde_json::from_str(&export.out).unwrap();
        let events = export["events"].as_array().unwrap();
        let last = &events[events.len() - 1]["event"];
        let step = last["body"]["step"].as_str().unwrap_or_default();
        format!("{} events, the last {} {step}", events.len(), last["kind"].as_str().unwrap())
    }

    fn arguments(&self, flags: &[&str]) -> Vec<String> {
        let endpoint = self.moto.endpoint();
        let mut arguments = vec!["contain", &self.finding, "prod.env", "--aws-endpoint", &endpoint];
        arguments.extend(["--deliver-to", &self.delivery]);
        arguments.extend(flags);
        arguments.into_iter().map(str::to_owned).collect()
    }

    /// Runs the command to its end and returns its exit code.
    fn contain(&self, flags: &[&str]) -> i32 {
        let variables = self.variables();
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let run = self.world.stanch_with(&self.arguments(flags), &variables, "");
        self.assert_silent(&run.all(), "an output");
        run.code
    }

    /// Applies the plan and kills the process at a line; returns it without the time before it, or none
    /// where the process ended before.
    fn kill_when(&self, mut is_it: impl FnMut(&str) -> bool) -> Option<String> {
        // The answer to the call that makes the new key is kept back until the line before it was told,
        // so that whoever is killed there has surely lost it.
        self.moto.fault(&format!("after=CreateAccessKey@{}:hold", self.user));
        let mut child = self.apply();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let mut told = Vec::new();
        let mut is_killed = false;
        for line in lines {
            is_killed = is_it(&line);
            let is_at_the_call = line.contains("rotate: about to call");
            told.push(line);
            if is_killed && is_at_the_call {
                self.wait_for_the_new_key(&mut child);
            }
            if is_killed {
                break;
            }
            if is_at_the_call {
                self.moto.fault(&format!("let-go={}", self.user));
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        self.moto.fault(&format!("let-go={}", self.user));
        self.assert_silent(&told.join("\n"), "what was told");
        let last = told.pop().filter(|_| is_killed)?;
        Some(last.split_once("  ").map_or(last.clone(), |(_, words)| words.replace('|', "/")))
    }

    /// Waits until the call that makes the new key has arrived, so that its answer is what is lost. A
    /// call that was never sent is looked for over a minute, and the tests of the engine have that.
    fn wait_for_the_new_key(&self, child: &mut Child) {
        while self.moto.keys(&self.user).len() < 2 && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn apply(&self) -> Child {
        self.world
            .command(env!("CARGO_BIN_EXE_stanch"))
            .args(self.arguments(&["--apply"]))
            .envs(self.variables())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn assert_replaced_once(&self) {
        let keys = self.moto.keys(&self.user);
        let old = keys.iter().find(|(id, _)| *id == self.leaked.id);
        let at = format!("killed after line {}: {keys:?}", self.lines);
        assert_eq!(old.map(|(_, state)| state.as_str()), Some("Inactive"), "{at}");
        let active: Vec<_> = keys.iter().filter(|(_, state)| state == "Active").collect();
        assert_eq!(keys.len(), 2, "{at}");
        assert_eq!(active.len(), 1, "{at}");
        let last = self.handed().pop().expect("a key was delivered");
        assert_eq!(last.0, active[0].0, "{at}");
        let verify = self.incident(&["verify"]);
        assert_eq!(verify.code, 0, "{at}: {}", verify.all());
        let export = self.incident(&["export", "--format", "json"]);
        self.assert_silent(&export.out, "the export");
        self.assert_silent(&everything_in(&self.world.home()), "the data folder");
    }

    /// Returns the ids and secrets that the operator's program got. A run may be killed before it wrote
    /// to a program it had started.
    fn handed(&self) -> Vec<(String, String)> {
        let text = fs::read_to_string(&self.delivered).unwrap_or_default();
        let lines = text.lines().filter(|line| !line.is_empty());
        let handed = lines.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let part = |handed: &serde_json::Value, name: &str| {
            handed["parts"][name].as_str().unwrap().to_owned()
        };
        handed.map(|handed| (part(&handed, "id"), part(&handed, "secret"))).collect()
    }

    fn assert_silent(&self, text: &str, whose: &str) {
        let mut secrets = vec![self.leaked.secret.clone(), self.responder.secret.clone()];
        secrets.extend(self.responder.token.clone());
        secrets.extend(self.handed().into_iter().map(|(_, secret)| secret));
        assert_absent(&secrets, text, whose);
    }
}
