//! `stanch hunt`: what a leaked key was used for, from the incident alone. Real server (moto); LookupEvents
//! is extended by us and answers from the calls that were really made.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use jiff::{Timestamp, Unit};
use serde_json::{Value, json};

use crate::moto::WHOLE;
use crate::world::{Run, assert_absent, everything_in};
use crate::{Story, says};

pub(crate) const OFFICE: &str = "192.0.2.10";
pub(crate) const ELSEWHERE: &str = "198.51.100.4";

/// What a responder needs who hunts, too.
pub(crate) fn hunting() -> Vec<&'static str> {
    let mut all = WHOLE.to_vec();
    all.extend(["cloudtrail:LookupEvents", "account:ListRegions"]);
    all
}

impl Story {
    fn hunt(&self, flags: &[&str]) -> Run {
        let mut arguments = vec!["hunt", &self.finding];
        arguments.extend(flags);
        self.stanch(&arguments)
    }

    fn hunt_json(&self, code: i32, flags: &[&str]) -> Value {
        let mut all = vec!["--format", "json"];
        all.extend(flags);
        let run = self.hunt(&all);
        assert_eq!(run.code, code, "{}", run.all());
        serde_json::from_str(&run.out).unwrap_or_else(|_| panic!("no JSON: {}", run.all()))
    }

    fn contained(&self) {
        says(&self.contain(&[]), 0, &[]);
        says(&self.contain(&["--apply"]), 0, &["contained", "next      stanch hunt --incident"]);
    }

    fn exported(&self) -> Value {
        let export = self.stanch(&["incident", "export", "--format", "json"]);
        serde_json::from_str(&export.out).unwrap()
    }

    pub(crate) fn lookups(&self) -> usize {
        let calls = self.moto.calls();
        calls.iter().filter(|(_, call)| call == "cloudtrail:LookupEvents").count()
    }
}

/// Returns an instant that lies between what was done before and what is done after: the log knows
/// whole seconds.
fn from_now_on() -> String {
    let begun = Timestamp::now();
    let next = begun.round(Unit::Second).unwrap() + Duration::from_secs(1);
    std::thread::sleep(next.duration_since(begun).unsigned_abs());
    next.to_string()
}

#[test]
fn tells_what_an_intruder_did_and_what_is_left_of_it() {
    let story = Story::begin_as(&hunting(), &["*"], |moto| {
        moto.responder("web", &[]);
        let secret = json!({ "Name": "db/password", "SecretString": "unlikely-to-be-seen" });
        let ask = json!({ "params": secret, "target": "secretsmanager" });
        let admin = moto.create_user_with_key("admin");
        assert_eq!(moto.call_with(&admin, "secretsmanager:CreateSecret", ask), 200);
    });
    let (moto, leaked) = (&story.moto, &story.leaked);
    moto.call_from(leaked, "iam:GetUser", json!({ "UserName": "billing" }), OFFICE);
    let since = from_now_on();
    moto.call_from(leaked, "iam:GetUser", json!({ "UserName": "billing" }), OFFICE);
    let eve = json!({ "UserName": "eve" });
    for call in ["iam:CreateUser", "iam:CreateAccessKey"] {
        assert_eq!(moto.call_from(leaked, call, eve.clone(), ELSEWHERE), 200);
    }
    let read = json!({ "params": { "SecretId": "db/password" }, "target": "secretsmanager", "ip": ELSEWHERE });
    assert_eq!(moto.call_with(leaked, "secretsmanager:GetSecretValue", read), 200);
    story.contained();
    // The leak is gone, and so is all that was remembered of it: the incident is enough.
    fs::remove_dir_all(story.world.path(".git")).unwrap();

    let run = story.hunt(&["--since", &since]);
    says(&run, 1, &["misused", "user eve", "aws iam delete-user --user-name eve", ELSEWHERE]);
    says(&run, 1, &["class      B", "class      C", "hits also", "--open-children"]);
    says(&run, 1, &["read in part", "data events", "unknown", "db/password"]);
    assert!(!run.all().contains("not accessed"), "{}", run.all());

    let found = story.hunt_json(1, &["--since", &since]);
    let hunt = &found["hunt"];
    assert_eq!(hunt["review"]["conclusion"], "misuse");
    assert_eq!(hunt["review"]["after_leak_unknown_source"], 3);
    assert_eq!(hunt["review"]["uses_after_leak"], 4);
    assert!(hunt["ours"].as_u64().unwrap() >= 1, "the proof's own question is no use: {hunt}");
    assert_eq!(hunt["before"][OFFICE]["count"], 1);
    let key = &moto.keys("eve")[0].0;
    let made = hunt["plan"].as_array().unwrap();
    assert!(made.iter().any(|item| item["what"] == format!("access key {key} of eve")), "{made:?}");
    assert_eq!(hunt["secrets"][0]["what"], "secret db/password");

    let record = story.exported();
    assert_eq!(record["incident"]["usage"]["conclusion"], "misuse");
    says(&story.stanch(&["incident", "show"]), 0, &["misused", "3 uses from addresses"]);
    says(&story.stanch(&["incident", "verify"]), 0, &["holds"]);

    let asked = story.lookups();
    for _ in 0..2 {
        says(&story.hunt(&["--open-children"]), 1, &["opened    INC-", "db/password"]);
    }
    assert_eq!(story.lookups(), asked, "no log is read for that");
    let list = story.stanch(&["incident", "list"]);
    assert_eq!(list.out.matches("db/password").count(), 1, "{}", list.out);
    let parent = found["incident"].as_str().unwrap();
    let child = story.stanch(&["incident", "show"]);
    says(&child, 0, &["came of", &parent[parent.len() - 8..]]);
    says(&story.stanch(&["incident", "show", parent]), 0, &["led to"]);
    assert_absent(&story.secrets(), &everything_in(&story.world.home()), "the data folder");
}

