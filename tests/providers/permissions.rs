//! The printed policies against what is really called. Real server (moto), which enforces them; calls it
//! lacks are extended by us. The policy for deliveries: where those are tested, `tests/engine/places.rs`.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use stanch::provider::aws_iam::{AwsIam, Duty, Options, policy};
use stanch::provider::{Key, Measure, Provider, Restriction, Search, SearchBy};

use crate::moto::{ACCOUNT, AccessKey, Moto};
use crate::{actor, connect, credential, looker, options};

fn granted(duty: Duty) -> BTreeSet<String> {
    let policy = policy(duty);
    let statements = policy["Statement"].as_array().expect("statements");
    let allowing = statements.iter().filter(|statement| statement["Effect"] == "Allow");
    let actions = allowing.flat_map(|statement| statement["Action"].as_array().expect("a list"));
    actions.map(|action| action.as_str().expect("a name").to_owned()).collect()
}

fn called(moto: &Moto, as_key: &AccessKey) -> BTreeSet<String> {
    let calls = moto.calls().into_iter().filter(|(id, _)| *id == as_key.id);
    calls.map(|(_, call)| call).filter(|call| call != "sts:GetCallerIdentity").collect()
}

/// Everything that changes nothing, and leaves a user with one policy of each sort to be read.
async fn look(aws: &dyn Provider, leaked: &AccessKey) -> Key {
    let seen = aws.observe(&credential(leaked)).await.expect("it is ours");
    let evidence = aws.evidence(&seen).await.expect("gaps are no errors");
    assert_eq!(evidence.gaps, Vec::<String>::new());
    let role = crate::evidence::of_a_session(&seen, &format!("arn:aws:iam::{ACCOUNT}:role/web"));
    let of_role = aws.evidence(&role).await.expect("gaps are no errors");
    assert_eq!(of_role.gaps.len(), 1, "{:?}", of_role.gaps);
    let now = Timestamp::now();
    let search = Search {
        log: "event-history".to_owned(),
        by: SearchBy::Key(leaked.id.clone()),
        since: now - SignedDuration::from_hours(1),
        until: now,
    };
    aws.activity(&search, None).await.expect("the log can be read");
    for measure in measures() {
        aws.standing(&on("bot", measure)).await.expect("it can be seen");
    }
    let role = on(&format!("arn:aws:iam::{ACCOUNT}:role/web"), Measure::DenyAll);
    aws.standing(&role).await.expect("it can be seen");
    seen.key
}

fn on(owner: &str, measure: Measure) -> Restriction {
    Restriction { measure, owner: owner.to_owned(), incident: "INC-7".to_owned() }
}

fn measures() -> [Measure; 3] {
    [Measure::DenyAll, Measure::Boundary, Measure::Quarantine]
}

