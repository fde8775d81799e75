//! Restrictions on an AWS user or role, each set, seen, felt by whoever has the key, and lifted. Real
//! server (moto): inline and attached policies, tags, that they are enforced. Extended by us from AWS's
//! documentation: conditions (`aws:SourceIp`, `aws:TokenIssueTime`), boundaries, the quota of inline
//! policies, roles that can't be changed, the fourth edition of the quarantine policy.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use stanch::provider::{Error, Measure, Provider, Restriction, Standing};

use crate::moto::{ACCOUNT, AccessKey, Moto};
use crate::{actor, connect};

const HOME: &str = "203.0.113.9";
const ELSEWHERE: &str = "198.51.100.4";
const DENY_ALL: &str = "arn:aws:iam::aws:policy/AWSDenyAll";

fn on(owner: &str, measure: Measure) -> Restriction {
    Restriction { measure, owner: owner.to_owned(), incident: "INC-7".to_owned() }
}

/// Whether a key may list users, from an address.
fn may(moto: &Moto, key: &AccessKey, ip: &str) -> bool {
    moto.call_from(key, "iam:ListUsers", json!({}), ip) == 200
}

/// Sets a restriction twice, sees that it stands, and returns what was there before.
async fn set(aws: &dyn Provider, restriction: &Restriction) -> Value {
    let Standing { holds, before } = aws.standing(restriction).await.expect("it can be seen");
    assert!(!holds);
    for _ in 0..2 {
        aws.restrict(restriction).await.expect("it can be set");
        assert!(aws.standing(restriction).await.expect("it can be seen").holds);
    }
    before
}

async fn lift(aws: &dyn Provider, restriction: &Restriction, before: &Value) {
    for _ in 0..2 {
        aws.lift(restriction, before).await.expect("it can be lifted");
        let standing = aws.standing(restriction).await.expect("it can be seen");
        assert_eq!(&standing, &Standing { holds: false, before: before.clone() });
    }
}

#[tokio::test]
async fn each_measure_is_felt_and_lifted() {
    let moto = Moto::start();
    let leaked = moto.user_allowed("bot", &["iam:ListUsers"]);
    let aws = connect(&moto, &actor(&moto)).await;
    moto.enforce();
    let session = moto.session_of("bot");
    let networks = vec!["203.0.113.0/24".to_owned()];
    // The key at home and elsewhere, and a session that is older than the measure.
    let (home, elsewhere, old) = ((true, true, true), (true, false, false), (false, false, false));
    let _ = home;
    for (measure, felt) in [
        (Measure::OnlyFrom { networks }, elsewhere),
        (Measure::DenyAll, old),
        (Measure::Boundary, old),
        (Measure::EndSessions { issued_before: later() }, (true, true, false)),
    ] {
        let restriction = on("bot", measure);
        let before = set(&aws, &restriction).await;
        let now = (
            may(&moto, &leaked, HOME),
            may(&moto, &leaked, ELSEWHERE),
            may(&moto, &session, ELSEWHERE),
        );
        assert_eq!(now, felt, "{restriction:?}");
        lift(&aws, &restriction, &before).await;
        assert!(may(&moto, &leaked, ELSEWHERE) && may(&moto, &session, ELSEWHERE));
    }
    assert_eq!(moto.policies("bot"), ["test"], "nothing is left behind");
}

fn later() -> Timestamp {
    Timestamp::now() + SignedDuration::from_secs(1)
}

#[tokio::test]
async fn sessions_begun_after_the_moment_go_on() {
    let moto = Moto::start();
    moto.user_allowed("bot", &["iam:ListUsers"]);
    let aws = connect(&moto, &actor(&moto)).await;
    moto.enforce();
    let old = moto.session_of("bot");
    let restriction = on("bot", Measure::EndSessions { issued_before: Timestamp::now() });
    set(&aws, &restriction).await;
    let new = moto.session_of("bot");
    assert!(!may(&moto, &old, HOME) && may(&moto, &new, HOME));
}

#[tokio::test]
async fn sessions_of_a_role_are_ended_and_those_of_awss_own_roles_explained() {
    let moto = Moto::start();
    let session = moto.responder("web", &["iam:ListUsers"]);
    let aws = connect(&moto, &actor(&moto)).await;
    moto.enforce();
    let role = format!("arn:aws:iam::{ACCOUNT}:role/web");
    let restriction = on(&role, Measure::EndSessions { issued_before: later() });
    let before = set(&aws, &restriction).await;
    assert!(!may(&moto, &session, HOME));
    lift(&aws, &restriction, &before).await;
    assert!(may(&moto, &session, HOME));

    let path = "aws-reserved/sso.amazonaws.com";
    let sso = format!("arn:aws:iam::{ACCOUNT}:role/{path}/AWSReservedSSO_Admin");
    let before = moto.calls().len();
    let refused = aws.restrict(&on(&sso, Measure::EndSessions { issued_before: later() })).await;
    let why = refused.expect_err("AWS keeps it").to_string();
    assert!(why.contains("delete the person's sessions there"), "{why}");
    assert_eq!(moto.calls().len(), before, "nothing was called");
    // AWS's own refusal, where the ARN tells no path.
    moto.role_at("linked", "/aws-service-role/ecs.amazonaws.com/");
    let linked = format!("arn:aws:iam::{ACCOUNT}:role/linked");
    let refused = aws.restrict(&on(&linked, Measure::DenyAll)).await;
    let why = refused.expect_err("AWS keeps it").to_string();
    assert!(why.contains("which the account may not change"), "{why}");
    let refused = aws.restrict(&on(&role, Measure::Boundary)).await;
    assert!(matches!(refused, Err(Error::Unsupported { .. })), "{refused:?}");
    let foreign = on("arn:aws:iam::999999999999:role/web", Measure::DenyAll);
    let refused = aws.restrict(&foreign).await;
    assert!(matches!(refused, Err(Error::Foreign { .. })), "{refused:?}");
    let own = on(&format!("arn:aws:iam::{ACCOUNT}:role/responder"), Measure::DenyAll);
    let refused = aws.restrict(&own).await;
    assert!(matches!(refused, Err(Error::ResponderIsLeaked { .. })), "{refused:?}");
}

