//! `stanch contain` and `stanch incident`, the whole story. Real server (moto), with authentication enforced;
//! the calls of evidence it lacks are extended by us.

#[path = "contain/baseline.rs"]
mod baseline;
#[path = "contain/hunt.rs"]
mod hunt;
#[cfg(unix)]
#[path = "contain/killed.rs"]
mod killed;
mod moto;
#[cfg(all(unix, feature = "postgres"))]
mod postgres;
mod python;
#[path = "contain/several.rs"]
mod several;
mod world;

use std::fs;
use std::path::PathBuf;

use moto::{AccessKey, Moto, WHOLE};
use serde_json::json;
use stanch::secret::{Credential, Part, Secret};
use world::{Run, World, assert_absent, everything_in};

/// A leak in an old commit of a repository, a provider that knows the key, and a responder.
struct Story {
    world: World,
    moto: Moto,
    leaked: AccessKey,
    responder: AccessKey,
    finding: String,
    /// The endpoint that AWS's own configuration names.
    configured: Option<String>,
    /// The operator's policy, where it isn't the default.
    policy: Option<PathBuf>,
}

/// A policy in which nothing is waited for long.
const QUICK: &str = "[containment]\nproof = { refusals = 2, window_seconds = 0 }\n";

impl Story {
    fn begin() -> Self {
        Self::begin_with(WHOLE)
    }

    fn begin_with(permissions: &[&str]) -> Self {
        Self::begin_as(permissions, &[], |_| {})
    }

    /// Begins with a responder and a leaked key that may make those calls, in an account made ready.
    fn begin_as(permissions: &[&str], leaked: &[&str], prepare: impl FnOnce(&Moto)) -> Self {
        let moto = Moto::start();
        let leaked = moto.user_allowed("billing", leaked);
        let responder = moto.responder("responder", permissions);
        prepare(&moto);
        moto.enforce();
        let world = World::new();
        world.git(&["init", "--quiet"]);
        let (id, secret) = (&leaked.id, &leaked.secret);
        world
            .write("prod.env", format!("AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY={secret}\n"));
        world.commit("Deploy");
        fs::remove_file(world.path("prod.env")).unwrap();
        world.commit("Clean up");
        let scan = world.stanch(&["scan", ".", "--history", "--format", "jsonl"]);
        let finding = scan.findings()[0]["fingerprint"].as_str().unwrap()[..8].to_owned();
        let policy = world.home().join("quick.toml");
        fs::write(&policy, QUICK).unwrap();
        let policy = Some(policy);
        Self { world, moto, leaked, responder, finding, configured: None, policy }
    }

    /// Runs the program as the responder.
    fn stanch(&self, arguments: &[&str]) -> Run {
        self.stanch_as(Some(&self.responder), arguments)
    }

    fn stanch_as(&self, identity: Option<&AccessKey>, arguments: &[&str]) -> Run {
        let mut variables = vec![("AWS_EC2_METADATA_DISABLED", "true".to_owned())];
        variables.extend(identity.map(|key| self.moto.environment(key)).into_iter().flatten());
        // Where a call goes is what the tests name.
        variables.retain(|(name, _)| *name != "AWS_ENDPOINT_URL");
        variables.extend(self.configured.clone().map(|place| ("AWS_ENDPOINT_URL", place)));
        let policy = self.policy.as_ref().map(|policy| policy.display().to_string());
        variables.extend(policy.map(|policy| ("STANCH_POLICY", policy)));
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let run = self.world.stanch_with(arguments, &variables, "");
        assert_absent(&self.secrets(), &run.all(), "an output");
        run
    }

    /// Runs `contain` with the plan's endpoint and further flags.
    fn contain(&self, flags: &[&str]) -> Run {
        let mut arguments = vec!["contain", &self.finding, "--verbose"];
        arguments.extend(["--aws-endpoint", self.endpoint()]);
        arguments.extend(flags);
        self.stanch(&arguments)
    }

    fn endpoint(&self) -> &str {
        // Leaked once a story, so that it can stand in a list of arguments.
        Box::leak(self.moto.endpoint().into_boxed_str())
    }

    fn secrets(&self) -> Vec<String> {
        vec![self.leaked.secret.clone(), self.responder.secret.clone()]
    }

    /// Returns the states of the user's keys, by id.
    fn states(&self) -> Vec<(String, String)> {
        self.moto.keys("billing")
    }

