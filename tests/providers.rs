//! Providers: each is held to one contract, and then to what its own server does when things go wrong. Real
//! server (moto), started with authentication enforced; what it lacks is extended by us, as each file says.
#![cfg(feature = "aws")]

#[path = "providers/activity.rs"]
mod activity;
#[path = "providers/bad_days.rs"]
mod bad_days;
#[path = "providers/bedrock.rs"]
mod bedrock;
#[path = "providers/evidence.rs"]
mod evidence;
#[path = "providers/kinds.rs"]
mod kinds;
mod moto;
#[path = "providers/permissions.rs"]
mod permissions;
mod python;
#[path = "providers/restrictions.rs"]
mod restrictions;
#[path = "providers/rounds.rs"]
mod rounds;
#[path = "providers/trail_logs.rs"]
mod trail_logs;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use moto::{ACCOUNT, AccessKey, Moto, RESPONDER};
use stanch::provider::aws_iam::{AwsIam, Duty, Options, policy};
use stanch::provider::{Error, Key, KeyState, Liveness, Operation, Provider};
use stanch::secret::{Credential, Part, Secret};

/// What every provider is held to. It is given a working key of an owner who has no other, and the
/// credential of a key that never was. It leaves everything as it was.
async fn keeps_its_promises(provider: &dyn Provider, leaked: &Credential, nobodys: &Credential) {
    let key = looking_changes_nothing(provider, leaked).await;
    stopping_and_starting_twice_is_once(provider, leaked, &key).await;
    a_second_key_works_until_it_is_removed(provider, leaked, &key).await;

    match provider.observe(nobodys).await {
        Ok(seen) => {
            assert_eq!(seen.key.state, KeyState::Absent);
            let stopped = provider.disable(&seen.key).await;
            stopped.expect("a key that never was counts as stopped");
            let removed = provider.delete(&seen.key).await;
            removed.expect("and as removed");
        }
        Err(error) => assert!(matches!(error, Error::NotFound { .. }), "{error:?}"),
    }
    let answer = live(provider, &with_another_secret(leaked)).await;
    assert!(matches!(answer, Liveness::WrongSecret { .. }), "{answer:?}");
    assert_eq!(provider.keys(&key.owner).await, Ok(vec![key]));
}

async fn looking_changes_nothing(provider: &dyn Provider, leaked: &Credential) -> Key {
    let first = provider.observe(leaked).await.expect("it can be looked at");
    assert_eq!(first.key.state, KeyState::Active);
    assert_eq!(first.siblings, []);
    // Of some keys even the id is secret.
    let id = leaked.public("id");
    assert!(id.is_none_or(|id| id == first.key.id));
    let answer = live(provider, leaked).await;
    assert!(
        matches!(&answer, Liveness::Accepted { identity } if identity.account == first.key.account),
        "{answer:?}"
    );
    let second = provider.observe(leaked).await.expect("and again");
    assert_eq!(second.key, first.key);
    let listed = provider.keys(&first.key.owner).await;
    assert_eq!(listed.as_deref(), Ok(&[first.key.clone()][..]));
    first.key
}

async fn stopping_and_starting_twice_is_once(
    provider: &dyn Provider,
    leaked: &Credential,
    key: &Key,
) {
    for _ in 0..2 {
        provider.disable(key).await.expect("a key can be stopped");
        assert_eq!(state(provider, key).await, KeyState::Inactive);
    }
    let answer = live(provider, leaked).await;
    assert!(matches!(answer, Liveness::Refused { .. }), "{answer:?}");
    let seen = provider.observe(leaked).await.expect("it is still there");
    assert_eq!(seen.key.state, KeyState::Inactive);
    for _ in 0..2 {
        provider.enable(key).await.expect("and started again");
        assert_eq!(state(provider, key).await, KeyState::Active);
    }
    let answer = live(provider, leaked).await;
    assert!(matches!(answer, Liveness::Accepted { .. }), "{answer:?}");
}

