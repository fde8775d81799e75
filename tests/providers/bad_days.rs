//! What a responder sees on a bad day, in AWS's stead moto with the fault ordered from the launcher.
//! Real server: the users, keys and policies. Extended by us: the quota of inline policies, a clock that
//! is wrong, CloudTrail. Replayed: the codes and pages of the faults themselves.
//!
//! | what happens | what the responder sees | what is done |
//! |---|---|---|
//! | AWS throttles | `iam:UpdateAccessKey was throttled` | nothing; a question is asked again, a change not |
//! | AWS fails (5xx) | `… was sent and not answered: HTTP 500` | unknown, until a look tells |
//! | the responder's session ends in mid-run | `AWS answered ExpiredToken; the session is over: sign in again` | nothing |
//! | a region is down | `the log of us-west-2 could not be read: …` in the gaps | the other regions are searched, keys are stopped |
//! | the user is gone | the key counts as stopped; `user bot does not exist` for a restriction | nothing is left to do |
//! | the key is inactive already | it is stopped again without an error | it stays so |
//! | the user has two keys | both are shown; `iam:CreateAccessKey: the provider allows no more for …` | no third key |
//! | the quota of policies is full | `… inline policies are full …: remove one that nobody needs, or use a permissions boundary or the quarantine instead` | the boundary works |
//! | the clock is wrong | `AWS answered SignatureDoesNotMatch; set this machine's clock, it is 1h off` | no change; a question is signed again by AWS's clock; the leaked key is not taken for dead |
//! | the endpoint lies | "done", and a look shows that it isn't | looking decides |

//!
//! `cargo test --test providers bad_days -- --nocapture` prints a row for each: what was ordered from the
//! launcher, the line the responder saw, and how things stood in the end.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use stanch::provider::aws_iam::{AwsIam, Options};
use stanch::provider::{
    Error, Key, KeyState, Liveness, Measure, Provider, Restriction, Search, SearchBy,
};
use stanch::secret::Credential;

use crate::moto::{AccessKey, Moto};
use crate::{actor, connect, credential, live, looker, options, state};

struct Night {
    moto: Moto,
    aws: AwsIam,
    leaked: Credential,
    root: AccessKey,
    key: Key,
}

/// A leaked key that was just looked at by a responder with the printed policy.
async fn night() -> Night {
    let moto = Moto::start();
    let leaked = credential(&moto.user_allowed("bot", &["iam:ListUsers"]));
    let root = moto.user_allowed("admin", &["*"]);
    let ops = actor(&moto);
    moto.enforce();
    let aws = connect(&moto, &ops).await;
    let key = aws.observe(&leaked).await.expect("it is ours").key;
    Night { moto, aws, leaked, root, key }
}

/// Prints a row of the table of faults: the states are the provider's own.
#[expect(clippy::print_stdout, reason = "a table that is asked for with --nocapture")]
fn row(moto: &Moto, ordered: &str, seen: impl std::fmt::Display, in_the_end: &str) {
    let keys = moto.keys_if_any("bot").into_iter().map(|(_, state)| state.to_lowercase());
    let keys = match keys.collect::<Vec<_>>() {
        keys if keys.is_empty() => "no key".to_owned(),
        keys => format!("keys {}", keys.join(", ")),
    };
    println!("| {ordered} | {seen} | {keys}; {in_the_end} |");
}

fn on_bot(measure: Measure) -> Restriction {
    Restriction { measure, owner: "bot".to_owned(), incident: "INC-7".to_owned() }
}

#[tokio::test]
async fn aws_throttles() {
    let Night { moto, aws, key, .. } = night().await;
    moto.fault("throttle=UpdateAccessKey:1");
    let seen = aws.disable(&key).await.expect_err("it is throttled");
    assert_eq!(seen.to_string(), "iam:UpdateAccessKey was throttled");
    assert_eq!(moto.keys("bot")[0].1, "Active");
    moto.fault("throttle=ListAccessKeys:2");
    assert_eq!(state(&aws, &key).await, KeyState::Active);
    row(
        &moto,
        "throttle=UpdateAccessKey:1",
        seen,
        "nothing was done, so it can be asked for again",
    );
    aws.disable(&key).await.expect("the next time it is done");
}