    fn state_of_leaked(&self) -> String {
        let states = self.states();
        states
            .into_iter()
            .find(|(id, _)| *id == self.leaked.id)
            .map_or("Absent".into(), |(_, state)| state)
    }
}

fn says(run: &Run, code: i32, words: &[&str]) {
    assert_eq!(run.code, code, "{}", run.all());
    for word in words {
        assert!(run.all().contains(word), "no {word:?} in {}", run.all());
    }
}

/// Returns what the scanner calls a leaked key.
fn fingerprint(key: &AccessKey) -> String {
    let parts = [
        ("id".to_owned(), Part::Public(key.id.clone())),
        ("secret".to_owned(), Part::Secret(Secret::new(key.secret.clone()))),
    ];
    let credential = Credential {
        pattern: "aws-access-key".to_owned(),
        provider: "aws".to_owned(),
        parts: parts.into(),
    };
    credential.fingerprint().short()
}

#[test]
fn the_whole_story_plan_apply_show_verify_undo() {
    let mut story = Story::begin();
    story.policy = None;

    let plan = story.contain(&[]);
    says(&plan, 0, &["disable", "prove-dead", "iam:UpdateAccessKey", "billing", "plan hash"]);
    assert_eq!(story.state_of_leaked(), "Active", "a plan changes nothing");

    // The plan that was shown says where it goes.
    let apply = story.stanch(&["contain", &story.finding, "--apply"]);
    says(&apply, 0, &["contained: the old key is proved dead", "incident  INC-", "head"]);
    let proved = apply.out.lines().find(|line| line.contains("prove-dead")).unwrap();
    assert!(proved.contains("refused the old key"), "{proved}");
    assert_eq!(story.state_of_leaked(), "Inactive");

    says(&story.stanch(&["incident", "show"]), 0, &["MTTD", "MTTC", "contained", &story.leaked.id]);
    says(&story.stanch(&["incident", "list"]), 0, &["name who leads", "SEV1"]);
    let verify = story.stanch(&["incident", "verify"]);
    says(&verify, 0, &["holds"]);
    let head =
        verify.out.lines().find_map(|line| line.strip_prefix("head")).unwrap().trim().to_owned();
    says(&story.stanch(&["incident", "verify", "--against", &head]), 0, &["holds"]);
    let export = story.stanch(&["incident", "export", "--format", "json"]);
    let export: serde_json::Value = serde_json::from_str(&export.out).unwrap();
    assert_eq!(export["schema"], "stanch-incident/v1");
    says(&story.stanch(&["incident", "export", "--format", "markdown"]), 0, &["# ", "Timeline"]);

    let refused = story.contain(&["--undo", "disable", "--reason", "a drill"]);
    says(&refused, 2, &["--revive"]);
    assert_eq!(story.state_of_leaked(), "Inactive");
    // An undo, too, goes where the plan went.
    let revive =
        ["contain", &story.finding, "--undo", "disable", "--revive", "--reason", "a drill"];
    story.moto.fault("before=UpdateAccessKey:AccessDenied");
    says(&story.stanch(&revive), 2, &["nothing was taken back", "lacks iam:UpdateAccessKey"]);
    assert_eq!(story.state_of_leaked(), "Inactive");
    says(&story.stanch(&revive), 0, &["taken back: disable"]);
    assert_eq!(story.state_of_leaked(), "Active");
    assert_absent(&story.secrets(), &everything_in(&story.world.home()), "the data folder");
}

#[test]
#[cfg(unix)]
fn a_replacement_is_handed_to_the_operator_s_program_and_nobody_else() {
    let story = Story::begin();
    let script = story.world.write("deliver.sh", "#!/bin/sh\ncat > \"$1\"\n");
    let taken = story.world.path("taken.json");
    let command = format!("sh {} {}", script.display(), taken.display());
    says(&story.contain(&["--deliver-to", &command]), 0, &["rotate", "deliver"]);
    let run = story.contain(&["--apply", "--deliver-to", &command]);
    says(&run, 0, &["contained"]);
    let handed: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(taken).unwrap()).unwrap();
    let (id, secret) = (&handed["parts"]["id"], handed["parts"]["secret"].as_str().unwrap());
    let new = story.states().into_iter().find(|(key, _)| key == id.as_str().unwrap()).unwrap();
    assert_eq!(new.1, "Active");
    let new_secret = [secret.to_owned()];
    assert_absent(&new_secret, &run.all(), "the output");
    assert_absent(&new_secret, &everything_in(&story.world.home()), "the data folder");
}