async fn a_second_key_works_until_it_is_removed(
    provider: &dyn Provider,
    leaked: &Credential,
    key: &Key,
) {
    let made = provider.create(&key.owner).await.expect("a second key");
    assert_eq!((&made.key.owner, made.key.state), (&key.owner, KeyState::Active));
    let answer = live(provider, &made.credential).await;
    assert!(matches!(answer, Liveness::Accepted { .. }), "{answer:?}");
    let seen = provider.observe(leaked).await.expect("it can be looked at");
    assert_eq!(seen.siblings, std::slice::from_ref(&made.key));
    let third = provider.create(&key.owner).await.map(|made| made.key);
    assert!(matches!(third, Err(Error::Quota { .. })), "{third:?}");

    for _ in 0..2 {
        provider.delete(&made.key).await.expect("it can be removed");
        assert_eq!(state(provider, &made.key).await, KeyState::Absent);
    }
    provider.disable(&made.key).await.expect("a key that is gone counts as stopped");
    let enabled = provider.enable(&made.key).await;
    assert!(matches!(enabled, Err(Error::NotFound { .. })), "{enabled:?}");
    let answer = live(provider, &made.credential).await;
    assert!(matches!(answer, Liveness::Refused { .. }), "{answer:?}");
}

async fn state(provider: &dyn Provider, key: &Key) -> KeyState {
    let keys = provider.keys(&key.owner).await.expect("keys are listed");
    let listed = keys.into_iter().find(|listed| listed.id == key.id);
    listed.map_or(KeyState::Absent, |listed| listed.state)
}

async fn live(provider: &dyn Provider, credential: &Credential) -> Liveness {
    let probe = provider.probe(credential).await;
    probe.expect("the key can be asked who it is").liveness
}

#[tokio::test]
async fn aws_iam_keeps_its_promises() {
    let moto = Moto::start();
    let leaked = credential(&moto.create_user_with_key("bot"));
    let nobodys = credential(&moto.create_user_with_key("gone"));
    moto.delete_user("gone");
    let aws = responder(&moto, RESPONDER).await;
    moto.enforce();
    keeps_its_promises(&aws, &leaked, &nobodys).await;
    assert_eq!(aws.endpoint(), Some(moto.endpoint().as_str()));
}

#[tokio::test]
async fn aws_iam_makes_the_calls_it_says_as_the_one_it_says() {
    let moto = Moto::start();
    let leaked = moto.create_user_with_key("bot");
    let responder = moto.responder("ops", RESPONDER);
    moto.enforce();
    let aws = connect(&moto, &responder).await;
    let credential = credential(&leaked);
    let seen = aws.observe(&credential).await.expect("it is ours");
    // The clock in these tests stands still: this is the server's.
    assert_ne!(seen.at, Timestamp::UNIX_EPOCH);
    let key = seen.key;
    let mut so_far = moto.calls().len();
    for operation in [
        Operation::Observe,
        Operation::Probe,
        Operation::Disable,
        Operation::Enable,
        Operation::Create,
        Operation::Delete,
    ] {
        let signer = match operation {
            Operation::Probe => &leaked.id,
            _ => &responder.id,
        };
        let done = match operation {
            Operation::Observe => aws.observe(&credential).await.map(drop),
            Operation::Probe => aws.probe(&credential).await.map(drop),
            Operation::Disable => aws.disable(&key).await.map(drop),
            Operation::Enable => aws.enable(&key).await.map(drop),
            Operation::Create => aws.create(&key.owner).await.map(drop),
            Operation::Delete => aws.delete(&key).await.map(drop),
            _ => unreachable!("it is not in the list"),
        };
        assert_eq!(done, Ok(()), "{operation:?}");
        let mut said: Vec<_> = aws.calls(operation).into_iter().map(|call| call.name).collect();
        // Who the responder is was asked a moment ago.
        let is_known = !matches!(operation, Operation::Observe | Operation::Probe);
        said.retain(|name| !is_known || name != "sts:GetCallerIdentity");
        said.sort();
        let seen = moto.calls().split_off(so_far);
        so_far += seen.len();
        let (signers, mut seen): (Vec<_>, Vec<_>) = seen.into_iter().unzip();
        // What is asked at once comes in any order.
        seen.sort();
        assert_eq!(seen, said, "{operation:?}");
        assert!(signers.iter().all(|id| id == signer), "{operation:?}");
    }
}

