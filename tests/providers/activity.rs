//! What a key has done, in CloudTrail. Extended by us from AWS's documentation: LookupEvents, which the
//! launcher answers from the calls that were really made to it, and the account's regions. No answer is
//! replayed.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use stanch::provider::aws_iam::{AwsIam, Options};
use stanch::provider::{Error, Meaning, Page, Provider, Search, SearchBy, Use};

use crate::moto::{ACCOUNT, Moto};
use crate::{connect, looker, options};

fn search(by: SearchBy) -> Search {
    let now = Timestamp::now();
    Search {
        log: "event-history".to_owned(),
        by,
        since: now - SignedDuration::from_hours(1),
        until: now + SignedDuration::from_hours(1),
    }
}

/// All the pieces, and how many there were.
async fn everything(aws: &dyn Provider, search: &Search) -> (Vec<Use>, Vec<String>, usize) {
    let (mut uses, mut gaps, mut pieces, mut next) = (Vec::new(), Vec::new(), 0, None);
    loop {
        let page = aws.activity(search, next.as_deref()).await.expect("the log can be read");
        let Page { uses: more, next: then, gaps: missing } = page;
        uses.extend(more);
        gaps.extend(missing);
        pieces += 1;
        next = then;
        if next.is_none() {
            return (uses, gaps, pieces);
        }
    }
}

#[tokio::test]
async fn tells_what_an_intruder_made_read_and_hid() {
    let moto = Moto::start();
    let leaked = moto.user_allowed("bot", &["*"]);
    moto.responder("web", &[]);
    let aws = connect(&moto, &looker(&moto)).await;
    moto.enforce();
    let eve = json!({ "UserName": "eve" });
    let role = format!("arn:aws:iam::{ACCOUNT}:role/web");
    for (call, params) in [
        ("iam:CreateUser", eve.clone()),
        ("iam:CreateAccessKey", eve.clone()),
        ("iam:GetUser", json!({ "UserName": "nobody" })),
    ] {
        moto.call_from(&leaked, call, params, "198.51.100.4");
    }
    let assume = json!({ "RoleArn": role, "RoleSessionName": "x", "Version": "2011-06-15" });
    moto.call(&leaked, "sts:AssumeRole", assume);
    let secret = json!({ "params": { "SecretId": "db/password" }, "target": "secretsmanager", "region": "eu-central-1" });
    moto.call_with(&leaked, "secretsmanager:GetSecretValue", secret);
    let hide = json!({ "params": { "Name": "main" }, "target": "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101" });
    moto.call_with(&leaked, "cloudtrail:StopLogging", hide);

    let (uses, gaps, pieces) = everything(&aws, &search(SearchBy::Key(leaked.id.clone()))).await;
    assert_eq!(pieces, 1);
    // The log knows whole seconds, so only the events of one region have an order.
    let global: Vec<_> = uses.iter().filter(|one| one.place == "us-east-1").collect();
    let calls: Vec<_> = global.iter().map(|one| (one.call.as_str(), one.place.as_str())).collect();
    assert_eq!(
        calls[..3],
        [
            ("iam:CreateUser", "us-east-1"),
            ("iam:CreateAccessKey", "us-east-1"),
            ("iam:GetUser", "us-east-1"),
        ]
    );
    let created = uses.iter().find(|one| one.call == "iam:CreateAccessKey").expect("it is there");
    assert_eq!(created.from.as_deref(), Some("198.51.100.4"));
    assert_eq!(created.agent.as_deref(), Some("somebody/1.0"));
    let key = &moto.keys("eve")[0].0;
    let Meaning::Persistence { what, remove, .. } = &created.meaning else { panic!("{created:?}") };
    assert_eq!(what, &format!("access key {key} of eve"));
    assert!(remove.contains(&format!("delete-access-key --access-key-id {key}")), "{remove}");
    assert_eq!(global[2].error.as_deref(), Some("NoSuchEntity"));
    assert_eq!(global[2].meaning, Meaning::Other);
    let session = uses.iter().find(|one| one.call == "sts:AssumeRole").expect("it is there");
    match session.error {
        None => assert_eq!(session.meaning, Meaning::Session { of: role }),
        Some(_) => assert_eq!(session.meaning, Meaning::Other),
    }
    // The secret isn't there, so nothing was read; that it was tried, and where, is told.
    let read = uses.iter().find(|one| one.call == "secretsmanager:GetSecretValue");
    let read = read.expect("every region is searched");
    assert_eq!((read.place.as_str(), &read.meaning), ("eu-central-1", &Meaning::Other));
    assert!(read.error.is_some());
    assert_eq!(gaps, Vec::<String>::new());
    let log = &aws.logs()[0];
    assert!(log.lacks.as_ref().is_some_and(|lacks| lacks.contains("S3 objects")), "{log:?}");

    let (by_owner, ..) = everything(&aws, &search(SearchBy::Owner("bot".to_owned()))).await;
    assert_eq!(by_owner.len(), uses.len());
    let told = serde_json::to_string(&uses).expect("it is JSON");
    assert!(!told.contains(&leaked.secret));
}

