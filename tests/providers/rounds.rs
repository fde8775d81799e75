//! How many round trips one after the other an operation needs. Real server (moto), made slow, so that
//! calls made at once overlap there.

use std::sync::Arc;

use jiff::Timestamp;
use stanch::provider::Provider;
use stanch::provider::aws_iam::{AwsIam, Options};

use crate::moto::{Moto, RESPONDER};
use crate::{connect, credential, options};

#[tokio::test]
async fn from_a_finding_to_a_stopped_key_are_three() {
    let moto = Moto::start();
    let leaked = credential(&moto.create_user_with_key("bot"));
    let ops = moto.responder("ops", RESPONDER);
    moto.enforce();
    let aws = connect(&moto, &ops).await;
    let look = async || drop(aws.observe(&leaked).await.expect("it is ours"));
    assert_eq!(moto.in_rounds(2, look).await, 3);
    let stop = async || {
        let seen = aws.observe(&leaked).await.expect("it is ours");
        aws.disable(&seen.key).await.expect("it can be stopped");
    };
    assert_eq!(moto.in_rounds(3, stop).await, 4);
    assert_eq!(moto.keys("bot")[0].1, "Inactive");
}

#[tokio::test]
async fn a_key_of_the_responders_own_account_is_asked_beside_the_first_look() {
    let moto = Moto::start();
    let ours = moto.create_user_with_key("bot");
    let leaked = credential(&ours);
    let ops = moto.responder("ops", RESPONDER);
    moto.enforce();
    let aws = connect(&moto, &ops).await;
    assert!(aws.is_own(&leaked).await);
    assert!(!aws.is_own(&credential(&crate::foreign(&ours))).await);
    assert!(!aws.is_own(&credential(&ops)).await, "the responder's own key is never asked");
    assert_eq!(moto.calls().iter().filter(|(key, _)| *key == ours.id).count(), 0);
    let stop = async || {
        let (seen, probe) = tokio::join!(aws.observe(&leaked), aws.probe(&leaked));
        probe.expect("it is alive");
        aws.disable(&seen.expect("it is ours").key).await.expect("it can be stopped");
    };
    moto.in_rounds(3, stop).await;
    assert_eq!(moto.keys("bot")[0].1, "Inactive");
}

#[tokio::test]
async fn who_the_responder_is_is_asked_again_after_a_while_and_for_another_key() {
    let moto = Moto::start();
    let leaked = credential(&moto.create_user_with_key("bot"));
    let ops = moto.responder("ops", RESPONDER);
    let clock = Arc::new(std::sync::atomic::AtomicI64::new(1_800_000_000));
    let hand = clock.clone();
    let now = move || {
        let second = hand.load(std::sync::atomic::Ordering::Relaxed);
        Timestamp::from_second(second).expect("a time")
    };
    let options = Options { clock: Arc::new(now), ..options(&moto, &ops) };
    let aws = AwsIam::connect(options).await.expect("there is a responder");
    let asked = || moto.calls().iter().filter(|(_, call)| call == "sts:GetCallerIdentity").count();
    let key = aws.observe(&leaked).await.expect("it is ours").key;
    assert_eq!(asked(), 1);
    for (seconds, expected) in [(0, 1), (29, 1), (60, 2), (0, 2)] {
        clock.fetch_add(seconds, std::sync::atomic::Ordering::Relaxed);
        aws.disable(&key).await.expect("it can be stopped");
        assert_eq!(asked(), expected, "{seconds}");
    }
    aws.observe(&leaked).await.expect("looking asks in any case");
    assert_eq!(asked(), 3);
}

#[tokio::test]
async fn a_key_of_another_account_costs_a_round_trip_and_is_never_asked_about() {
    let moto = Moto::start();
    let ours = moto.create_user_with_key("bot");
    let ops = moto.responder("ops", RESPONDER);
    let aws = connect(&moto, &ops).await;
    let foreign = crate::foreign(&ours);
    aws.observe(&credential(&foreign)).await.expect_err("it is not ours");
    let calls: Vec<_> = moto.calls().into_iter().map(|(_, call)| call).collect();
    assert_eq!(calls, ["sts:GetCallerIdentity"]);
}