#[tokio::test]
async fn aws_iam_needs_the_permissions_it_says_and_names_what_is_missing() {
    let moto = Moto::start();
    let leaked = credential(&moto.create_user_with_key("bot"));
    let all = responder(&moto, RESPONDER).await;
    let mut lacking = Vec::new();
    for operation in [
        Operation::Observe,
        Operation::Disable,
        Operation::Enable,
        Operation::Create,
        Operation::Delete,
    ] {
        let needed: Vec<_> =
            all.calls(operation).into_iter().filter_map(|call| call.permission).collect();
        let last = needed.last().expect("each needs a permission").clone();
        let without: Vec<_> = RESPONDER.iter().copied().filter(|name| *name != last).collect();
        let name = format!("without-{operation:?}").to_lowercase();
        let aws = connect(&moto, &moto.responder(&name, &without)).await;
        lacking.push((operation, last, aws));
    }
    let blind = connect(&moto, &moto.responder("blind", &RESPONDER[1..])).await;
    moto.enforce();
    let unseen = blind.observe(&leaked).await;
    assert!(
        matches!(&unseen, Err(Error::Denied { call, .. }) if call == RESPONDER[0]),
        "{unseen:?}"
    );
    let key = all.observe(&leaked).await.expect("it is ours").key;
    for (operation, permission, aws) in lacking {
        let done = match operation {
            Operation::Observe => aws.observe(&leaked).await.map(drop),
            Operation::Disable => aws.disable(&key).await.map(drop),
            Operation::Enable => aws.enable(&key).await.map(drop),
            Operation::Create => aws.create(&key.owner).await.map(drop),
            _ => aws.delete(&key).await.map(drop),
        };
        let denied = Error::Denied {
            call: permission.clone(),
            permission: format!("{permission} on arn:aws:iam::{ACCOUNT}:user/bot"),
        };
        assert_eq!(done, Err(denied), "{operation:?}");
    }
    assert_eq!(all.keys("bot").await, Ok(vec![key]));
}

#[tokio::test]
async fn aws_iam_acts_only_on_keys_of_others_in_its_own_account() {
    let moto = Moto::start();
    let leaked = moto.user_allowed("bot", RESPONDER);
    let sibling = moto.create_key("bot");
    let session = moto.responder("app", RESPONDER);
    let ops = moto.responder("ops", RESPONDER);
    moto.enforce();

    let itself = connect(&moto, &leaked).await.observe(&credential(&leaked)).await;
    assert!(matches!(itself, Err(Error::ResponderIsLeaked { .. })), "{itself:?}");
    assert_eq!(moto.calls(), [], "the leaked key asked for nothing");
    let aws = connect(&moto, &sibling).await;
    let owner = aws.observe(&credential(&leaked)).await;
    assert!(matches!(owner, Err(Error::ResponderIsLeaked { .. })), "{owner:?}");
    let nobodys = aws.keys("").await;
    assert!(
        matches!(nobodys, Err(Error::NotFound { .. })),
        "AWS takes no name for the responder's own: {nobodys:?}"
    );
    let created = aws.create("bot").await.map(|made| made.key);
    assert!(matches!(created, Err(Error::ResponderIsLeaked { .. })), "{created:?}");

    let aws = connect(&moto, &ops).await;
    let before = moto.calls().len();
    let foreign = credential(&foreign(&leaked));
    let seen = aws.observe(&foreign).await;
    assert!(matches!(seen, Err(Error::Foreign { .. })), "{seen:?}");
    let probed = aws.probe(&foreign).await;
    assert!(matches!(probed, Err(Error::Foreign { .. })), "{probed:?}");
    let mut key = aws.observe(&credential(&leaked)).await.expect("it is ours").key;
    key.account = "999999999999".to_owned();
    // There is such a user here too, perhaps, but without that key; that must not look like success.
    let disabled = aws.disable(&key).await;
    assert!(matches!(disabled, Err(Error::Foreign { .. })), "{disabled:?}");
    let asked = moto.calls().split_off(before);
    assert!(asked.iter().all(|(id, call)| *id == ops.id && call != "iam:UpdateAccessKey"));

    let ownerless = Key { owner: String::new(), account: ACCOUNT.to_owned(), ..key };
    let disabled = aws.disable(&ownerless).await;
    assert!(matches!(disabled, Err(Error::NotFound { .. })), "{disabled:?}");

    let temporary = aws.observe(&credential(&session)).await.expect("it is a session").key;
    let stopped = aws.disable(&temporary).await;
    assert!(matches!(stopped, Err(Error::Unsupported { .. })), "{stopped:?}");
    let answer = live(&aws, &credential(&session)).await;
    assert!(matches!(answer, Liveness::Accepted { .. }), "{answer:?}");
    let nobody = aws.create("").await.map(|made| made.key);
    assert!(matches!(nobody, Err(Error::NotFound { .. })), "{nobody:?}");
    let nobody = aws.keys("nobody").await;
    assert!(matches!(nobody, Err(Error::NotFound { .. })), "{nobody:?}");
}