#[test]
fn the_keys_an_intruder_was_given_are_followed() {
    let story = Story::begin_as(&hunting(), &["iam:*"], |moto| {
        moto.user_allowed("eve", &["iam:CreateUser"]);
    });
    let moto = &story.moto;
    moto.call_from(&story.leaked, "iam:ListUsers", json!({}), OFFICE);
    let since = from_now_on();
    let make = json!({ "UserName": "eve" });
    let made = moto.key_made_by(&story.leaked, make, ELSEWHERE);
    let stay = json!({ "UserName": "mallory" });
    assert_eq!(moto.call_from(&made, "iam:CreateUser", stay, "203.0.113.9"), 200);
    story.contained();
    let found = story.hunt_json(1, &["--since", &since]);
    let hunt = &found["hunt"];
    let sources = hunt["review"]["sources"].as_array().unwrap();
    let followed = sources.iter().find(|source| {
        source["name"].as_str().unwrap().contains(&format!("by {}, which it was given", made.id))
    });
    assert_eq!(followed.unwrap()["count"], 1, "{sources:?}");
    let plan = hunt["plan"].as_array().unwrap();
    let stays = plan.iter().find(|item| item["what"] == "user mallory").unwrap();
    assert_eq!(stays["key"], json!(made.id));
    assert_eq!(hunt["review"]["after_leak_unknown_source"], 2);
}

#[test]
fn what_could_not_be_seen_is_unknown() {
    let story = Story::begin_as(&hunting(), &[], |_| {});
    says(&story.hunt(&[]), 2, &["there is no incident of", "stanch contain"]);
    story.contained();
    says(&story.hunt(&["--open-children"]), 2, &["no hunt in this incident was finished"]);
    let found = story.hunt_json(3, &[]);
    let review = &found["hunt"]["review"];
    assert_eq!(review["conclusion"], "unknown");
    assert_eq!(review["uses_after_leak"], 0);
    let sources = review["sources"].as_array().unwrap();
    let last = sources.last().unwrap();
    assert_eq!(last["coverage"], "unknown");
    assert!(last["name"].as_str().unwrap().contains("S3 objects"), "{last}");
    // The leak is older than the log, and the newest uses may not be in it yet.
    let gaps = sources[0]["gaps"].to_string();
    assert!(gaps.contains("90 days") && gaps.contains("hunt again after"), "{gaps}");
    assert_eq!(sources[0]["coverage"], "partial");
    assert_eq!(story.exported()["incident"]["usage"]["conclusion"], "unknown");
}

#[test]
fn where_no_log_may_be_read_that_is_said() {
    let story = Story::begin();
    story.contained();
    let run = story.hunt(&[]);
    says(&run, 2, &["no log could be read", "lacks cloudtrail:LookupEvents", "not read"]);
    assert_eq!(story.exported()["incident"]["usage"]["sources"][0]["coverage"], "none");
}

#[test]
fn a_log_that_holds_all_can_say_that_nothing_was_done() {
    let mut may = hunting();
    may.extend(["logs:StartQuery", "logs:GetQueryResults"]);
    let story = Story::begin_as(&may, &[], |moto| {
        let ask = |params| json!({ "params": params, "target": "Logs_20140328" });
        let group = json!({ "logGroupName": "trail" });
        let admin = moto.create_user_with_key("admin");
        assert_eq!(moto.call_with(&admin, "logs:CreateLogGroup", ask(group)), 200);
    });
    story.contained();
    let an_hour_ago = ["incident", "date", "contained", "1 h ago", "--reason", "by the console"];
    says(&story.stanch(&an_hour_ago), 0, &[]);
    let policy = story.world.home().join("stanch.toml");
    fs::write(&policy, "[aws]\nlog-group = \"trail\"\ndata-events = true\n").unwrap();
    let policy = policy.to_str().unwrap();
    let found = story.hunt_json(0, &["--policy", policy, "--since", "2 h ago"]);
    let review = &found["hunt"]["review"];
    assert_eq!(review["conclusion"], "no-use", "{review}");
    let names: Vec<_> =
        review["sources"].as_array().unwrap().iter().map(|source| &source["coverage"]).collect();
    assert_eq!(names, ["full"; 4], "{review}");

    fs::write(policy, "[aws]\nlog-groups = 1\n").unwrap();
    says(&story.hunt(&["--policy", policy]), 2, &["[aws]", "log-groups"]);
}

