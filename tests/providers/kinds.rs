//! Kinds of keys, and whose they are. Real server (moto): users, roles, refusals. Extended by us from
//! AWS's documentation: the log that tells who issued a session, sessions of users.

use serde_json::json;
use stanch::provider::aws_iam::{AwsIam, Options};
use stanch::provider::{Error, Key, KeyKind, KeyState, Provider};

use crate::moto::{ACCOUNT, AccessKey, Moto};
use crate::{actor, connect, credential, options, somebody};

#[tokio::test]
async fn bait_and_foreign_keys_are_never_called() {
    let moto = Moto::start();
    let ops = actor(&moto);
    let leaked = moto.create_user_with_key("bot");
    moto.enforce();
    // A published bait key, in two halves so that this file holds none.
    let bait = AccessKey { id: ["AKIASP2TP", "HJSQH3FJRUX"].concat(), ..somebody("AKIA") };
    let aws = connect(&moto, &ops).await;
    let seen = aws.observe(&credential(&bait)).await;
    let error = Error::Bait { account: "171436882533".to_owned() };
    assert_eq!(seen, Err(error.clone()));
    assert_eq!(aws.probe(&credential(&bait)).await, Err(error));

    // With a list of one's own accounts, nothing else is asked about, whatever the responder is.
    let others = Options {
        accounts: vec!["111122223333".to_owned(), "444455556666".to_owned()],
        ..options(&moto, &ops)
    };
    let aws = AwsIam::connect(others).await.expect("there is a responder");
    let foreign = Error::Foreign {
        account: ACCOUNT.to_owned(),
        responder: "111122223333, 444455556666".to_owned(),
    };
    assert_eq!(aws.observe(&credential(&leaked)).await, Err(foreign.clone()));
    assert_eq!(aws.probe(&credential(&leaked)).await, Err(foreign));
    assert_eq!(moto.calls(), [], "nothing was called");

    let own = Options { accounts: vec![ACCOUNT.to_owned()], ..options(&moto, &ops) };
    let aws = AwsIam::connect(own).await.expect("there is a responder");
    let seen = aws.observe(&credential(&leaked)).await.expect("it is ours");
    assert_eq!((seen.key.kind, seen.key.state), (KeyKind::Lasting, KeyState::Active));
}

#[tokio::test]
async fn a_root_users_key_is_seen_and_left_to_a_person() {
    let moto = Moto::start();
    // moto has no root user; AWS answers such a key with this name.
    let leaked = moto.create_user_with_key("<root_account>");
    let aws = connect(&moto, &actor(&moto)).await;
    let seen = aws.observe(&credential(&leaked)).await.expect("it is seen");
    assert_eq!(seen.key.kind, KeyKind::Root);
    assert_eq!((seen.key.owner.as_str(), seen.siblings.len()), ("root", 0));
    for refused in [aws.disable(&seen.key).await, aws.delete(&seen.key).await] {
        let why = refused.expect_err("nobody but the root user can").to_string();
        assert!(why.contains("only the root user can, in the console"), "{why}");
    }
    assert!(moto.calls().iter().all(|(_, call)| call != "iam:UpdateAccessKey"));
    let evidence = aws.evidence(&seen).await.expect("gaps are no errors");
    assert_eq!(evidence.sentence, "This key can do anything in the account.");
}

#[tokio::test]
async fn a_session_is_traced_to_who_issued_it() {
    let moto = Moto::start();
    let web = moto.responder("web", &["iam:ListUsers"]);
    moto.create_user_with_key("bot");
    let of_user = moto.session_of("bot");
    let unused = moto.responder("idle", &[]);
    let ops = actor(&moto);
    let blind = moto.responder("blind", &[]);
    moto.enforce();
    moto.call(&web, "iam:ListUsers", json!({}));
    moto.call(&of_user, "sts:GetCallerIdentity", json!({}));
    let now = |key: &AccessKey| Options {
        clock: std::sync::Arc::new(jiff::Timestamp::now),
        ..options(&moto, key)
    };
    let aws = AwsIam::connect(now(&ops)).await.expect("there is a responder");

    let seen = aws.observe(&credential(&web)).await.expect("it is a session").key;
    let role = format!("arn:aws:iam::{ACCOUNT}:role/web");
    assert_eq!(seen.owner, role);
    assert_eq!(seen.kind, KeyKind::Session { issuer: Some(role.clone()), ends_at: None });
    let why = aws.disable(&seen).await.expect_err("it can't be stopped").to_string();
    assert!(why.contains(&format!("end the sessions of {role}")), "{why}");

    let seen = aws.observe(&credential(&of_user)).await.expect("it is a session").key;
    assert_eq!(seen.owner, "bot");
    let Key { kind: KeyKind::Session { issuer, .. }, .. } = &seen else { panic!("{seen:?}") };
    assert_eq!(issuer.as_deref(), Some(format!("arn:aws:iam::{ACCOUNT}:user/bot").as_str()));

    let seen = aws.observe(&credential(&unused)).await.expect("it is a session").key;
    assert_eq!(seen.kind, KeyKind::Session { issuer: None, ends_at: None });
    let aws = connect(&moto, &blind).await;
    let seen = aws.observe(&credential(&web)).await.expect("who may not look is told less").key;
    assert_eq!(seen.kind, KeyKind::Session { issuer: None, ends_at: None });
    let itself = aws.observe(&credential(&blind)).await;
    assert!(matches!(itself, Err(Error::ResponderIsLeaked { .. })), "{itself:?}");
}