#[tokio::test]
async fn aws_iam_never_guesses_what_a_failure_on_the_way_did() {
    let moto = Moto::start();
    let leaked = credential(&moto.create_user_with_key("bot"));
    let aws = forgetful(&moto, &moto.responder("responder", RESPONDER)).await;
    moto.enforce();
    let key = aws.observe(&leaked).await.expect("it is ours").key;

    // Done, and the answer lost: unknown, and sent only once.
    for (fault, then) in [("drop", "Inactive"), ("500", "Inactive")] {
        moto.fault(&format!("after=UpdateAccessKey:{fault}"));
        let before = updates(&moto);
        let lost = aws.disable(&key).await;
        assert!(matches!(lost, Err(Error::Unanswered { .. })), "{fault}: {lost:?}");
        assert_eq!(updates(&moto), before + 1, "{fault}");
        assert_eq!(moto.keys("bot")[0].1, then, "{fault}");
        aws.enable(&key).await.expect("it can be started again");
    }
    moto.fault("after=CreateAccessKey:drop");
    let lost = aws.create("bot").await.map(|made| made.key);
    assert!(matches!(lost, Err(Error::Unanswered { .. })), "{lost:?}");
    assert_eq!(moto.keys("bot").len(), 2, "it was made once");

    // Not done, and known not to be.
    moto.fault("throttle=UpdateAccessKey:1");
    let throttled = aws.disable(&key).await;
    assert!(matches!(throttled, Err(Error::Throttled { .. })), "{throttled:?}");
    moto.fault("before=GetCallerIdentity:500:9");
    let unasked = aws.disable(&key).await;
    assert!(matches!(unasked, Err(Error::Unreachable { .. })), "{unasked:?}");
    moto.fault("clear");
    moto.fault("before=UpdateAccessKey:ServiceFailure");
    let refused = aws.disable(&key).await;
    assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
    moto.fault("before=GetCallerIdentity:ExpiredToken");
    let expired = aws.disable(&key).await;
    assert!(matches!(expired, Err(Error::NoResponder { .. })), "{expired:?}");
    assert_eq!(moto.keys("bot")[0].1, "Active");

    // AWS may show what was for some seconds more.
    assert_eq!(state(&aws, &key).await, KeyState::Active);
    aws.disable(&key).await.expect("it can be stopped");
    moto.fault("stale=ListAccessKeys:1");
    assert_eq!(state(&aws, &key).await, KeyState::Active);
    assert_eq!(state(&aws, &key).await, KeyState::Inactive);
    aws.enable(&key).await.expect("it can be started again");

    // Looking may be tried again; asking with the leaked key may not.
    moto.fault("throttle=ListAccessKeys:2");
    aws.keys("bot").await.expect("the third time is answered");
    for fault in ["500", "403", "Throttling", "drop"] {
        moto.fault(&format!("before=GetCallerIdentity:{fault}"));
        let before = moto.calls().len();
        let answer = live(&aws, &leaked).await;
        assert!(matches!(answer, Liveness::Unknown { .. }), "{fault}: {answer:?}");
        assert_eq!(moto.calls().len(), before + 1, "{fault}");
    }
}