#[test]
fn a_plan_names_the_calls_and_permissions_of_its_delivery() {
    let story = Story::begin();
    let to = ["--deliver-to", "aws-secretsmanager:app/key", "--format", "json"];
    let shown: serde_json::Value = serde_json::from_str(&story.contain(&to).out).unwrap();
    let steps = shown["plan"]["steps"].as_array().unwrap();
    let step = |id: &str| steps.iter().find(|step| step["id"] == id).unwrap();
    let looks = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"];
    assert_eq!(step("check-delivery")["calls"], serde_json::json!(looks));
    let writes = [
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
    ];
    assert_eq!(step("deliver")["calls"], serde_json::json!(writes));
    assert_eq!(step("deliver")["permissions"], serde_json::json!(writes));
}

#[test]
fn apply_refuses_what_was_not_shown() {
    let story = Story::begin();
    says(&story.contain(&["--apply"]), 2, &["no plan was shown", "hint"]);
    says(&story.contain(&[]), 0, &[]);
    let further = format!("the owner has a further key, {}", story.moto.create_key("billing").id);
    let words = ["not the one that was shown", &further, "nothing was done"];
    says(&story.contain(&["--apply"]), 2, &words);
    let calls = story.moto.calls();
    assert!(
        calls.iter().all(|(_, call)| !call.ends_with(":UpdateAccessKey")),
        "nothing was changed: {calls:?}"
    );
}

#[test]
fn of_two_who_contain_a_key_at_once_one_acts_and_the_other_sees_it() {
    let story = Story::begin();
    says(&story.contain(&[]), 0, &[]);
    story.moto.fault("slow=300");
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| story.contain(&["--apply"]));
        (story.contain(&["--apply"]), other.join().unwrap())
    });
    story.moto.fault("clear");
    let (acted, saw) = if one.code == 0 { (one, other) } else { (other, one) };
    says(&acted, 0, &["contained"]);
    let says_so = ["is at work on this incident", "someone else", "not the one that was shown"];
    assert_eq!(saw.code, 2, "{}", saw.all());
    assert!(says_so.iter().any(|words| saw.all().contains(words)), "{}", saw.all());
    let calls = story.moto.calls();
    let changes = calls.iter().filter(|(_, call)| call == "iam:UpdateAccessKey").count();
    assert_eq!(changes, 1, "{}", saw.all());
    says(&story.stanch(&["incident", "verify"]), 0, &["holds"]);
}

#[test]
fn a_plan_that_was_changed_in_the_store_is_not_applied() {
    let story = Story::begin();
    says(&story.contain(&[]), 0, &[]);
    let store = story.world.home().join("data/stanch/incidents.db");
    let connection = rusqlite::Connection::open(store).unwrap();
    let change = "UPDATE plans SET plan = replace(plan, '\"billing\"', '\"someone\"')";
    assert_eq!(connection.execute(change, []).unwrap(), 1);
    drop(connection);
    says(&story.contain(&["--apply"]), 2, &["was changed in the store", "nothing was done"]);
    assert_eq!(story.state_of_leaked(), "Active");
}

#[test]
fn the_place_of_an_earlier_plan_is_not_the_next_one_s() {
    let mut story = Story::begin();
    says(&story.contain(&[]), 0, &[]);
    // A port where nobody listens.
    story.configured = Some("http://127.0.0.1:9".to_owned());
    let plan = story.stanch(&["contain", &story.finding]);
    says(&plan, 2, &["could not be sent", "nothing was done"]);
}

#[test]
fn a_question_that_is_not_answered_leaves_nothing_unsettled() {
    let story = Story::begin();
    story.moto.fault("before=GetCallerIdentity:500:9");
    says(&story.contain(&[]), 2, &["not answered", "nothing was changed"]);
}

