//! The engine against AWS IAM. Real server (moto): signatures and policies enforced; faults are extended by us.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use stanch::contain::{
    Alone, Delivery, Engine, Guard, MemoryDelivery, Patience, Plan, Policy, Request, Settled, What,
};
use stanch::incident::{Clock, IncidentId};
use stanch::provider::aws_iam::{AwsIam, Options};
use stanch::secret::{Credential, Part, Secret};

use crate::moto::{AccessKey, Moto, RESPONDER};
use crate::world::{MemoryJournal, bare, plan_at};

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

pub(crate) fn credential(key: &AccessKey) -> Credential {
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

/// A user whose key leaked, a responder, and a server that checks who may do what.
struct Cloud {
    moto: Moto,
    aws: AwsIam,
    leaked: Credential,
    journal: MemoryJournal,
    delivery: MemoryDelivery,
    guard: Guard,
    holder: Alone,
}

impl Cloud {
    async fn with(permissions: &[&str]) -> Self {
        let moto = Moto::start();
        let leaked = credential(&moto.create_user_with_key("bot"));
        let options = Options {
            endpoint: Some(moto.endpoint()),
            region: Some("us-east-1".to_owned()),
            responder: Some(credential(&moto.responder("ops", permissions))),
            ..Options::new(Arc::new(Timestamp::now))
        };
        let aws = AwsIam::connect(options).await.unwrap();
        moto.enforce();
        Self {
            moto,
            aws,
            leaked,
            journal: MemoryJournal::default(),
            delivery: MemoryDelivery::new(),
            guard: Guard::new(Policy::default()),
            holder: Alone("alex".to_owned()),
        }
    }

    fn engine(&self) -> Engine<'_> {
        Engine {
            journal: &self.journal,
            provider: &self.aws,
            clock: &SystemClock,
            incident: IncidentId::from("INC-aws".to_owned()),
            actor: "alex".to_owned(),
            approver: Some("alex".to_owned()),
            confirmed: Vec::new(),
            guard: &self.guard,
            holder: &self.holder,
            credential: &self.leaked,
            delivery: Some(&self.delivery),
            patience: Patience { looks: 6, wait: Duration::from_millis(10), ..Patience::default() },
        }
    }

    async fn plan(&self) -> Plan {
        let request = Request { delivery: Some(self.delivery.describe()), ..bare() };
        plan_at(&self.aws, &self.leaked, &request).await
    }

    fn calls(&self, name: &str) -> usize {
        self.moto.calls().iter().filter(|(_, call)| call == name).count()
    }

    fn leaked_id(&self) -> &str {
        self.leaked.public("id").unwrap()
    }

    /// Asserts that the leaked key is stopped and the only other one is what was delivered last.
    fn assert_replaced(&self) {
        let delivered = self.delivery.delivered();
        let new = delivered.last().unwrap().public("id").unwrap();
        let mut keys = self.moto.keys("bot");
        keys.sort_by_key(|(id, _)| id != self.leaked_id());
        let expected = [(self.leaked_id(), "Inactive"), (new, "Active")];
        assert_eq!(keys, expected.map(|(id, state)| (id.to_owned(), state.to_owned())));
    }
}

#[tokio::test]
async fn contains_and_replaces_an_aws_key_and_takes_it_back() {
    let cloud = Cloud::with(RESPONDER).await;
    let plan = cloud.plan().await;
    let summary = cloud.engine().apply(&plan).await.unwrap();
    assert_eq!(summary.settled, Settled::Contained, "{summary:#?}");
    cloud.assert_replaced();
    assert_eq!(cloud.calls("iam:UpdateAccessKey"), 1);
    assert_eq!(cloud.calls("iam:CreateAccessKey"), 1);

    let undone = cloud.engine().undo(&What::All, true, "rehearsal").await.unwrap();
    assert_eq!(undone.undone, ["rotate", "disable"], "{undone:#?}");
    let before = [(cloud.leaked_id().to_owned(), "Active".to_owned())];
    assert_eq!(cloud.moto.keys("bot"), before);
}

#[tokio::test]
async fn needs_no_permission_the_plan_does_not_name() {
    let cloud = Cloud::with(RESPONDER).await;
    let needed = cloud.plan().await.permissions();
    let needed: Vec<&str> = needed.iter().map(String::as_str).collect();
    let cloud = Cloud::with(&needed).await;
    cloud.moto.fault("after=CreateAccessKey:drop");
    let plan = cloud.plan().await;
    let summary = cloud.engine().apply(&plan).await.unwrap();
    assert_eq!(summary.settled, Settled::Contained, "{summary:#?}");
    cloud.assert_replaced();
}

#[tokio::test]
async fn lost_answers_and_late_listings_of_aws_are_settled_by_looking() {
    for (fault, updates, creates) in [
        ("after=UpdateAccessKey:drop", 1, 1),
        ("before=UpdateAccessKey:drop", 2, 1),
        ("after=CreateAccessKey:500", 1, 2),
        ("before=CreateAccessKey:500", 1, 2),
        ("throttle=UpdateAccessKey:2", 3, 1),
        ("stale=ListAccessKeys:3", 1, 1),
    ] {
        let cloud = Cloud::with(RESPONDER).await;
        let plan = cloud.plan().await;
        cloud.moto.fault(fault);
        let summary = cloud.engine().apply(&plan).await.unwrap();
        assert_eq!(summary.settled, Settled::Contained, "{fault}: {summary:#?}");
        cloud.assert_replaced();
        assert_eq!(cloud.calls("iam:UpdateAccessKey"), updates, "{fault}");
        assert_eq!(cloud.calls("iam:CreateAccessKey"), creates, "{fault}");
    }
}

#[tokio::test]
async fn a_responder_that_may_not_stop_keys_says_what_it_lacks() {
    let lacking: Vec<_> =
        RESPONDER.iter().copied().filter(|name| *name != "iam:UpdateAccessKey").collect();
    let cloud = Cloud::with(&lacking).await;
    let plan = cloud.plan().await;
    let summary = cloud.engine().apply(&plan).await.unwrap();
    assert_eq!(summary.settled, Settled::Partly);
    assert!(summary.left_for_a_person[0].contains("lacks iam:UpdateAccessKey"), "{summary:#?}");
}

#[tokio::test]
async fn an_aws_key_id_with_another_secret_stops_nothing() {
    let mut cloud = Cloud::with(RESPONDER).await;
    let wrong = Part::Secret(Secret::new("x".repeat(40)));
    cloud.leaked.parts.insert("secret".to_owned(), wrong);
    let plan = cloud.plan().await;
    let summary = cloud.engine().apply(&plan).await.unwrap();
    assert!(!summary.proved_dead);
    assert!(summary.left_for_a_person[0].contains("SignatureDoesNotMatch"), "{summary:#?}");
    assert_eq!(cloud.calls("iam:UpdateAccessKey"), 0);
}