#[tokio::test]
async fn aws_iam_waits_only_so_long() {
    let moto = Moto::start();
    let leaked = credential(&moto.create_user_with_key("bot"));
    let patient = responder(&moto, RESPONDER).await;
    let key = patient.observe(&leaked).await.expect("it is ours").key;
    let hasty = moto.responder("hasty", RESPONDER);
    moto.fault("after=UpdateAccessKey:timeout");
    // However slow the machine, one of these is enough for the calls that are answered.
    for seconds in [1, 8, 64] {
        let attempt_timeout = Duration::from_secs(seconds);
        let aws = AwsIam::connect(Options { attempt_timeout, ..options(&moto, &hasty) });
        let aws = aws.await.expect("there is a responder");
        let lost = aws.disable(&key).await;
        assert!(matches!(lost, Err(Error::Unanswered { .. })), "{lost:?}");
        if state(&patient, &key).await != KeyState::Inactive {
            continue;
        }
        moto.fault("before=GetCallerIdentity:timeout");
        let answer = live(&aws, &leaked).await;
        assert!(matches!(answer, Liveness::Unknown { .. }), "{answer:?}");
        return;
    }
    panic!("the key was never stopped");
}

#[tokio::test]
async fn aws_iam_tells_a_provider_that_is_not_there() {
    // The near end of a connection: its port is taken, and nobody listens there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let far = listener.local_addr().expect("it has an address");
    let connection = std::net::TcpStream::connect(far).expect("it listens");
    let address = connection.local_addr().expect("it has an address");
    for endpoint in [format!("http://{address}"), "https://sts.stanch.invalid".to_owned()] {
        let aws = AwsIam::connect(options_at(&endpoint, &somebody("ASIA"))).await;
        let aws = aws.expect("nothing is asked yet");
        let seen = aws.observe(&credential(&somebody("AKIA"))).await;
        assert!(matches!(seen, Err(Error::Unreachable { .. })), "{endpoint}: {seen:?}");
        let answer = live(&aws, &credential(&somebody("AKIA"))).await;
        assert!(matches!(answer, Liveness::Unknown { .. }), "{endpoint}: {answer:?}");
    }
    for endpoint in
        ["http://iam.stanch.invalid", "http://127.0.0.1@iam.stanch.invalid", "not an address"]
    {
        let aws = AwsIam::connect(options_at(endpoint, &somebody("ASIA"))).await;
        assert!(matches!(aws, Err(Error::Unreachable { .. })), "{endpoint}: {aws:?}");
    }
}

#[tokio::test]
async fn aws_iam_trusts_no_certificate_that_nobody_signed() {
    let impostor = Moto::start_with_worthless_certificate();
    let aws = connect(&impostor, &somebody("ASIA")).await;
    let seen = aws.observe(&credential(&somebody("AKIA"))).await;
    assert!(
        matches!(&seen, Err(Error::Unreachable { why, .. }) if why.contains("certificate")),
        "{seen:?}"
    );
}

#[tokio::test]
async fn aws_iam_never_tells_a_secret() {
    let moto = Moto::start();
    let leaked = moto.create_user_with_key("bot");
    let ops = moto.responder("ops", RESPONDER);
    let other = moto.responder("other", &[]);
    moto.enforce();
    let aws = connect(&moto, &ops).await;
    let powerless = connect(&moto, &other).await;
    let credential = credential(&leaked);
    let made = aws.create("bot").await.expect("a second key");
    let secret = made.credential.secret("secret").and_then(Secret::expose_str);
    let secrets = [&leaked.secret, &ops.secret, &other.secret]
        .into_iter()
        .chain([&ops.token, &other.token].into_iter().flatten())
        .map(String::as_str)
        .chain(secret);
    let secrets: Vec<_> = secrets.collect();
    assert_eq!(secrets.len(), 6);

    let mut told = vec![format!("{aws:?}{made:?}")];
    let mut tell = |result: &dyn Debug| told.push(format!("{result:?}"));
    tell(&aws.observe(&credential).await);
    tell(&aws.probe(&credential).await);
    tell(&aws.probe(&with_another_secret(&credential)).await);
    tell(&powerless.observe(&credential).await);
    for fault in ["ValidationError", "SignatureDoesNotMatch", "ExpiredToken", "403", "drop"] {
        moto.fault(&format!("before=CreateAccessKey:{fault}"));
        tell(&aws.create("bot").await);
        moto.fault(&format!("before=GetCallerIdentity:{fault}"));
        tell(&aws.probe(&credential).await);
    }
    moto.fault("after=CreateAccessKey:ValidationError");
    tell(&aws.create("bot").await);
    for (text, secret) in told.iter().flat_map(|text| secrets.iter().map(move |s| (text, s))) {
        assert!(!text.contains(secret), "a secret was told");
    }
}

