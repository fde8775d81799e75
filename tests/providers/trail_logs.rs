//! What a key has done, in logs of the operator's own. CloudWatch Logs: real server (moto), which runs the
//! queries' fields, order and limit but not their filters, so that rows of others come back, too. Athena:
//! real server, with queued results instead of a table.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use stanch::provider::aws_iam::{AwsIam, Duty, Options, TrailLogs, policy_with_logs};
use stanch::provider::{Error, Meaning, Page, Provider, Search, SearchBy, Use};

use crate::moto::{AccessKey, Moto};
use crate::options;

const KEY: &str = "AKIAIOSFODNN7LEAKED0";

fn search(log: &str, by: SearchBy) -> Search {
    let now = Timestamp::now();
    Search {
        log: log.to_owned(),
        by,
        since: now - SignedDuration::from_hours(2),
        until: now + SignedDuration::from_hours(1),
    }
}

fn event(id: &str, key: &str, name: &str, minutes_ago: i64, params: Value) -> Value {
    let at = Timestamp::now() - SignedDuration::from_mins(minutes_ago);
    let (service, name) = name.split_once(':').expect("service:Name");
    json!({
        "eventVersion": "1.09",
        "eventID": id,
        "eventTime": at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "eventSource": format!("{service}.amazonaws.com"),
        "eventName": name,
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "198.51.100.4",
        "userAgent": "aws-cli/2",
        "userIdentity": { "type": "IAMUser", "accessKeyId": key, "userName": "bot" },
        "requestParameters": params,
        "responseElements": null,
    })
}

fn in_cloudwatch(moto: &Moto, events: &[Value]) {
    let admin = moto.create_user_with_key("admin");
    let ask = |call: &str, params: Value| {
        let more = json!({ "params": params, "target": "Logs_20140328" });
        assert_eq!(moto.call_with(&admin, call, more), 200, "{call}");
    };
    ask("logs:CreateLogGroup", json!({ "logGroupName": "trail" }));
    ask("logs:CreateLogStream", json!({ "logGroupName": "trail", "logStreamName": "all" }));
    let lines = events.iter().map(|event| {
        let at: Timestamp = event["eventTime"].as_str().expect("a time").parse().expect("one");
        json!({ "timestamp": at.as_millisecond(), "message": event.to_string() })
    });
    let lines: Vec<_> = lines.collect();
    let put = json!({ "logGroupName": "trail", "logStreamName": "all", "logEvents": lines });
    ask("logs:PutLogEvents", put);
}

fn logs() -> TrailLogs {
    TrailLogs {
        log_group: Some("trail".to_owned()),
        athena_table: Some("logs.trail".to_owned()),
        athena_output: Some("s3://answers/stanch/".to_owned()),
        ..TrailLogs::default()
    }
}

/// What the printed policy grants, on everything: moto asks about no resource but `*`.
fn looker(moto: &Moto) -> AccessKey {
    let mut policy = policy_with_logs(Duty::Observer, &logs());
    for statement in policy["Statement"].as_array_mut().expect("a list") {
        statement["Resource"] = json!("*");
    }
    moto.responder_with("looker", &policy)
}

async fn connect(moto: &Moto, responder: &AccessKey) -> AwsIam {
    let options = Options { trail_logs: logs(), ..options(moto, responder) };
    AwsIam::connect(options).await.expect("there is a responder")
}

async fn everything(aws: &dyn Provider, search: &Search) -> (Vec<Use>, Vec<String>) {
    let (mut uses, mut gaps, mut next) = (Vec::new(), Vec::new(), None);
    loop {
        let page = aws.activity(search, next.as_deref()).await.expect("the log can be read");
        let Page { uses: more, next: then, gaps: missing } = page;
        uses.extend(more);
        gaps.extend(missing);
        next = then;
        if next.is_none() {
            return (uses, gaps);
        }
    }
}

#[tokio::test]
async fn cloudwatch_logs_show_what_the_event_history_lacks() {
    let moto = Moto::start();
    let object = json!({ "bucketName": "customers", "key": "all.csv" });
    let events = [
        event("1", KEY, "s3:GetObject", 30, object),
        event("2", KEY, "iam:CreateUser", 20, json!({ "userName": "eve" })),
        event("3", "AKIASOMEBODYELSES000", "iam:CreateUser", 10, json!({ "userName": "mallory" })),
    ];
    in_cloudwatch(&moto, &events);
    let responder = looker(&moto);
    let aws = connect(&moto, &responder).await;
    moto.enforce();
    let names: Vec<_> = aws.logs().into_iter().map(|log| log.id).collect();
    assert_eq!(names, ["event-history", "cloudwatch-logs", "athena"]);

    let by_key = search("cloudwatch-logs", SearchBy::Key(KEY.to_owned()));
    let (uses, gaps) = everything(&aws, &by_key).await;
    assert_eq!(gaps, Vec::<String>::new());
    let calls: Vec<_> = uses.iter().map(|one| (one.id.as_str(), one.call.as_str())).collect();
    assert_eq!(calls, [("1", "s3:GetObject"), ("2", "iam:CreateUser")]);
    assert!(matches!(uses[1].meaning, Meaning::Persistence { .. }), "{uses:?}");
    assert_eq!(uses[0].from.as_deref(), Some("198.51.100.4"));
    let by_owner = search("cloudwatch-logs", SearchBy::Owner("bot".to_owned()));
    assert_eq!(everything(&aws, &by_owner).await.0.len(), 3);
    // Whoever takes the search up asks for the same query.
    let started = aws.activity(&by_key, None).await.expect("it is started");
    let begun = moto.parameters("StartQuery").len();
    let other = connect(&moto, &responder).await;
    let page = other.activity(&by_key, started.next.as_deref()).await.expect("it goes on");
    assert_eq!((page.uses.len(), page.next), (2, None));
    assert_eq!(moto.parameters("StartQuery").len(), begun);
    let foreign = aws.activity(&by_key, Some("{}")).await;
    assert!(matches!(foreign, Err(Error::Unsupported { .. })), "{foreign:?}");
}