#[tokio::test]
async fn aws_fails() {
    for (when, really) in [("before", KeyState::Active), ("after", KeyState::Inactive)] {
        let Night { moto, aws, key, .. } = night().await;
        moto.fault(&format!("{when}=UpdateAccessKey:500"));
        let seen = aws.disable(&key).await.expect_err("nobody knows");
        assert_eq!(seen.to_string(), "iam:UpdateAccessKey was sent and not answered: HTTP 500");
        assert_eq!(state(&aws, &key).await, really);
        row(&moto, &format!("{when}=UpdateAccessKey:500"), seen, "a look told");
        moto.fault(&format!("{when}=PutUserPolicy:503"));
        let deny = on_bot(Measure::DenyAll);
        let seen = aws.restrict(&deny).await.expect_err("nobody knows").to_string();
        assert_eq!(seen, "iam:PutUserPolicy was sent and not answered: HTTP 503");
        let holds = aws.standing(&deny).await.expect("it can be seen").holds;
        assert_eq!(holds, really == KeyState::Inactive);
    }
}

#[tokio::test]
async fn the_responders_session_ends_in_mid_run() {
    let Night { moto, aws, key, .. } = night().await;
    for (call, done) in [("UpdateAccessKey", true), ("TagUser", false)] {
        moto.fault(&format!("before={call}:ExpiredToken:9"));
        moto.fault("before=PutUserPolicy:ExpiredToken");
        let seen = match done {
            true => aws.disable(&key).await,
            false => aws.restrict(&on_bot(Measure::DenyAll)).await,
        };
        let seen = seen.expect_err("it is over");
        assert!(matches!(seen, Error::NoResponder { .. }), "{seen:?}");
        let words =
            "AWS answered ExpiredToken; the session is over: sign in again (`aws sso login`)";
        assert!(seen.to_string().contains(words), "{seen}");
        row(&moto, &format!("before={call}:ExpiredToken"), seen, "nothing was done");
        moto.fault("clear");
    }
    assert_eq!(moto.keys("bot")[0].1, "Active");
    assert_eq!(moto.policies("bot"), ["test"]);
}

#[tokio::test]
async fn a_region_is_down() {
    let Night { moto, aws: responder, leaked, key, .. } = night().await;
    let ops = looker(&moto);
    let now = std::sync::Arc::new(Timestamp::now);
    let aws = AwsIam::connect(Options { clock: now, ..options(&moto, &ops) }).await;
    let aws = aws.expect("there is a responder");
    moto.fault("deaf=us-west-2");
    let search = Search {
        log: "event-history".to_owned(),
        by: SearchBy::Key(leaked.public("id").expect("it has one").to_owned()),
        since: Timestamp::now() - SignedDuration::from_hours(1),
        until: Timestamp::now(),
    };
    let (mut gaps, mut next) = (Vec::new(), None);
    loop {
        let page = aws.activity(&search, next.as_deref()).await.expect("the others can be read");
        gaps.extend(page.gaps);
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    let is_down = |gap: &&String| gap.starts_with("the log of us-west-2 could not be read");
    let down: Vec<_> = gaps.iter().filter(is_down).collect();
    assert_eq!(down.len(), 1, "{gaps:?}");
    responder.disable(&key).await.expect("keys are stopped elsewhere");
    row(&moto, "deaf=us-west-2", down[0], "the other regions were searched, the gap is told");
}

#[tokio::test]
async fn the_user_is_gone() {
    let Night { moto, aws, leaked, key, .. } = night().await;
    let seen = aws.observe(&leaked).await.expect("it is ours");
    moto.delete_user("bot");
    aws.disable(&key).await.expect("what is gone is stopped");
    let evidence = aws.evidence(&seen).await.expect("gaps are no errors");
    assert!(evidence.gaps.contains(&"there is no user bot (any more)".to_owned()));
    let refused = aws.restrict(&on_bot(Measure::DenyAll)).await.expect_err("there is nobody");
    assert_eq!(refused.to_string(), "iam:PutUserPolicy: user bot does not exist");
    let seen = aws.observe(&leaked).await.expect("its id says that it was ours");
    assert_eq!(seen.key.state, KeyState::Absent);
    let answer = live(&aws, &leaked).await;
    let Liveness::Refused { code } = &answer else { panic!("{answer:?}") };
    row(&moto, "the user is deleted", refused, &format!("the key is refused ({code}): it is dead"));
}

#[tokio::test]
async fn the_key_is_inactive_already() {
    let Night { moto, aws, leaked, key, .. } = night().await;
    aws.disable(&key).await.expect("somebody was faster");
    let seen = aws.observe(&leaked).await.expect("it is ours");
    assert_eq!(seen.key.state, KeyState::Inactive);
    aws.disable(&seen.key).await.expect("twice is once");
    assert_eq!(moto.keys("bot")[0].1, "Inactive");
    let words = format!("key {} is {}", seen.key.id, seen.key.state);
    row(&moto, "somebody stopped the key", words, "it stays so");
}

#[tokio::test]
async fn the_user_has_two_keys() {
    let Night { moto, aws, leaked, .. } = night().await;
    let other = moto.create_key("bot");
    let seen = aws.observe(&leaked).await.expect("it is ours");
    let siblings: Vec<_> = seen.siblings.iter().map(|key| (key.id.as_str(), key.state)).collect();
    assert_eq!(siblings, [(other.id.as_str(), KeyState::Active)]);
    let refused = aws.create("bot").await.map(|made| made.key).expect_err("two are the most");
    let words =
        "iam:CreateAccessKey: the provider allows no more for arn:aws:iam::123456789012:user/bot";
    assert_eq!(refused.to_string(), words);
    assert_eq!(moto.keys("bot").len(), 2);
    row(&moto, "a second key", refused, "no third was made, both are shown");
}

#[tokio::test]
async fn the_quota_of_policies_is_full() {
    let Night { moto, aws, root, .. } = night().await;
    let long = format!("arn:aws:s3:::{}", "a".repeat(1_820));
    let document = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "s3:GetObject", "Resource": long },
    ] });
    let put =
        json!({ "UserName": "bot", "PolicyName": "long", "PolicyDocument": document.to_string() });
    assert_eq!(moto.call(&root, "iam:PutUserPolicy", put), 200);
    let refused = aws.restrict(&on_bot(Measure::DenyAll)).await.expect_err("it is full");
    assert!(matches!(refused, Error::Quota { .. }), "{refused:?}");
    let words =
        "remove one that nobody needs, or use a permissions boundary or the quarantine instead";
    assert!(refused.to_string().contains(words), "{refused}");
    assert!(!aws.standing(&on_bot(Measure::DenyAll)).await.expect("it can be seen").holds);
    row(
        &moto,
        "an inline policy that fills the quota",
        refused,
        "a boundary or the quarantine stands instead",
    );
    for measure in [Measure::Boundary, Measure::Quarantine] {
        aws.restrict(&on_bot(measure.clone())).await.expect("another way is open");
        assert!(aws.standing(&on_bot(measure)).await.expect("it can be seen").holds);
    }
}