/// The chain of credentials is the SDK's and reads the environment, so it is tried in a process of its
/// own: this test starts itself again, once for each environment.
#[test]
fn aws_iam_finds_its_responder_where_aws_looks() {
    #[expect(clippy::disallowed_methods, reason = "this is how the child knows that it is one")]
    if let Ok(profile) = std::env::var(CHILD) {
        return find_as_the_child(profile);
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = folder.path().join("config");
    let text = "[profile ops]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = x\n";
    std::fs::write(&config, text).expect("it can be written to");
    // It takes connections and never answers: a machine that is none of Amazon's.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let metadata = format!("http://{}", silent.local_addr().expect("it has an address"));
    let key = [("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT"), ("AWS_SECRET_ACCESS_KEY", "x")];

    assert_eq!(found(&config, &metadata, &[], None), "nobody");
    silent.set_nonblocking(true).expect("it need not be waited for");
    let tries = std::iter::from_fn(|| silent.accept().ok()).count();
    assert_eq!(tries, 1, "a machine service that is silent is asked once");
    assert_eq!(found(&config, &metadata, &key, None), "the public endpoint");
    assert_eq!(found(&config, &metadata, &[], Some("ops")), "the public endpoint");
    // A profile that was named wins over the environment, and nothing replaces it.
    assert_eq!(found(&config, &metadata, &key, Some("none")), "nobody");
    let plain = [key[0], key[1], ("AWS_ENDPOINT_URL_IAM", "http://iam.stanch.invalid")];
    let refused = found(&config, &metadata, &plain, None);
    assert!(refused.ends_with("is not encrypted; use https://"), "{refused}");
    let sts = ("AWS_ENDPOINT_URL_STS", "https://sts.stanch.invalid/x");
    let own = [key[0], key[1], sts];
    assert_eq!(found(&config, &metadata, &own, None), "https://sts.stanch.invalid");
    let both = [key[0], key[1], sts, ("AWS_ENDPOINT_URL_IAM", "https://iam.stanch.invalid")];
    let places = found(&config, &metadata, &both, None);
    assert_eq!(places, "https://iam.stanch.invalid and https://sts.stanch.invalid");
    let login = ("AWS_ENDPOINT_URL_IAM", "https://ada:lovelace@iam.stanch.invalid");
    let refused = found(&config, &metadata, &[key[0], key[1], login], None);
    assert!(refused.contains("a user name or a password"), "{refused}");
    assert!(!refused.contains("lovelace"), "{refused}");
}

/// What a process with that environment finds, in a few words.
fn found(config: &Path, metadata: &str, keys: &[(&str, &str)], profile: Option<&str>) -> String {
    let this = std::env::current_exe().expect("a test knows its program");
    let output = Command::new(this)
        .args(["--exact", "aws_iam_finds_its_responder_where_aws_looks", "--nocapture"])
        .env_clear()
        .env("AWS_CONFIG_FILE", config)
        .env("AWS_SHARED_CREDENTIALS_FILE", config.with_file_name("none"))
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata)
        .env(CHILD, profile.unwrap_or_default())
        .envs(keys.iter().copied())
        .output()
        .expect("a test can start itself");
    let text = String::from_utf8_lossy(&output.stdout);
    let found = text.lines().find_map(|line| Some(line.split_once("found: ")?.1));
    let complaint = String::from_utf8_lossy(&output.stderr);
    found.unwrap_or_else(|| panic!("{text}{complaint}")).to_owned()
}

