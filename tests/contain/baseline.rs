//! `--only-from baseline`: an owner restricted to where its key was used from before it leaked.
//! Real server (moto), which ignores conditions: what is put is looked at. LookupEvents is extended by us.

use std::fs;

use serde_json::{Value, json};

use crate::hunt::{ELSEWHERE, OFFICE, hunting};
use crate::{Story, says};

/// A leak that was found at once: no commit tells an earlier time.
fn fresh() -> Story {
    let story = Story::begin_as(&hunting(), &["iam:ListUsers"], |_| {});
    fs::remove_dir_all(story.world.path(".git")).unwrap();
    let (id, secret) = (&story.leaked.id, &story.leaked.secret);
    let text = format!("AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY={secret}\n");
    story.world.write("prod.env", text);
    story
}

impl Story {
    fn used_from(&self, address: &str, times: usize) {
        for _ in 0..times {
            self.moto.call_from(&self.leaked, "iam:ListUsers", json!({}), address);
        }
    }
}

const BASELINE: &[&str] = &["--only-from", "baseline"];

#[test]
fn an_owner_is_restricted_to_where_its_key_was_used_from() {
    let story = fresh();
    story.used_from(OFFICE, 3);
    story.used_from("2001:db8:1:2:3:4:5:6", 1);
    // What is refused shows nobody who may.
    story.moto.call_from(&story.leaked, "iam:CreateUser", json!({ "UserName": "eve" }), ELSEWHERE);
    story.moto.age(60);
    // Too late to count as before the leak.
    story.used_from(ELSEWHERE, 1);

    says(&story.contain(&[]), 0, &["plan hash"]);
    says(&story.contain(&["--apply", "--only-from", "baseline"]), 2, &["no networks from the log"]);
    assert_eq!(story.lookups(), 0, "nobody asked for it");

    let flags = ["--only-from", "baseline,203.0.113.0/24", "--format", "json"];
    let plan: Value = serde_json::from_str(&story.contain(&flags).out).unwrap();
    let request = &plan["plan"]["request"];
    let networks = json!(["192.0.2.10/32", "2001:db8:1:2::/64", "203.0.113.0/24"]);
    assert_eq!(request["narrow"]["networks"], networks, "{request}");
    assert_eq!(request["baseline"]["networks"]["192.0.2.10/32"], 3);

    let plan = story.contain(BASELINE);
    says(&plan, 0, &["192.0.2.10/32", "(3", "2001:db8:1:2::/64", "(1 use)", "as the log shows"]);
    let asked = story.lookups();
    says(&story.contain(&["--apply", "--only-from", "baseline"]), 0, &["contained"]);
    assert_eq!(story.lookups(), asked, "the list is the one that was shown");
    let put = story.moto.policy_of("billing", "only-from");
    let condition = &put["Statement"][0]["Condition"]["NotIpAddress"]["aws:SourceIp"];
    assert_eq!(*condition, json!(["192.0.2.10/32", "2001:db8:1:2::/64"]), "{put}");
}

#[test]
fn without_a_baseline_nobody_is_restricted_to_it() {
    let story = fresh();
    says(&story.contain(BASELINE), 2, &["the log shows no use of the key", "--narrow"]);
    story.used_from("10.0.0.5", 1);
    story.moto.age(60);
    says(&story.contain(BASELINE), 2, &["private network (10.0.0.5)", "nothing was changed"]);

    // A leak that is older than the log.
    let old = Story::begin_as(&hunting(), &[], |_| {});
    says(&old.contain(BASELINE), 2, &["could not be read whole", "90 days"]);
    let blind = Story::begin();
    says(&blind.contain(BASELINE), 2, &["lacks cloudtrail:LookupEvents"]);
    says(&blind.contain(&["--only-from", "basement"]), 2, &["a network is like"]);
}
