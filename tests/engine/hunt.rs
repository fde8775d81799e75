//! The hunt against the simulated provider: what it concludes, and who may write meanwhile.

use jiff::SignedDuration;
use serde_json::json;
use stanch::contain::{Error, Hunt, Hunted, Left, Progress, Question};
use stanch::incident::{Clock, Conclusion, Coverage, Event, Journal};
use stanch::provider::simulated::Fault;
use stanch::provider::{Meaning, Operation};

use crate::world::{OWNER, World};

fn question(world: &World) -> Question {
    Question {
        key_id: world.key_id(),
        finding: world.credential.fingerprint(),
        owner: Some(OWNER.to_owned()),
        leaked_at: world.clock.now(),
        margin: SignedDuration::from_hours(1),
        stopped_at: None,
        networks: Vec::new(),
    }
}

fn append(world: &World, event: &Event) {
    let next = world.journal.events(&world.incident).unwrap().len() as u64;
    let now = world.clock.now();
    world.journal.append(&world.incident, next, "grace", now, event).unwrap();
}

async fn hunt(
    world: &World,
    question: &Question,
    tell: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Hunted, Error> {
    let hunt = Hunt {
        journal: &world.journal,
        provider: &world.simulated,
        clock: &world.clock,
        incident: world.incident.clone(),
        actor: "alex".to_owned(),
        holder: &world.holder,
    };
    hunt.run(question, tell).await
}

fn used(world: &World, call: &str, meaning: Meaning) {
    world.simulated.used(&world.key_id(), call, meaning).unwrap();
}

#[tokio::test]
async fn known_addresses_alone_are_rightful_and_what_stays_is_looked_at_anyway() {
    let world = World::new();
    let nothing = hunt(&world, &question(&world), &|_| {}).await.unwrap();
    assert_eq!(nothing.review.conclusion, Conclusion::NoUse);
    assert!(!nothing.needs_a_person());

    used(&world, "simulated:Read", Meaning::Other);
    let asked = question(&world);
    used(&world, "simulated:Begin", Meaning::Session { of: "role".to_owned() });
    let usual = hunt(&world, &asked, &|_| {}).await.unwrap();
    assert_eq!(usual.review.conclusion, Conclusion::LegitOnly);
    assert_eq!(usual.review.uses_after_leak, 1);
    assert_eq!((usual.plan.len(), usual.needs_a_person()), (1, false));

    let stays = Meaning::Persistence {
        what: "a door".to_owned(),
        remove: "wall it up".to_owned(),
        reversible: false,
        hits: "nobody".to_owned(),
    };
    used(&world, "simulated:Make", stays.clone());
    used(&world, "simulated:Make", stays);
    let found = hunt(&world, &asked, &|_| {}).await.unwrap();
    let door = found.plan.iter().find(|item| item.left == Left::Persistence).unwrap();
    assert_eq!((door.count, door.how.as_str()), (2, "wall it up"));
    assert!(found.needs_a_person());

    // Nothing before the leak says whose the address is; the operator can.
    let mut unknown = asked.clone();
    unknown.margin = SignedDuration::ZERO;
    let found = hunt(&world, &unknown, &|_| {}).await.unwrap();
    assert_eq!(found.review.conclusion, Conclusion::Unknown, "{}", found.review.reason);
    unknown.networks = vec!["192.0.2.0/24".to_owned()];
    let found = hunt(&world, &unknown, &|_| {}).await.unwrap();
    assert_eq!(found.review.conclusion, Conclusion::LegitOnly);
    unknown.networks = vec!["203.0.113.0/24".to_owned()];
    let found = hunt(&world, &unknown, &|_| {}).await.unwrap();
    assert_eq!(found.review.conclusion, Conclusion::Misuse);
}

#[tokio::test]
async fn a_log_that_may_not_be_read_is_unknown() {
    let world = World::new();
    world.simulated.set(Fault::Denies(Operation::Review)).unwrap();
    let found = hunt(&world, &question(&world), &|_| {}).await.unwrap();
    assert_eq!(found.review.conclusion, Conclusion::Unknown);
    assert!(found.review.sources.iter().all(|source| source.coverage == Coverage::None));
}

#[tokio::test]
async fn whose_key_it_is_has_to_be_known_to_say_what_else_was_done() {
    let world = World::new();
    for owner in [None, Some("arn:aws:iam::1:role/web".to_owned())] {
        let asked = Question { owner, ..question(&world) };
        let found = hunt(&world, &asked, &|_| {}).await.unwrap();
        assert_eq!(found.review.conclusion, Conclusion::Unknown, "{:?}", asked.owner);
    }
}

#[tokio::test]
async fn others_may_write_meanwhile_but_nobody_else_may_hunt() {
    let world = World::new();
    for _ in 0..5 {
        used(&world, "simulated:Read", Meaning::Other);
    }
    let asked = question(&world);
    let note = |_: Progress<'_>| append(&world, &Event::Noted { text: "seen".to_owned() });
    hunt(&world, &asked, &note).await.expect("a note is no obstacle");
    let other = Event::LogRead {
        search: json!({
            "log": "simulated", "by": { "by": "key", "value": "x" },
            "since": asked.leaked_at, "until": asked.leaked_at,
        }),
        found: json!({}),
        next: None,
    };
    let refused = hunt(&world, &asked, &|_| append(&world, &other)).await;
    assert!(matches!(refused, Err(Error::SomeoneElse(_))), "{refused:?}");
}

#[tokio::test]
async fn whoever_contains_the_key_is_left_alone() {
    let world = World::new();
    let until = world.clock.now() + SignedDuration::from_mins(5);
    append(&world, &Event::LeaseTaken { holder: "grace".to_owned(), until });
    let held = hunt(&world, &question(&world), &|_| {}).await;
    assert!(matches!(&held, Err(Error::Held { by, .. }) if by == "grace"), "{held:?}");
    append(&world, &Event::LeaseReleased { holder: "grace".to_owned() });
    hunt(&world, &question(&world), &|_| {}).await.expect("they are done");
}