#[test]
fn a_credential_on_the_delivery_s_command_line_is_refused_and_not_kept() {
    let story = Story::begin();
    let (token, secrets) = world::planted("github-fine-grained-token");
    let inline = format!("put --with '{}'", token.trim());
    for command in [inline, format!("put {}", story.leaked.secret)] {
        let run = story.contain(&["--deliver-to", &command]);
        says(&run, 2, &["holds a credential", "hint"]);
        assert_absent(&secrets, &run.all(), "the output");
        assert_absent(&secrets, &everything_in(&story.world.home()), "the data folder");
    }
    let open = format!("put {} 'x", story.responder.id);
    let run = story.contain(&["--deliver-to", &open]);
    says(&run, 2, &["a quote is not closed"]);
    assert!(!run.all().contains(&story.responder.id), "{}", run.all());
}

#[test]
fn who_may_not_is_told_which_permission_is_missing() {
    let looks = ["iam:GetAccessKeyLastUsed", "iam:ListAccessKeys"];
    let story = Story::begin_with(&looks);
    says(&story.contain(&[]), 0, &[]);
    let denied = story.contain(&["--apply"]);
    says(&denied, 2, &["iam:UpdateAccessKey"]);
    assert_eq!(story.state_of_leaked(), "Active");
    let command = format!(
        "By hand: by `aws iam update-access-key --user-name billing --access-key-id {} --status Inactive`",
        story.leaked.id
    );
    // The page of the key's owner, not of who looks at it.
    let page = "https://us-east-1.console.aws.amazon.com/iam/home#/users/details/billing?section=security_credentials";
    says(&denied, 2, &[&command, page]);

    let blind = Story::begin_with(&[]);
    says(&blind.contain(&[]), 2, &["lacks iam:GetAccessKeyLastUsed", "hint"]);
}

#[test]
fn a_restriction_has_its_own_command_in_the_plan() {
    let story = Story::begin();
    let role = "arn:aws:iam::123456789012:role/apps/deploy";
    let flags = ["--narrow", "boundary", "--end-sessions", "--end-sessions-of", role];
    let plan = story.contain(&[&flags[..], &["--format", "json"]].concat());
    let plan: serde_json::Value = serde_json::from_str(&plan.out).unwrap();
    let steps = plan["plan"]["steps"].as_array().unwrap();
    for (id, begins) in [
        ("narrow", "aws iam put-user-permissions-boundary --user-name billing --permissions"),
        ("end-sessions", "aws iam put-user-policy --user-name billing --policy-name"),
        ("end-sessions-of-deploy", "aws iam put-role-policy --role-name deploy --policy-name"),
    ] {
        let step = steps.iter().find(|step| step["id"] == id).unwrap();
        let command = step["by_hand"].as_str().unwrap();
        assert!(command.starts_with(begins), "{id}: {command}");
    }
}

#[test]
fn the_responder_must_be_somebody_and_not_the_leaked_key() {
    let story = Story::begin();
    let endpoint = story.endpoint();
    let arguments = ["contain", &story.finding, "--aws-endpoint", endpoint];
    says(&story.stanch_as(None, &arguments), 2, &["no credentials", "hint"]);
    says(&story.stanch_as(Some(&story.leaked), &arguments), 2, &["leaked key", "hint"]);
    assert_eq!(story.state_of_leaked(), "Active");
}

#[test]
fn asked_again_it_is_still_dead_or_lives() {
    let story = Story::begin();
    let recheck = story.contain(&["--recheck"]);
    says(&recheck, 1, &["IT LIVES", "stop it: `stanch contain"]);
    assert!(!recheck.all().contains("kept in incident"), "no incident is open");
    says(&story.contain(&[]), 0, &[]);
    says(&story.contain(&["--apply"]), 0, &["contained"]);
    says(&story.contain(&["--recheck"]), 0, &["still dead", "kept in incident INC-"]);
    says(&story.stanch(&["incident", "verify"]), 0, &["holds"]);
}

#[test]
fn a_schedule_needs_the_whole_history_as_the_help_shows() {
    let story = Story::begin();
    let origin = format!("file://{}", story.world.path("").display());
    let variables = story.moto.environment(&story.responder);
    let variables: Vec<_> = variables.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let again = |depth: &[&str]| {
        // Each time a machine that has seen nothing before.
        let machine = World::new();
        machine.git(&[&["clone", "--quiet"], depth, &[&origin, "."]].concat());
        let recheck = ["contain", &story.finding, ".", "--recheck", "--aws-endpoint"];
        machine.stanch_with(&[&recheck[..], &[story.endpoint()]].concat(), &variables, "")
    };
    says(&again(&[]), 1, &["IT LIVES"]);
    // What a checkout is unless more is asked for.
    let shallow = again(&["--depth", "1"]);
    assert!(!shallow.all().contains("IT LIVES") && shallow.code > 1, "{}", shallow.all());
    let help = story.stanch(&["contain", "--help"]);
    let snippet = help.out.split("Is it still dead?").nth(1).expect("it is asked");
    let places = ["actions/checkout@", "fetch-depth: 0", "cargo install", ". --recheck"]
        .map(|part| snippet.find(part).unwrap_or_else(|| panic!("no {part} in {snippet}")));
    assert!(places.is_sorted(), "{snippet}");
}

