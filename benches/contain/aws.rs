//! The real driver for AWS against a real server, moto with signatures and policies enforced, where each
//! call takes 50 ms and what the server itself needs. From the finding in hand (the driver is not yet
//! connected) until AWS had answered that the key is stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use criterion::Criterion;
use jiff::Timestamp;
use stanch::contain::{Facts, Subject, plan};
use stanch::incident::SqliteStore;
use stanch::provider::Provider;
use stanch::provider::aws_iam::{AwsIam, Options};
use stanch::secret::{Credential, Part, Secret};

use crate::far::Far;
use crate::moto::{AccessKey, Moto, WHOLE};
use crate::{At, begin, engine, guard, request, runtime};

static NUMBER: AtomicUsize = AtomicUsize::new(0);

pub(crate) fn to_stopped(criterion: &mut Criterion) {
    let moto = Moto::start();
    let responder = credential(&moto.responder("responder", WHOLE));
    moto.enforce();
    moto.fault("slow=50");
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(folder.path().join("incidents.db")).expect("a store");
    let runtime = runtime();
    let names = [
        ("contain/AWS, a plan that was shown, to stopped", true),
        ("contain/AWS, --auto, to stopped", false),
    ];
    for (name, is_shown) in names {
        criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                let one = || {
                    let leaked = leak(&moto);
                    runtime.block_on(contain(&moto, &responder, &leaked, &store, is_shown))
                };
                (0..times).map(|_| one()).sum()
            });
        });
    }
}

/// Contains keys of as many users at the same time, from the finding to the proof: the evidence included, and
/// what the server itself needs.
pub(crate) fn at_once(criterion: &mut Criterion) {
    let moto = Moto::start();
    let responder = credential(&moto.responder("responder", WHOLE));
    moto.enforce();
    moto.fault("slow=50");
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(folder.path().join("incidents.db")).expect("a store");
    let runtime = runtime();
    for count in [1, 50] {
        criterion.bench_function(
            &format!("contain/AWS, {count} at once, to the proof"),
            |bencher| {
                bencher.iter_custom(|times| {
                    let all = || {
                        let leaked: Vec<_> = (0..count).map(|_| leak(&moto)).collect();
                        let tasks =
                            leaked.iter().map(|key| contain(&moto, &responder, key, &store, false));
                        let begun = Instant::now();
                        runtime.block_on(stanch::contain::at_once(tasks, |_, _| ()));
                        begun.elapsed()
                    };
                    (0..times).map(|_| all()).sum()
                });
            },
        );
    }
}

/// Makes a user whose key leaked.
fn leak(moto: &Moto) -> Credential {
    let user = format!("bot-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    credential(&moto.create_user_with_key(&user))
}

async fn connect(moto: &Moto, responder: &Credential) -> Far<AwsIam> {
    let options = Options {
        endpoint: Some(moto.endpoint()),
        region: Some("us-east-1".to_owned()),
        responder: Some(responder.clone()),
        ..Options::new(Arc::new(Timestamp::now))
    };
    Far::new(AwsIam::connect(options).await.expect("there is a responder"), Duration::ZERO)
}

/// Contains a key as the command does, with a plan that was shown before or with none; returns how long
/// it took until it was stopped.
async fn contain(
    moto: &Moto,
    responder: &Credential,
    leaked: &Credential,
    store: &SqliteStore,
    is_shown: bool,
) -> Duration {
    let subject = Subject::of(leaked).expect("it has a secret");
    let request = request();
    let shown = match is_shown {
        true => {
            let provider = connect(moto, responder).await;
            let seen = provider.observe(leaked).await.expect("it is ours");
            Some(plan(&subject, &seen, &Facts::of(&provider), &request))
        }
        false => None,
    };
    let (incident, guard) = (begin(store), guard());

    let begun = Instant::now();
    let provider = connect(moto, responder).await;
    let facts = Facts::of(&provider);
    let at = At { store, incident: &incident, provider: &provider, credential: leaked };
    let engine = engine(&at, &guard);
    let fresh = match &shown {
        Some(shown) => engine.look(shown).await.expect("it is ours"),
        None => engine.look_first().await.expect("it is ours"),
    };
    let now = plan(&subject, &fresh.observation, &facts, &request);
    engine.apply_to(&now, fresh).await.expect("it is carried out");
    provider.stopped().duration_since(begun)
}

fn credential(key: &AccessKey) -> Credential {
    let mut parts = vec![
        ("id".to_owned(), Part::Public(key.id.clone())),
        ("secret".to_owned(), Part::Secret(Secret::new(key.secret.as_str()))),
    ];
    if let Some(token) = &key.token {
        parts.push(("token".to_owned(), Part::Secret(Secret::new(token.as_str()))));
    }
    Credential {
        pattern: "aws-access-key".to_owned(),
        provider: "aws".to_owned(),
        parts: parts.into_iter().collect(),
    }
}
