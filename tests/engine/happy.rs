//! A provider that keeps its word.

use stanch::contain::{Error, Request, Settled};
use stanch::incident::{Event, Outcome};
use stanch::provider::{KeyState, Operation};

use crate::world::{World, assert_outcomes, bare};

#[tokio::test]
async fn stops_the_key_proves_it_and_replaces_it() {
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    let summary = world.engine().apply(&plan).await.unwrap();

    let all = ["disable", "prove-dead", "rotate", "deliver"].map(|step| (step, Outcome::Succeeded));
    assert_outcomes(&summary, Settled::Contained, &all);
    assert_eq!(summary.left_for_a_person, Vec::<String>::new());
    assert!(!world.simulated.really_works(&world.credential).unwrap());
    assert_eq!(world.done(Operation::Disable), 1);
    assert_eq!(world.done(Operation::Create), 1);
    assert_eq!(world.done(Operation::Delete), 0);
    world.assert_replaced_and_silent();
}

#[tokio::test]
async fn writes_every_intent_before_its_end_and_the_proof_before_the_containment() {
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    world.engine().apply(&plan).await.unwrap();

    let words: Vec<_> = world
        .events()
        .iter()
        .map(|event| match event {
            Event::LeaseTaken { .. } => "leased".to_owned(),
            Event::LeaseReleased { .. } => "released".to_owned(),
            Event::PlanApproved { .. } => "approved".to_owned(),
            Event::StepIntended { step, .. } => format!("intend {step}"),
            Event::StepFinished { step, .. } => format!("finish {step}"),
            Event::EvidenceCollected { name, .. } => name.clone(),
            Event::Contained { .. } => "contained".to_owned(),
            other => format!("{other:?}"),
        })
        .collect();
    let expected = [
        "leased",
        "approved",
        "intend check-delivery",
        "finish check-delivery",
        "intend evidence",
        "intend disable",
        "finish disable",
        "intend recheck",
        "finish recheck",
        "intend prove-dead",
        "refusals-of-old-key",
        "finish prove-dead",
        "contained",
        "rights-of-old-key",
        "finish evidence",
        "intend rotate",
        "finish rotate",
        "intend deliver",
        "finish deliver",
        "released",
    ];
    assert_eq!(words, expected);
}

#[tokio::test]
async fn dates_the_containment_by_the_provider_and_never_after_its_proof() {
    let world = World::new();
    let plan = world.plan(&bare()).await;
    world.engine().apply(&plan).await.unwrap();

    let events = world.events();
    let stopped_at = events.iter().find_map(|event| match event {
        Event::StepFinished { step, effective_at, .. } if step == "disable" => *effective_at,
        _ => None,
    });
    let contained = events.iter().find_map(|event| match event {
        Event::Contained { effective_at, verified_at } => Some((*effective_at, *verified_at)),
        _ => None,
    });
    let (effective_at, verified_at) = contained.unwrap();
    assert_eq!(Some(effective_at), stopped_at);
    assert!(effective_at < verified_at);
}

#[tokio::test]
async fn changes_nothing_about_a_key_that_is_stopped_or_gone() {
    for state in [KeyState::Inactive, KeyState::Absent] {
        let world = World::new();
        world.simulated.force(&world.key_id(), state).unwrap();
        let plan = world.plan(&bare()).await;
        assert!(!plan.is_mutation());

        let summary = world.engine().apply(&plan).await.unwrap();
        assert_outcomes(&summary, Settled::Contained, &[("prove-dead", Outcome::Succeeded)]);
        assert_eq!(world.simulated.asked().unwrap(), []);
        assert!(world.is_recorded_as_contained());
    }
}

#[tokio::test]
async fn a_key_that_vanished_after_planning_is_planned_for_anew() {
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    world.simulated.force(&world.key_id(), KeyState::Absent).unwrap();

    let error = world.engine().apply(&plan).await.unwrap_err();
    assert!(matches!(error, Error::Changed(_)), "{error}");
    assert_eq!(world.simulated.asked().unwrap(), []);
    assert!(world.events().is_empty());
}

#[tokio::test]
async fn deletes_an_inactive_sibling_only_where_that_was_asked_for() {
    let world = World::new();
    let sibling = world.simulated.issue(crate::world::OWNER).unwrap();
    let sibling = sibling.public("id").unwrap();
    world.simulated.force(sibling, KeyState::Inactive).unwrap();

    let mut request = world.with_delivery();
    let plan = world.plan(&request).await;
    assert!(plan.step(stanch::contain::Action::Rotate).is_none());
    assert!(plan.left_for_a_person[0].contains(sibling));

    request.replace_inactive = true;
    let plan = world.plan(&request).await;
    let mut engine = world.engine();
    engine.confirmed = vec![sibling.to_owned()];
    let summary = engine.apply(&plan).await.unwrap();
    let all = ["disable", "prove-dead", "delete-inactive", "rotate", "deliver"];
    assert_outcomes(&summary, Settled::Contained, &all.map(|step| (step, Outcome::Succeeded)));
    assert!(!world.replacements().iter().any(|key| key.id == sibling));
    world.assert_replaced_and_silent();
}

#[tokio::test]
async fn does_not_delete_a_sibling_that_was_started_since() {
    let world = World::new();
    let sibling = world.simulated.issue(crate::world::OWNER).unwrap();
    let id = sibling.public("id").unwrap();
    world.simulated.force(id, KeyState::Inactive).unwrap();
    let request = Request { replace_inactive: true, ..world.with_delivery() };
    let plan = world.plan(&request).await;
    world.simulated.force(id, KeyState::Active).unwrap();

    let mut engine = world.engine();
    engine.confirmed = vec![id.to_owned()];
    let summary = engine.apply(&plan).await.unwrap();
    let ended = [
        ("disable", Outcome::Succeeded),
        ("prove-dead", Outcome::Succeeded),
        ("delete-inactive", Outcome::Failed),
        ("rotate", Outcome::Skipped),
        ("deliver", Outcome::Skipped),
    ];
    assert_outcomes(&summary, Settled::Partly, &ended);
    assert!(world.simulated.really_works(&sibling).unwrap());
}

#[tokio::test]
async fn resuming_what_is_done_does_nothing() {
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    let first = world.engine().apply(&plan).await.unwrap();
    let asked = world.simulated.asked().unwrap();
    assert_eq!(world.engine().resume().await.unwrap(), first);
    assert_eq!(world.simulated.asked().unwrap(), asked);
    assert_eq!(world.delivery.delivered().len(), 1);
}

#[tokio::test]
async fn there_is_nothing_to_resume_without_a_plan() {
    let error = World::new().engine().resume().await.unwrap_err();
    assert!(matches!(error, Error::Nothing(_)), "{error}");
}
