//! Bedrock API keys. Extended by us from AWS's documentation: service-specific credentials of IAM, and
//! Bedrock's answer to a key it knows and to one it doesn't. The form of a short-term key is made up from
//! the documented one.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use stanch::provider::aws_iam::{AwsBedrock, Options};
use stanch::provider::{Error, KeyKind, KeyState, Liveness, Operation, Provider};
use stanch::secret::{Credential, Part, Secret};

use crate::moto::{ACCOUNT, AccessKey, Moto};
use crate::{
    a_second_key_works_until_it_is_removed, actor, live, looking_changes_nothing, options,
    stopping_and_starting_twice_is_once,
};

fn credential(key: &str) -> Credential {
    let key = Part::Secret(Secret::new(key));
    Credential {
        pattern: "aws-bedrock-long-term-key".to_owned(),
        provider: "aws-bedrock".to_owned(),
        parts: BTreeMap::from([("key".to_owned(), key)]),
    }
}

async fn connect(moto: &Moto, responder: &AccessKey) -> AwsBedrock {
    let now = std::sync::Arc::new(jiff::Timestamp::now);
    let options = Options { clock: now, ..options(moto, responder) };
    AwsBedrock::connect(options).await.expect("there is a responder")
}

/// Stops, starts, replaces and removes a key, as the responder's policy must allow.
pub(crate) async fn whole_life(moto: &Moto, responder: &AccessKey) {
    let aws = connect(moto, responder).await;
    moto.make_user("writer");
    let leaked = aws.create("writer").await.expect("a key").credential;
    let key = looking_changes_nothing(&aws, &leaked).await;
    assert_eq!(key.kind, KeyKind::Service { service: "bedrock".to_owned() });
    stopping_and_starting_twice_is_once(&aws, &leaked, &key).await;
    a_second_key_works_until_it_is_removed(&aws, &leaked, &key).await;
    aws.delete(&key).await.expect("it can be removed");
    let gone = aws.observe(&leaked).await.expect("it is seen to be gone").key;
    assert_eq!((gone.state, gone.owner.as_str()), (KeyState::Absent, "writer"));
}

#[tokio::test]
async fn a_long_term_key_keeps_the_promises() {
    let moto = Moto::start();
    let responder = actor(&moto);
    moto.enforce();
    whole_life(&moto, &responder).await;
}

#[tokio::test]
async fn looking_is_one_round_trip_and_names_what_is_missing() {
    let moto = Moto::start();
    let ops = actor(&moto);
    let blind = moto.responder("blind", &[]);
    moto.make_user("writer");
    moto.enforce();
    let aws = connect(&moto, &ops).await;
    let leaked = aws.create("writer").await.expect("a key").credential;
    let calls = moto.in_rounds(1, async || drop(aws.observe(&leaked).await.expect("ours"))).await;
    assert_eq!(calls, 2);
    let seen = aws.observe(&leaked).await.expect("it is ours");
    let said: Vec<_> = aws.calls(Operation::Observe).into_iter().map(|call| call.name).collect();
    assert_eq!(said, ["sts:GetCallerIdentity", "iam:ListServiceSpecificCredentials"]);

    let aws = connect(&moto, &blind).await;
    let user = format!("arn:aws:iam::{ACCOUNT}:user/writer");
    let denied = |call: &str| Error::Denied {
        call: call.to_owned(),
        permission: format!("{call} on {user}"),
    };
    let refused = aws.observe(&leaked).await;
    assert_eq!(refused, Err(denied("iam:ListServiceSpecificCredentials")));
    for (refused, call) in [
        (aws.disable(&seen.key).await, "iam:UpdateServiceSpecificCredential"),
        (aws.delete(&seen.key).await, "iam:DeleteServiceSpecificCredential"),
    ] {
        assert_eq!(refused, Err(denied(call)));
    }
    let foreign = STANDARD.encode("jane-at-999999999999:c2VjcmV0");
    let refused = aws.observe(&credential(&format!("ABSK{foreign}"))).await;
    assert!(matches!(refused, Err(Error::Foreign { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_lost_answer_and_a_strange_one_prove_nothing() {
    let moto = Moto::start();
    let ops = actor(&moto);
    moto.make_user("writer");
    let aws = connect(&moto, &ops).await;
    let made = aws.create("writer").await.expect("a key");
    moto.fault("after=UpdateServiceSpecificCredential:drop");
    let lost = aws.disable(&made.key).await;
    assert!(matches!(lost, Err(Error::Unanswered { .. })), "{lost:?}");
    assert_eq!(aws.keys("writer").await.expect("a list")[0].state, KeyState::Inactive);
    let answer = live(&aws, &made.credential).await;
    assert!(matches!(answer, Liveness::Refused { .. }), "{answer:?}");
    let unknown = STANDARD.encode(format!("writer+9-at-{ACCOUNT}:c2VjcmV0"));
    let answer = live(&aws, &credential(&format!("ABSK{unknown}"))).await;
    assert!(matches!(answer, Liveness::Refused { .. }), "{answer:?}");
    let told = format!("{aws:?}{made:?}{answer:?}");
    let secret = made.credential.secret("key").and_then(Secret::expose_str).expect("a key");
    assert!(!told.contains(secret), "a secret was told");
}

#[tokio::test]
async fn a_short_term_key_is_a_session() {
    let moto = Moto::start();
    let ops = actor(&moto);
    let web = moto.responder("web", &["iam:ListUsers"]);
    moto.call(&web, "iam:ListUsers", json!({}));
    let aws = connect(&moto, &ops).await;
    let key = |date: &str| {
        let request = format!(
            "bedrock.amazonaws.com/?Action=CallWithBearerToken&X-Amz-Credential={}%2F20260102%2F\
             us-east-1%2Fbedrock%2Faws4_request&X-Amz-Date={date}&X-Amz-Expires=43200",
            web.id
        );
        credential(&format!("bedrock-api-key-{}", STANDARD.encode(request)))
    };
    let today = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let seen = aws.observe(&key(&today)).await.expect("it is a session").key;
    assert_eq!((seen.id.as_str(), seen.state), (web.id.as_str(), KeyState::Active));
    let KeyKind::Session { issuer, ends_at } = &seen.kind else { panic!("{seen:?}") };
    assert_eq!(issuer.as_deref(), Some(format!("arn:aws:iam::{ACCOUNT}:role/web").as_str()));
    assert!(ends_at.is_some());
    let refused = aws.disable(&seen).await.expect_err("it can't be stopped").to_string();
    assert!(refused.contains("end the sessions of"), "{refused}");
    let seen = aws.observe(&key("20260102T030405Z")).await.expect("it is a session").key;
    assert_eq!(seen.state, KeyState::Absent, "it has ended by itself");
}