/// Returns the first piece of a search, and the ids of all its pieces.
async fn read_on(aws: &AwsIam, search: &Search) -> (Page, Vec<String>) {
    let first = aws.activity(search, None).await.expect("the log can be read");
    assert_eq!(first.uses.len(), 50);
    let mut next = first.next.clone();
    let mut ids: Vec<_> = first.uses.iter().map(|one| one.id.clone()).collect();
    while let Some(checkpoint) = next {
        let page = aws.activity(search, Some(&checkpoint)).await.expect("it goes on");
        ids.extend(page.uses.into_iter().map(|one| one.id));
        next = page.next;
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 120, "each once");
    (first, ids)
}

#[tokio::test]
async fn goes_on_from_a_checkpoint_at_the_pace_aws_allows() {
    let moto = Moto::start();
    let leaked = moto.user_allowed("bot", &["iam:ListUsers"]);
    let observer = looker(&moto);
    moto.enforce();
    for _ in 0..120 {
        moto.call(&leaked, "iam:ListUsers", json!({}));
    }
    let search = search(SearchBy::Key(leaked.id.clone()));
    let lookups =
        || moto.calls().iter().filter(|(_, call)| call == "cloudtrail:LookupEvents").count();
    let mut asked = Vec::new();
    // One call to each of three regions, then two more to the one that had more: none was throttled,
    // which would have been tried again. On a busy machine a call may be late and the one after it not.
    let (first, ids) = loop {
        let before = lookups();
        let read = read_on(&connect(&moto, &observer).await, &search).await;
        asked.push(lookups() - before);
        if asked.ends_with(&[5]) {
            break read;
        }
        assert!(asked.len() < 6, "{asked:?}");
        // The pace is each region's, whoever asks.
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    };
    // Another process takes it up.
    let other = connect(&moto, &observer).await;
    let mut again = 0;
    let mut next = first.next;
    while let Some(checkpoint) = next {
        let page = other.activity(&search, Some(&checkpoint)).await.expect("it goes on");
        assert!(page.uses.iter().all(|one| ids.contains(&one.id)));
        again += page.uses.len();
        next = page.next;
    }
    assert_eq!(again, 70);
    let foreign = other.activity(&search, Some("{\"somebody\": \"else's\"}")).await;
    assert!(matches!(foreign, Err(Error::Unsupported { .. })), "{foreign:?}");
}

#[tokio::test]
async fn what_could_not_be_searched_is_a_gap() {
    let moto = Moto::start();
    let leaked = moto.user_allowed("bot", &["iam:ListUsers"]);
    let observer = looker(&moto);
    let no_list = moto.responder("no-list", &["cloudtrail:LookupEvents"]);
    let blind = moto.responder("blind", &[]);
    moto.enforce();
    moto.call(&leaked, "iam:ListUsers", json!({}));
    let mut search = search(SearchBy::Key(leaked.id.clone()));
    search.since = Timestamp::now() - SignedDuration::from_hours(100 * 24);

    // A region that is down, and a search that reaches further back than the log.
    moto.fault("deaf=us-west-2");
    let clock = std::sync::Arc::new(Timestamp::now);
    let aws = AwsIam::connect(Options { clock, ..options(&moto, &observer) });
    let aws = aws.await.expect("there is a responder");
    let (uses, gaps, pieces) = everything(&aws, &search).await;
    let gaps = gaps.join("\n");
    assert_eq!((uses.len(), pieces), (1, 3), "{gaps}");
    assert!(
        gaps.contains("the log of us-west-2 could not be read: cloudtrail:LookupEvents"),
        "{gaps}"
    );
    assert!(gaps.contains("the log holds 90 days"), "{gaps}");
    moto.fault("clear");

    let aws = connect(&moto, &no_list).await;
    let page = aws.activity(&search, None).await.expect("it knows some regions itself");
    let gaps = page.gaps.join("\n");
    assert!(gaps.contains("lacks account:ListRegions"), "{gaps}");
    let aws = connect(&moto, &blind).await;
    let denied = aws.activity(&search, None).await;
    assert!(
        matches!(&denied, Err(Error::Denied { call, .. }) if call == "cloudtrail:LookupEvents"),
        "{denied:?}"
    );
}
