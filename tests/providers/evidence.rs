//! Evidence of an AWS user. Real server (moto): users, groups, policies, reports. Extended by us from
//! AWS's documentation: simulation, boundaries, service-specific credentials, last accessed data.

use std::time::Duration;

use serde_json::json;
use stanch::provider::{Evidence, KeyKind, Known, Observation, Provider};

use crate::moto::{AccessKey, Moto};
use crate::{connect, credential, looker, options};

const DENY_ALL: &str = "arn:aws:iam::aws:policy/AWSDenyAll";
const QUARANTINE: &str = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3";

async fn evidence(moto: &Moto, leaked: &AccessKey, responder: &AccessKey) -> Evidence {
    let aws = connect(moto, responder).await;
    let seen = aws.observe(&credential(leaked)).await.expect("it is ours");
    aws.evidence(&seen).await.expect("evidence has gaps, not errors")
}

fn allowed(evidence: &Evidence, what: &str) -> Known {
    let mut powers = evidence.powers.iter();
    powers.find(|power| power.what == what).expect("it is asked about").allowed
}

#[tokio::test]
async fn tells_what_a_user_may_and_has() {
    let moto = Moto::start();
    let leaked = moto.user_allowed("bot", &["s3:Get*", "iam:CreateUser", "iam:PutUserPolicy"]);
    moto.create_key("bot");
    let root = moto.user_allowed("admin", &["*"]);
    let user = json!({ "UserName": "bot" });
    for (call, params) in [
        ("iam:CreateLoginProfile", json!({ "UserName": "bot", "Password": "x" })),
        ("iam:CreateGroup", json!({ "GroupName": "devs" })),
        ("iam:AddUserToGroup", json!({ "GroupName": "devs", "UserName": "bot" })),
        ("iam:CreateServiceSpecificCredential", {
            let mut with = user.clone();
            with["ServiceName"] = json!("bedrock.amazonaws.com");
            with
        }),
        ("iam:PutGroupPolicy", {
            let document = json!({ "Version": "2012-10-17", "Statement": [
                { "Effect": "Allow", "Action": "ses:Send*", "Resource": "*" },
                { "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "arn:aws:kms:us-east-1:123456789012:key/a" },
                { "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*",
                  "Condition": { "Bool": { "aws:MultiFactorAuthPresent": "true" } } },
            ] });
            json!({ "GroupName": "devs", "PolicyName": "mail", "PolicyDocument": document.to_string() })
        }),
    ] {
        assert_eq!(moto.call(&root, call, params), 200, "{call}");
    }
    let responder = looker(&moto);
    moto.enforce();
    moto.call(&leaked, "sts:GetCallerIdentity", json!({}));
    let seen = evidence(&moto, &leaked, &responder).await;

    // Of a key that makes itself an administrator it matters whether it could lift a restriction.
    assert!(matches!(&seen.gaps[..], [gap] if gap.contains("a race guard")), "{:?}", seen.gaps);
    assert_eq!(
        seen.sentence,
        "This key can read every bucket, decrypt with some keys, send mail in your name, \
         create users and make itself an administrator. \
         Whether it can take on every role that trusts it could not be seen."
    );
    assert_eq!(seen.administers, Known::Yes);
    assert_eq!(allowed(&seen, "start machines at your cost"), Known::No);
    let mail = seen.powers.iter().find(|power| power.what.starts_with("send mail"));
    let through = mail.and_then(|power| power.through.as_deref());
    assert_eq!(through, Some("group_devs_mail (by AWS's simulation)"));
    assert_eq!(seen.quarantined_by, None);

    let documents = &seen.documents;
    let action = &documents["iam:GetUserPolicy bot/test"]["Statement"][0]["Action"];
    assert_eq!(action, &json!(["s3:Get*", "iam:CreateUser", "iam:PutUserPolicy"]));
    assert_eq!(documents["iam:ListAccessKeys bot"].as_array().map(Vec::len), Some(2));
    assert!(documents["iam:GetLoginProfile bot"]["CreateDate"].is_string());
    assert_eq!(documents["iam:ListGroupsForUser bot"], json!(["devs"]));
    assert_eq!(documents["iam:GetCredentialReport bot"]["user"], "bot");
    assert!(documents["iam:GetServiceLastAccessedDetails bot"]["sts"]["At"].is_string());
    let service = &documents["iam:ListServiceSpecificCredentials bot"][0]["ServiceName"];
    assert_eq!(service, "bedrock.amazonaws.com");
    let kept = serde_json::to_string(&seen).expect("it is JSON");
    assert!(
        !kept.contains(&leaked.secret) && !kept.contains("ABSK"),
        "a secret is in the evidence"
    );
}

#[tokio::test]
async fn sees_a_ceiling_and_what_aws_did_itself() {
    let moto = Moto::start();
    let leaked = moto.user_allowed("bot", &["*"]);
    let root = moto.user_allowed("admin", &["*"]);
    let bound = json!({ "UserName": "bot", "PermissionsBoundary": DENY_ALL });
    assert_eq!(moto.call(&root, "iam:PutUserPermissionsBoundary", bound), 200);
    let attach = json!({ "UserName": "bot", "PolicyArn": QUARANTINE });
    assert_eq!(moto.call(&root, "iam:AttachUserPolicy", attach), 200);
    let responder = looker(&moto);
    moto.enforce();
    let seen = evidence(&moto, &leaked, &responder).await;
    assert_eq!(seen.quarantined_by.as_deref(), Some("AWSCompromisedKeyQuarantineV3"));
    assert_eq!(
        seen.sentence,
        "This key can do none of what was asked about. \
         AWS itself has quarantined its user (AWSCompromisedKeyQuarantineV3)."
    );
    assert_eq!(seen.administers, Known::No);
    assert_eq!(seen.documents["iam:GetUser bot"]["PermissionsBoundary"], DENY_ALL);
}

#[tokio::test]
async fn judges_by_the_text_where_aws_may_not_be_asked() {
    let moto = Moto::start();
    let leaked = moto.user_allowed("bot", &["*"]);
    let some: &[&str] = &[
        "iam:GetAccessKeyLastUsed",
        "iam:ListAccessKeys",
        "iam:GetUser",
        "iam:ListAttachedUserPolicies",
        "iam:ListUserPolicies",
        "iam:GetUserPolicy",
        "iam:ListGroupsForUser",
    ];
    let all = moto.responder("some", some);
    let blind = moto.responder("blind", &some[..2]);
    moto.enforce();
    let seen = evidence(&moto, &leaked, &all).await;
    assert_eq!(seen.sentence, "This key can do anything in the account.");
    assert_eq!(seen.administers, Known::Yes);
    assert_eq!(seen.powers[0].through.as_deref(), Some("test (by its text)"));
    let gap = |text: &str| seen.gaps.iter().any(|gap| gap.contains(text));
    assert!(gap("lacks iam:SimulatePrincipalPolicy on arn:aws:iam::123456789012:user/bot"));
    assert!(gap("an organisation's own policies"));

    let unseen = evidence(&moto, &leaked, &blind).await;
    assert!(unseen.sentence.starts_with("What this key can do could not be seen."));
    assert_eq!(unseen.administers, Known::Unknown);
    for permission in
        stanch::provider::aws_iam::policy(stanch::provider::aws_iam::Duty::Observer)["Statement"][0]
            ["Action"]
            .as_array()
            .expect("a list")
    {
        let permission = permission.as_str().expect("a name");
        let first_level = !some[..2].contains(&permission)
            && permission.starts_with("iam:")
            && !["Get", "Role"].iter().any(|deeper| permission.contains(deeper))
            && !permission.contains("Group")
            || permission == "iam:GetUser";
        if first_level {
            let said =
                unseen.gaps.iter().any(|gap| gap.contains(&format!("lacks {permission} on")));
            assert!(said, "{permission}: {:#?}", unseen.gaps);
        }
    }
}

#[tokio::test]
async fn what_does_not_come_in_time_is_a_gap_and_the_rest_is_kept() {
    let moto = Moto::start();
    let leaked = moto.user_allowed("bot", &["s3:GetObject"]);
    let responder = looker(&moto);
    moto.enforce();
    // Until it is long enough for the refused ones to be tried again, however slow the machine.
    for seconds in [4, 16, 64] {
        let mut hasty = options(&moto, &responder);
        hasty.evidence_time = Duration::from_secs(seconds);
        let aws = stanch::provider::aws_iam::AwsIam::connect(hasty).await.expect("a responder");
        let seen = aws.observe(&credential(&leaked)).await.expect("it is ours");
        moto.fault("before=ListGroupsForUser:timeout:3");
        moto.fault("before=ListMFADevices:drop:3");
        moto.fault("before=GetCredentialReport:ReportInProgress:1");
        let seen = aws.evidence(&seen).await.expect("gaps are no errors");
        moto.fault("clear");
        let gaps = seen.gaps.join("\n");
        let late = format!("iam:ListGroupsForUser bot was not answered within {seconds} s");
        assert!(gaps.contains(&late), "{gaps}");
        if seconds < 64 && gaps.matches("not answered within").count() > 1 {
            continue;
        }
        assert_the_rest_is_kept(&seen, &gaps);
        return;
    }
}

fn assert_the_rest_is_kept(seen: &stanch::provider::Evidence, gaps: &str) {
    assert!(gaps.contains("iam:ListMFADevices was sent and not answered"), "{gaps}");
    assert!(seen.documents.contains_key("iam:GetUserPolicy bot/test"));
    assert!(seen.documents.contains_key("iam:GetCredentialReport bot"));
    assert_eq!(seen.administers, Known::Unknown, "a group may administer");
}

#[tokio::test]
async fn asks_everything_at_once() {
    let moto = Moto::start();
    let leaked = moto.user_allowed("bot", &["s3:GetObject"]);
    let aws = connect(&moto, &looker(&moto)).await;
    let seen = aws.observe(&credential(&leaked)).await.expect("it is ours");
    // The list of policies, then the policy; a report is asked for, then read.
    let calls =
        moto.in_rounds(2, async || drop(aws.evidence(&seen).await.expect("gaps only"))).await;
    assert!(calls >= 16, "{calls}");
}

/// The same observation, of a session of that role.
pub(crate) fn of_a_session(seen: &Observation, role: &str) -> Observation {
    let mut seen = seen.clone();
    seen.key.id = "ASIA-OF-A-SESSION".to_owned();
    seen.key.owner = role.to_owned();
    seen.key.kind = KeyKind::Session { issuer: Some(role.to_owned()), ends_at: None };
    seen
}

#[tokio::test]
async fn a_session_s_rights_are_its_role_s() {
    let moto = Moto::start();
    let leaked = moto.user_allowed("bot", &[]);
    moto.responder("reader", &["s3:GetObject"]);
    moto.responder("admin", &["*"]);
    let observer = looker(&moto);
    moto.enforce();
    let aws = connect(&moto, &observer).await;
    let seen = aws.observe(&credential(&leaked)).await.expect("it is ours");
    let role = |name: &str| format!("arn:aws:iam::123456789012:role/{name}");
    let admin = aws.evidence(&of_a_session(&seen, &role("admin"))).await.expect("gaps are none");
    assert_eq!(admin.administers, Known::Yes, "{}", admin.sentence);
    assert!(admin.documents.contains_key("iam:GetRolePolicy admin/test"));
    assert!(admin.gaps[0].contains("given less than its role"), "{:?}", admin.gaps);
    let reader = aws.evidence(&of_a_session(&seen, &role("reader"))).await.expect("gaps are none");
    assert_eq!(reader.administers, Known::No, "{}", reader.sentence);
    let gone = aws.evidence(&of_a_session(&seen, &role("gone"))).await.expect("gaps are none");
    assert!(gone.gaps.iter().any(|gap| gap.contains("there is no role gone")), "{:?}", gone.gaps);
    assert_ne!(gone.administers, Known::Yes);
}