#[tokio::test]
async fn the_newest_quarantine_is_taken_and_one_of_awss_own_left() {
    let moto = Moto::start();
    moto.create_user_with_key("bot");
    let aws = connect(&moto, &actor(&moto)).await;
    let restriction = on("bot", Measure::Quarantine);
    let before = set(&aws, &restriction).await;
    assert_eq!(moto.attached("bot"), ["AWSCompromisedKeyQuarantineV4"]);
    lift(&aws, &restriction, &before).await;
    assert_eq!(moto.attached("bot"), Vec::<String>::new());

    // AWS was there first: it stands, and stays when ours is lifted.
    let root = moto.user_allowed("admin", &["*"]);
    let older = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV2";
    let attach = json!({ "UserName": "bot", "PolicyArn": older });
    assert_eq!(moto.call(&root, "iam:AttachUserPolicy", attach), 200);
    let standing = aws.standing(&restriction).await.expect("it can be seen");
    assert!(standing.holds);
    assert_eq!(standing.before["attached"], older);
    aws.lift(&restriction, &standing.before).await.expect("it can be lifted");
    assert_eq!(moto.attached("bot"), ["AWSCompromisedKeyQuarantineV2"]);
}

#[tokio::test]
async fn what_was_there_before_is_put_back() {
    let moto = Moto::start();
    moto.create_user_with_key("bot");
    let root = moto.user_allowed("admin", &["*"]);
    let earlier = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let bound = json!({ "UserName": "bot", "PermissionsBoundary": earlier });
    assert_eq!(moto.call(&root, "iam:PutUserPermissionsBoundary", bound), 200);
    let tag = json!({ "UserName": "bot", "Tags.member.1.Key": "leak-response", "Tags.member.1.Value": "INC-1" });
    assert_eq!(moto.call(&root, "iam:TagUser", tag), 200);
    let aws = connect(&moto, &actor(&moto)).await;
    let boundary = on("bot", Measure::Boundary);
    let before = set(&aws, &boundary).await;
    assert_eq!(before, json!({ "boundary": earlier, "tag": "INC-1" }));
    let deny = on("bot", Measure::DenyAll);
    let between = set(&aws, &deny).await;
    assert_eq!(between, json!({ "policy": null, "tag": "INC-7" }));
    // In reverse order; the tag stays while a restriction of the incident is left.
    lift(&aws, &deny, &between).await;
    assert_eq!(aws.standing(&boundary).await.expect("it can be seen").before["boundary"], DENY_ALL);
    lift(&aws, &boundary, &before).await;
}

#[tokio::test]
async fn a_policy_that_was_changed_does_not_stand() {
    let moto = Moto::start();
    moto.create_user_with_key("bot");
    let root = moto.user_allowed("admin", &["*"]);
    let aws = connect(&moto, &actor(&moto)).await;
    let restriction = on("bot", Measure::DenyAll);
    set(&aws, &restriction).await;
    let weaker = json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "Stanch", "Effect": "Deny", "Action": "ec2:*", "Resource": "*" },
    ] });
    let put = json!({ "UserName": "bot", "PolicyName": "stanch-INC-7-deny-all", "PolicyDocument": weaker.to_string() });
    assert_eq!(moto.call(&root, "iam:PutUserPolicy", put), 200);
    let standing = aws.standing(&restriction).await.expect("it can be seen");
    assert_eq!(
        standing,
        Standing { holds: false, before: json!({ "policy": weaker, "tag": "INC-7" }) }
    );
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let moto = Moto::start();
    let leaked = moto.user_allowed("bot", &["iam:ListUsers"]);
    let few = ["iam:PutUserPolicy", "iam:GetUserPolicy", "iam:ListUserTags"];
    let untagging = connect(&moto, &moto.responder("few", &few)).await;
    let blind = connect(&moto, &moto.responder("blind", &[])).await;
    moto.enforce();
    let user = format!("arn:aws:iam::{ACCOUNT}:user/bot");
    let denied = |call: &str| Error::Denied {
        call: call.to_owned(),
        permission: format!("{call} on {user}"),
    };
    // That the tag is missing is said; that the denial stands is seen.
    let restriction = on("bot", Measure::DenyAll);
    assert_eq!(untagging.restrict(&restriction).await, Err(denied("iam:TagUser")));
    assert!(untagging.standing(&restriction).await.expect("it can be seen").holds);
    assert!(!may(&moto, &leaked, HOME));
    for (measure, first) in [
        (Measure::DenyAll, "iam:PutUserPolicy"),
        (Measure::Boundary, "iam:PutUserPermissionsBoundary"),
    ] {
        let refused = blind.restrict(&on("bot", measure)).await;
        assert_eq!(refused, Err(denied(first)));
    }
    let none = on("bot", Measure::OnlyFrom { networks: Vec::new() });
    let refused = untagging.restrict(&none).await;
    assert!(matches!(refused, Err(Error::Unsupported { .. })), "{refused:?}");
}