#[test]
fn the_questions_for_other_logs_are_written_out_and_nobody_is_asked() {
    let story = Story::begin();
    story.contained();
    let before = story.moto.calls().len();
    let run = story.stanch_as(None, &["hunt", &story.finding, "--queries"]);
    let key = format!("userIdentity.accessKeyId = \"{}\"", story.leaked.id);
    says(&run, 0, &[&key, "FROM cloudtrail_logs", "useridentity.username = 'billing'"]);
    assert_eq!(story.moto.calls().len(), before);
}

#[test]
fn killed_it_goes_on_where_it_stopped() {
    let story = Story::begin_as(&hunting(), &["iam:ListUsers"], |_| {});
    for _ in 0..420 {
        story.moto.call_from(&story.leaked, "iam:ListUsers", json!({}), OFFICE);
    }
    story.contained();
    let variables = story.moto.environment(&story.responder);
    let mut child = story
        .world
        .command(env!("CARGO_BIN_EXE_stanch"))
        .args(["hunt", &story.finding])
        .envs(variables)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let read = lines.filter(|line| line.contains("read the log")).take(5).count();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(read, 5);
    let before = story.lookups();

    let found = story.hunt_json(3, &[]);
    let by_key = &found["hunt"]["review"]["sources"][0];
    assert_eq!(by_key["count"], 420, "each once: {by_key}");
    let begun = |since: usize| {
        let asked = story.moto.parameters("LookupEvents").split_off(since);
        let by_key = asked.iter().filter(|asked| {
            asked["lookupAttributes"][0]["AttributeKey"] == "AccessKeyId"
                && asked.get("nextToken").is_none()
        });
        by_key.count()
    };
    assert_eq!(begun(before), 0, "the search by key was not begun again");
    // What is over begins anew, in each of three regions.
    let before = story.lookups();
    story.hunt_json(3, &[]);
    assert!(begun(before) >= 3);
    says(&story.stanch(&["incident", "verify"]), 0, &["holds"]);
}

#[test]
fn a_role_s_session_is_named_after_the_incident() {
    let mut may = hunting();
    may.extend(["sts:GetCallerIdentity"]);
    let story = Story::begin_as(&[], &[], |moto| {
        let statement = json!({ "Effect": "Allow", "Action": may, "Resource": "*" });
        let policy = json!({ "Version": "2012-10-17", "Statement": [statement] });
        moto.trusting_role("stancher", "ada", &policy);
    });
    let ada = story.moto.user_allowed("ada", &["sts:AssumeRole", "sts:SetSourceIdentity"]);
    let role = format!("arn:aws:iam::{}:role/stancher", crate::moto::ACCOUNT);
    let endpoint = story.endpoint();
    let act = |command: &str, flags: &[&str]| {
        let mut arguments = vec![command, &story.finding, "--aws-role", &role];
        arguments.extend(["--aws-endpoint", endpoint]);
        arguments.extend(flags);
        let before = story.moto.parameters("AssumeRole").len();
        let run = story.stanch_as(Some(&ada), &arguments);
        let assumed = story.moto.parameters("AssumeRole").split_off(before);
        assert!(!assumed.is_empty(), "{}", run.all());
        let names = assumed.iter().flat_map(|asked| {
            [&asked["roleSessionName"], &asked["sourceIdentity"]].map(|name| name.as_str().unwrap())
        });
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.dedup();
        assert_eq!(names.len(), 1, "{names:?}");
        (run, names.remove(0))
    };
    let (shown, name) = act("contain", &[]);
    says(&shown, 0, &[]);
    assert!(name.starts_with(&format!("stanch-plan-{}", story.finding)), "{name}");
    let (applied, name) = act("contain", &["--apply"]);
    says(&applied, 0, &["contained", &format!("incident  {name}")]);
    let undo: &[&str] = &["--undo", "disable", "--revive", "--reason", "a drill"];
    for (command, flags, code) in
        [("contain", &["--recheck"][..], 0), ("hunt", &[], 3), ("contain", undo, 0)]
    {
        let (run, again) = act(command, flags);
        says(&run, code, &[]);
        assert_eq!(again, name, "{command} {flags:?}");
    }
}