#[tokio::test]
async fn the_clock_is_wrong() {
    let Night { moto, aws, leaked, key, .. } = night().await;
    moto.fault("skew=3600");
    let seen = aws.disable(&key).await.expect_err("the signature is not in time").to_string();
    let words = "AWS answered SignatureDoesNotMatch; set this machine's clock, it is";
    assert!(seen.contains(words), "{seen}");
    assert_eq!(moto.keys("bot")[0].1, "Active");
    // A question may be asked again, and is then signed by the server's clock.
    assert_eq!(state(&aws, &key).await, KeyState::Active);
    let answer = live(&aws, &leaked).await;
    let Liveness::Unknown { why } = &answer else { panic!("{answer:?}") };
    assert!(why.contains("but this machine's clock is"), "{why}");
    row(&moto, "skew=3600", seen, "nothing was done, and the leaked key isn't taken for dead");
    moto.fault("clear");
    assert_eq!(state(&aws, &key).await, KeyState::Active);
}

#[tokio::test]
async fn the_endpoint_lies() {
    let Night { moto, aws, leaked, key, .. } = night().await;
    moto.fault("lie=UpdateAccessKey");
    aws.disable(&key).await.expect("it says that it is done");
    assert_eq!(state(&aws, &key).await, KeyState::Active, "looking decides");
    assert!(matches!(live(&aws, &leaked).await, Liveness::Accepted { .. }));
    let deny = on_bot(Measure::DenyAll);
    moto.fault("lie=PutUserPolicy");
    aws.restrict(&deny).await.expect("it says that it is done");
    assert!(!aws.standing(&deny).await.expect("it can be seen").holds);
    // One that doesn't say who the responder is, is not acted with.
    moto.fault("lie=GetCallerIdentity");
    let seen = aws.observe(&leaked).await.expect_err("nobody was named").to_string();
    assert!(seen.contains("the answer names nobody"), "{seen}");
    assert_eq!(moto.keys("bot")[0].1, "Active");
    row(&moto, "lie=UpdateAccessKey", "done; and the next look: active", "a look decides");
    row(&moto, "lie=GetCallerIdentity", seen, "nothing was done");
}