fn world(moto: &Moto) -> AccessKey {
    let leaked = moto.user_allowed("bot", &["s3:GetObject"]);
    moto.responder("web", &["s3:GetObject"]);
    let root = moto.user_allowed("admin", &["*"]);
    let document = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" },
    ] })
    .to_string();
    for (call, params) in [
        ("iam:CreateGroup", json!({ "GroupName": "devs" })),
        ("iam:AddUserToGroup", json!({ "GroupName": "devs", "UserName": "bot" })),
        (
            "iam:AttachUserPolicy",
            json!({ "UserName": "bot", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess" }),
        ),
        (
            "iam:PutGroupPolicy",
            json!({ "GroupName": "devs", "PolicyName": "none", "PolicyDocument": document }),
        ),
    ] {
        assert_eq!(moto.call(&root, call, params), 200, "{call}");
    }
    leaked
}

#[tokio::test]
async fn an_observer_needs_the_printed_policy_and_all_of_it() {
    let moto = Moto::start();
    let leaked = world(&moto);
    let observer = looker(&moto);
    moto.enforce();
    let aws = connect(&moto, &observer).await;
    look(&aws, &leaked).await;
    assert_eq!(called(&moto, &observer), granted(Duty::Observer));
}

#[tokio::test]
async fn a_responder_needs_the_printed_policy_and_all_of_it() {
    let moto = Moto::start();
    let leaked = world(&moto);
    let responder = actor(&moto);
    moto.enforce();
    let aws = connect(&moto, &responder).await;
    let key = look(&aws, &leaked).await;
    aws.disable(&key).await.expect("it can be stopped");
    aws.enable(&key).await.expect("and started");
    for measure in measures() {
        let restriction = on("bot", measure);
        let before = aws.standing(&restriction).await.expect("it can be seen").before;
        aws.restrict(&restriction).await.expect("it can be set");
        aws.lift(&restriction, &before).await.expect("and lifted");
    }
    let role = on(&format!("arn:aws:iam::{ACCOUNT}:role/web"), Measure::DenyAll);
    let before = aws.standing(&role).await.expect("it can be seen").before;
    aws.restrict(&role).await.expect("it can be set");
    aws.lift(&role, &before).await.expect("and lifted");
    let made = aws.create("bot").await.expect("a second key").key;
    aws.delete(&made).await.expect("it can be removed");
    crate::bedrock::whole_life(&moto, &responder).await;
    assert_eq!(called(&moto, &responder), granted(Duty::Responder));
}

#[test]
fn a_race_guard_forbids_what_would_lift_each_restriction_and_is_for_tagged_users_alone() {
    let guard = policy(Duty::RaceGuard);
    let statement = &guard["Statement"][0];
    assert_eq!(statement["Condition"]["Null"]["aws:PrincipalTag/leak-response"], "false");
    let calls: Vec<_> = statement["Action"].as_array().expect("calls").iter().collect();
    for call in [
        "iam:UpdateAccessKey",
        "iam:CreateAccessKey",
        "iam:DeleteUserPolicy",
        "iam:DetachUserPolicy",
        "iam:DeleteUserPermissionsBoundary",
        "iam:PutUserPolicy",
        "iam:UntagUser",
        "iam:DeleteRolePolicy",
    ] {
        assert!(calls.iter().any(|allowed| **allowed == call), "{call}");
    }
    let looks =
        |call: &&&serde_json::Value| call.as_str().is_some_and(|call| call.contains(":Get"));
    assert_eq!(calls.iter().filter(looks).count(), 0, "looking is nobody's harm");
}

#[test]
fn the_command_prints_them() {
    let duties = [
        ("observer", Duty::Observer),
        ("responder", Duty::Responder),
        ("delivery", Duty::Delivery),
        ("race-guard", Duty::RaceGuard),
    ];
    for (name, duty) in duties {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_stanch"));
        let output = command.args(["ready", "--aws-policy", name]).output().expect("it runs");
        assert!(output.status.success());
        let printed: serde_json::Value =
            serde_json::from_slice(&output.stdout).expect("it is JSON");
        assert_eq!(printed, policy(duty), "{name}");
    }
}

#[tokio::test]
async fn a_role_is_assumed_for_the_incident_and_says_so() {
    let moto = Moto::start();
    let leaked = moto.create_user_with_key("bot");
    let ada = moto.user_allowed("ada", &["sts:AssumeRole", "sts:SetSourceIdentity"]);
    let eve = moto.create_user_with_key("eve");
    moto.trusting_role("stancher", "ada", &policy(Duty::Responder));
    let as_role = |base: &AccessKey| Options {
        role: Some(format!("arn:aws:iam::{ACCOUNT}:role/stancher")),
        incident: Some("INC-7".to_owned()),
        ..options(&moto, base)
    };
    moto.enforce();
    let aws = AwsIam::connect(as_role(&ada)).await.expect("it can be assumed");
    let seen = aws.observe(&credential(&leaked)).await.expect("it is ours");
    let session = format!("arn:aws:sts::{ACCOUNT}:assumed-role/stancher/INC-7");
    assert_eq!(seen.responder.name, session);
    aws.disable(&seen.key).await.expect("it can be stopped");
    assert_eq!(moto.keys("bot")[0].1, "Inactive");
    let assumed = moto.parameters("AssumeRole");
    assert_eq!(assumed.len(), 1, "a session is kept: {assumed:?}");
    assert_eq!(assumed[0]["sourceIdentity"], "INC-7");
    assert_eq!(assumed[0]["roleSessionName"], "INC-7");

    let refused = AwsIam::connect(as_role(&eve)).await;
    let why = refused.expect_err("she may not").to_string();
    assert!(
        why.contains("lacks sts:AssumeRole on arn:aws:iam::123456789012:role/stancher"),
        "{why}"
    );
    let nonsense = Options { role: Some("stancher".to_owned()), ..options(&moto, &ada) };
    let refused = AwsIam::connect(nonsense).await.expect_err("it is no role").to_string();
    assert!(refused.contains("is not a role's ARN"), "{refused}");
}