#[test]
fn a_halt_stops_every_change_until_it_is_let_go_of() {
    let story = Story::begin();
    says(&story.contain(&[]), 0, &[]);
    says(&story.stanch(&["contain", "--halt", "wrong account"]), 0, &["halted"]);
    says(&story.contain(&["--apply"]), 2, &["halted by", "wrong account", "--unhalt"]);
    assert_eq!(story.state_of_leaked(), "Active");
    says(&story.stanch(&["contain", "--unhalt"]), 0, &["no longer halted"]);
    says(&story.stanch(&["contain", "--unhalt"]), 0, &["nothing was halted"]);
    says(&story.contain(&["--apply"]), 0, &["contained"]);
}

#[test]
fn without_anybodys_word_only_the_operator_s_policy_counts() {
    let story = Story::begin();
    let policy = "[containment]\nautomatic = [\"disable\"]\n";
    // Whoever writes to the repository can't allow anything.
    story.world.write("stanch.toml", policy);
    let auto = story.contain(&["--auto"]);
    says(&auto, 2, &["class A needs somebody's approval", "nothing of the plan took effect"]);
    assert_eq!(story.state_of_leaked(), "Active");
    let inside = story.world.path("stanch.toml");
    let within = story.contain(&["--auto", "--policy", inside.to_str().unwrap()]);
    says(&within, 2, &["stands in what was scanned", "hint"]);

    let outside = story.world.home().join("policy.toml");
    fs::write(&outside, "[containment]\nautomatik = 1\n").unwrap();
    let wrong = story.contain(&["--auto", "--policy", outside.to_str().unwrap()]);
    says(&wrong, 2, &["can't be used", "automatik"]);
    fs::write(&outside, policy).unwrap();
    let resume = story.contain(&["--resume", "--policy", outside.to_str().unwrap()]);
    says(&resume, 0, &["contained"]);
    assert_eq!(story.state_of_leaked(), "Inactive");
}

#[test]
fn where_nobody_looks_at_a_plan_the_evidence_is_read_once_and_beside_the_stopping() {
    let story = Story::begin();
    let policy = story.world.home().join("policy.toml");
    fs::write(&policy, "[containment]\nautomatic = [\"disable\"]\n").unwrap();
    let before = story.moto.calls().len();
    let auto = story.contain(&["--auto", "--policy", policy.to_str().unwrap()]);
    says(&auto, 0, &["contained", "not needed: by the evidence billing administers nothing"]);
    assert!(auto.all().contains("severity-v1/public+production"), "told anew: {}", auto.all());
    let calls = story.moto.calls().split_off(before);
    let count = |name: &str| calls.iter().filter(|(_, call)| call == name).count();
    assert_eq!(count("iam:ListUserPolicies"), 1, "{calls:?}");
}

#[test]
fn the_changes_of_an_hour_are_counted_over_all_runs() {
    let story = Story::begin();
    let policy = story.world.home().join("policy.toml");
    fs::write(&policy, format!("{QUICK}changes-an-hour = 1\n")).unwrap();
    let limited = |flags: &[&str]| {
        story.contain(&[flags, &["--keep-sessions", "--policy", policy.to_str().unwrap()]].concat())
    };
    says(&limited(&[]), 0, &[]);
    says(&limited(&["--apply"]), 0, &["contained"]);
    let revive = ["--undo", "disable", "--revive", "--reason", "a drill"];
    says(&story.contain(&revive), 0, &["taken back: disable"]);
    says(&limited(&[]), 0, &[]);
    let again = limited(&["--apply"]);
    says(&again, 2, &["the 1 changes of this hour are made"]);
    assert!(!again.all().contains("--approve"), "nobody's approval is missing: {}", again.all());
    assert_eq!(story.state_of_leaked(), "Active");
}