#[expect(clippy::print_stdout, reason = "this is how the child answers")]
fn find_as_the_child(profile: String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let options = Options {
        profile: Some(profile).filter(|profile| !profile.is_empty()),
        ..Options::new(Arc::new(|| Timestamp::UNIX_EPOCH))
    };
    let aws = runtime.expect("a runtime").block_on(AwsIam::connect(options));
    match aws {
        Ok(aws) => println!("found: {}", aws.endpoint().unwrap_or("the public endpoint")),
        Err(Error::NoResponder { why, .. }) if why.contains("sign in") => println!("found: nobody"),
        Err(error) => println!("found: {error}"),
    }
}

/// The variable that makes a test the child of itself; its value is the profile to use, or nothing.
const CHILD: &str = "STANCH_TEST_PROFILE";

/// A session of a role that may do what the printed responder's policy says, and no more.
fn actor(moto: &Moto) -> AccessKey {
    moto.responder_with("responder", &policy(Duty::Responder))
}

/// A session of a role that may do what the printed observer's policy says, and no more.
fn looker(moto: &Moto) -> AccessKey {
    moto.responder_with("observer", &policy(Duty::Observer))
}

async fn responder(moto: &Moto, actions: &[&str]) -> AwsIam {
    connect(moto, &moto.responder("responder", actions)).await
}

async fn connect(moto: &Moto, responder: &AccessKey) -> AwsIam {
    let aws = AwsIam::connect(options(moto, responder)).await;
    aws.expect("there is a responder")
}

/// A driver whose clock goes on by an hour whenever it is asked: it takes no answer for granted.
async fn forgetful(moto: &Moto, responder: &AccessKey) -> AwsIam {
    let hours = std::sync::atomic::AtomicI64::new(0);
    let clock = move || {
        let hour = hours.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Timestamp::from_second(1_800_000_000 + hour * 3600).expect("a time")
    };
    let options = Options { clock: Arc::new(clock), ..options(moto, responder) };
    AwsIam::connect(options).await.expect("there is a responder")
}

fn options(moto: &Moto, responder: &AccessKey) -> Options {
    options_at(&moto.endpoint(), responder)
}

fn options_at(endpoint: &str, responder: &AccessKey) -> Options {
    Options {
        endpoint: Some(endpoint.to_owned()),
        region: Some("us-east-1".to_owned()),
        responder: Some(credential(responder)),
        ..Options::new(Arc::new(|| Timestamp::UNIX_EPOCH))
    }
}

fn credential(key: &AccessKey) -> Credential {
    let secret = |text: &str| Part::Secret(Secret::new(text));
    let mut parts = BTreeMap::from([
        ("id".to_owned(), Part::Public(key.id.clone())),
        ("secret".to_owned(), secret(&key.secret)),
    ]);
    if let Some(token) = &key.token {
        parts.insert("token".to_owned(), secret(token));
    }
    Credential { pattern: "aws-access-key".to_owned(), provider: "aws".to_owned(), parts }
}

fn with_another_secret(credential: &Credential) -> Credential {
    let mut other = credential.clone();
    let secret = Part::Secret(Secret::new("x".repeat(40)));
    other.parts.insert("secret".to_owned(), secret);
    other
}

/// The same key, were it of the account with the next number: the last bit stands in the 13th letter.
fn foreign(key: &AccessKey) -> AccessKey {
    let id = format!("{}Q{}", &key.id[..12], &key.id[13..]);
    assert_ne!(id, key.id, "moto's account has an even number");
    AccessKey { id, ..key.clone() }
}

fn somebody(kind: &str) -> AccessKey {
    AccessKey { id: format!("{kind}{}", "QAAA".repeat(4)), secret: "x".repeat(40), token: None }
}

fn updates(moto: &Moto) -> usize {
    let calls = moto.calls();
    calls.iter().filter(|(_, call)| call == "iam:UpdateAccessKey").count()
}