#[tokio::test]
async fn a_query_with_too_many_rows_is_gone_on_with() {
    let moto = Moto::start();
    // moto takes ten thousand events at once.
    let many = (0..10_003_i64).map(|n| {
        let mut one = event(&n.to_string(), KEY, "s3:GetObject", 0, Value::Null);
        let at = Timestamp::now() - SignedDuration::from_secs(6000 - n / 2);
        one["eventTime"] = json!(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        one
    });
    let many: Vec<_> = many.collect();
    in_cloudwatch(&moto, &many[..9_000]);
    let more = json!({ "logGroupName": "trail", "logStreamName": "all", "logEvents": many[9_000..].iter().map(|event| {
        let at: Timestamp = event["eventTime"].as_str().expect("a time").parse().expect("one");
        json!({ "timestamp": at.as_millisecond(), "message": event.to_string() })
    }).collect::<Vec<_>>() });
    let admin = moto.create_key("admin");
    moto.call_with(
        &admin,
        "logs:PutLogEvents",
        json!({ "params": more, "target": "Logs_20140328" }),
    );
    let aws = connect(&moto, &admin).await;
    let by_key = search("cloudwatch-logs", SearchBy::Key(KEY.to_owned()));
    let (uses, gaps) = everything(&aws, &by_key).await;
    assert_eq!(gaps, Vec::<String>::new());
    let ids: BTreeSet<_> = uses.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids.len(), 10_003, "none is missing");
    assert_eq!(moto.parameters("StartQuery").len(), 2);
}

#[tokio::test]
async fn athena_s_rows_are_events_of_the_trail() {
    let moto = Moto::start();
    let responder = looker(&moto);
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let row = |values: [&str; 12]| {
        let data = values.map(|value| match value {
            "" => json!({}),
            value => json!({ "VarCharValue": value }),
        });
        json!({ "Data": data })
    };
    let header = [
        "eventid",
        "eventtime",
        "eventsource",
        "eventname",
        "awsregion",
        "sourceipaddress",
        "useragent",
        "errorcode",
        "accesskeyid",
        "username",
        "requestparameters",
        "responseelements",
    ];
    let made = "{\"accessKey\": {\"accessKeyId\": \"AKIANEW\", \"userName\": \"eve\"}}";
    let call = |id: &'static str, error: &'static str| {
        [
            id,
            &now,
            "iam.amazonaws.com",
            "CreateAccessKey",
            "us-east-1",
            "198.51.100.4",
            "cli",
            error,
            KEY,
            "bot",
            "{\"userName\": \"eve\"}",
            made,
        ]
    };
    moto.queue_for_athena(&[row(header), row(call("1", "")), row(call("2", "AccessDenied"))]);
    let aws = connect(&moto, &responder).await;
    moto.enforce();
    let by_key = search("athena", SearchBy::Key(KEY.to_owned()));
    let (uses, gaps) = everything(&aws, &by_key).await;
    assert_eq!(gaps, Vec::<String>::new());
    assert_eq!(uses.len(), 2, "the names of the columns are no event: {uses:?}");
    let Meaning::Persistence { what, .. } = &uses[0].meaning else { panic!("{uses:?}") };
    assert_eq!(what, "access key AKIANEW of eve");
    assert_eq!(
        (uses[1].error.as_deref(), &uses[1].meaning),
        (Some("AccessDenied"), &Meaning::Other)
    );
    let started = moto.parameters("StartQueryExecution");
    assert_eq!(started.len(), 1);
    let place = &started[0]["resultConfiguration"]["OutputLocation"];
    assert_eq!(place, "s3://answers/stanch/", "{started:?}");
    // What is called is what the policy grants, and what Athena itself does as its asker.
    let called: BTreeSet<_> = moto
        .calls()
        .into_iter()
        .filter(|(id, call)| *id == responder.id && call.starts_with("athena:"))
        .map(|(_, call)| call)
        .collect();
    let granted = policy_with_logs(Duty::Observer, &logs());
    let statements = granted["Statement"].as_array().expect("a list");
    let asks = statements.iter().find(|statement| statement["Sid"] == "StanchAsksAthena");
    let asks = asks.expect("it is granted")["Action"].as_array().expect("a list").iter();
    assert_eq!(called, asks.map(|call| call.as_str().expect("a name").to_owned()).collect());
}

#[tokio::test]
async fn a_log_that_may_not_be_read_names_what_is_missing() {
    let moto = Moto::start();
    in_cloudwatch(&moto, &[]);
    let blind = moto.responder("blind", &[]);
    let aws = connect(&moto, &blind).await;
    moto.enforce();
    for (log, call) in
        [("cloudwatch-logs", "logs:StartQuery"), ("athena", "athena:StartQueryExecution")]
    {
        let denied = aws.activity(&search(log, SearchBy::Key(KEY.to_owned())), None).await;
        let Err(Error::Denied { permission, .. }) = &denied else { panic!("{denied:?}") };
        assert!(permission.starts_with(call), "{permission}");
    }
    let nowhere = aws.activity(&search("elsewhere", SearchBy::Key(KEY.to_owned())), None).await;
    assert!(matches!(nowhere, Err(Error::Unsupported { .. })), "{nowhere:?}");
}