#[test]
fn where_nobody_is_there_a_place_that_takes_no_replacement_keeps_no_key_alive() {
    let story = Story::begin();
    assert_eq!(story.moto.call(&story.leaked, "sts:GetCallerIdentity", json!({})), 200);
    let policy = story.world.home().join("policy.toml");
    fs::write(&policy, format!("{QUICK}automatic = [\"disable\"]\n")).unwrap();
    let consumers = ["--visibility", "private", "--consumer", "billing"];
    let deliver = ["--deliver-to", "aws-secretsmanager:nowhere#id=A,secret=B"];
    let shown = story.contain(&[&consumers[..], &deliver].concat());
    says(&shown, 0, &["rotate-first"]);
    let alone = ["--auto", "--policy", policy.to_str().unwrap()];
    let auto = story.contain(&[&consumers[..], &deliver, &alone].concat());
    says(&auto, 0, &["the key is stopped without a replacement", "nowhere", "contained"]);
    assert_eq!(story.state_of_leaked(), "Inactive");
}

#[test]
fn somebody_else_agrees_to_a_plan_by_its_hash() {
    let story = Story::begin();
    let plan = story.contain(&["--format", "json"]);
    let plan: serde_json::Value = serde_json::from_str(&plan.out).unwrap();
    let hash = plan["plan_hash"].as_str().unwrap();
    let approve = ["contain", &story.finding, "--approve", hash, "--by", "grace"];
    says(&story.stanch(&approve), 2, &["no incident of this finding is open"]);
    let auto = story.contain(&["--auto"]);
    says(&auto, 2, &["class A needs", "agree to the plan: `stanch contain"]);
    let hash = auto.all().split("--approve ").nth(1).unwrap()[..64].to_owned();
    let approve = ["contain", &story.finding, "--approve", &hash, "--by", "grace"];
    let wrong = ["contain", &story.finding, "--approve", &hash.replace('a', "b")];
    says(&story.stanch(&wrong), 2, &["knows no plan"]);
    says(&story.stanch(&approve), 0, &["Plan for key", "grace agrees"]);
    says(&story.contain(&["--resume"]), 0, &["contained"]);
    let record = story.stanch(&["incident", "export", "--format", "json"]);
    assert!(record.out.contains("grace agrees to plan"), "{}", record.out);
}

#[test]
fn a_plan_is_a_playbook_that_the_standard_accepts() {
    let story = Story::begin();
    let run = story.contain(&["--format", "cacao"]);
    let playbook: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/cacao-playbook.json");
    let schema = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> = validator.iter_errors(&playbook).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let text = story.contain(&[]);
    let long = text.out.lines().find(|line| line.chars().count() > 80);
    assert!(
        long.is_none_or(|line| line.contains("plan hash") || line.contains("carry it out")),
        "{long:?}"
    );
    assert!(text.out.contains("mode       disable-first (mode-v1/public)"), "{}", text.out);
}

#[test]
fn a_stopped_key_is_deleted_after_its_cool_off_and_only_with_its_name_typed_out() {
    let story = Story::begin();
    says(&story.contain(&[]), 0, &[]);
    says(&story.contain(&["--apply"]), 0, &["contained"]);
    says(&story.contain(&["--delete"]), 0, &["has to stay stopped until"]);
    let policy = story.world.home().join("policy.toml");
    fs::write(&policy, "[containment]\ncool-off-days = 0\n").unwrap();
    let policy = ["--policy", policy.to_str().unwrap()];
    says(&story.contain(&[&["--delete"], &policy[..]].concat()), 0, &["class C", "for good"]);
    let apply = story.contain(&[&["--delete", "--apply"], &policy[..]].concat());
    says(&apply, 2, &["two people, or `--confirm"]);
    assert_eq!(story.state_of_leaked(), "Inactive");
    let confirm = ["--resume", "--confirm", &story.leaked.id];
    says(&story.contain(&[&confirm[..], &policy[..]].concat()), 0, &["is absent"]);
    assert_eq!(story.state_of_leaked(), "Absent");
}

#[test]
fn a_fingerprint_that_matches_none_or_two_is_refused() {
    let world = World::new();
    says(&world.stanch(&["contain", "0000dead"]), 2, &["no finding begins with 0000dead", "hint"]);
    says(&world.stanch(&["contain", "xyz"]), 2, &["hexadecimal"]);
    let paste = world.stanch(&["contain", "sk-live-pasted-by-mistake"]);
    assert_eq!(paste.code, 2);
    assert!(!paste.all().contains("pasted"), "what was typed may be a secret: {}", paste.all());

    // With enough keys two fingerprints share their first four digits.
    let mut text = String::new();
    for _ in 0..1200 {
        text.push_str(&world::planted("simulated-key").0);
    }
    world.write("many.txt", text);
    let findings = world.stanch(&["scan", "--format", "jsonl"]).findings();
    let mut prints: Vec<String> =
        findings.iter().map(|f| f["fingerprint"].as_str().unwrap()[..4].to_owned()).collect();
    prints.sort();
    let twice =
        prints.windows(2).find(|pair| pair[0] == pair[1]).expect("1200 keys share a prefix");
    says(&world.stanch(&["contain", &twice[0]]), 2, &["may be any of", "type more"]);
}

#[test]
fn a_search_that_could_not_read_everything_says_so() {
    let world = World::new();
    world.git(&["init", "--quiet"]);
    world.write("prod.env", "nothing yet\n");
    world.commit("Deploy");
    let blob = world.git(&["rev-parse", "HEAD:prod.env"]);
    let object = world.path(".git/objects").join(&blob[..2]).join(&blob[2..]);
    fs::remove_file(object).unwrap();
    let run = world.stanch(&["contain", "0000dead"]);
    says(&run, 3, &["in what could be read", &blob, "hint"]);
    says(&world.stanch(&["contain", "0000dead", "prod.env"]), 3, &["in what could be read"]);

    let plain = World::new();
    let file = plain.write("notes.txt", "nothing\n");
    says(&plain.stanch(&["contain", "0000dead", file.to_str().unwrap()]), 2, &["no finding"]);
}

#[test]
fn a_key_that_is_gone_is_of_nobody_known_and_proved_dead() {
    let story = Story::begin();
    story.moto.delete_user("billing");
    says(&story.contain(&[]), 0, &["of nobody known", "state      absent"]);
    let apply = story.contain(&["--apply"]);
    says(&apply, 0, &["of nobody known leaked", "contained: the old key is proved dead"]);
}

#[test]
fn a_store_of_a_newer_version_is_left_alone() {
    let world = World::new();
    let store = world.path("incidents.db");
    let store = store.to_str().unwrap();
    says(&world.stanch(&["drill", "--quiet", "--store", store]), 0, &["MTTD"]);
    let connection = rusqlite::Connection::open(store).unwrap();
    connection.pragma_update(None, "user_version", 9999).unwrap();
    connection.pragma_update(None, "wal_checkpoint", "TRUNCATE").unwrap();
    drop(connection);
    let before = fs::read(store).unwrap();
    let read = world.stanch(&["incident", "list", "--all", "--store", store]);
    says(&read, 0, &["drill", "warning", "newer", store]);
    let written = world.stanch(&["incident", "note", "x", "--store", store]);
    says(&written, 2, &["newer", store, "hint"]);
    assert_eq!(fs::read(store).unwrap(), before);
}

#[test]
fn a_tampered_record_is_noticed_and_named() {
    let world = World::new();
    let store = world.path("incidents.db");
    let store = store.to_str().unwrap();
    says(&world.stanch(&["drill", "--quiet", "--store", store]), 0, &[]);
    let connection = rusqlite::Connection::open(store).unwrap();
    connection.execute_batch("DROP TRIGGER events_are_never_changed").unwrap_or_default();
    let triggers: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for trigger in triggers {
        connection.execute_batch(&format!("DROP TRIGGER \"{trigger}\"")).unwrap();
    }
    connection.execute("UPDATE events SET actor = 'nobody' WHERE seq = 3", []).unwrap();
    drop(connection);
    says(
        &world.stanch(&["incident", "verify", "--store", store]),
        2,
        &["broken at event 3", "hint"],
    );
}

#[test]
fn a_drill_tells_the_whole_story_and_is_marked_as_one() {
    let world = World::new();
    let run = world.stanch(&["drill"]);
    says(
        &run,
        0,
        &["simulated-key", "disable", "prove-dead", "rotate", "MTTD", "MTTC", "MTTR", "DRILL"],
    );
    says(&world.stanch(&["incident", "list", "--all"]), 0, &["drill"]);
    says(&world.stanch(&["incident", "verify"]), 0, &["holds"]);
}
