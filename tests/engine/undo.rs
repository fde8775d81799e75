//! Taking back what was done.

use stanch::contain::{Error, Settled, What};
use stanch::incident::{Event, Phase};
use stanch::provider::simulated::Fault;
use stanch::provider::{KeyState, Operation};

use crate::world::{World, bare};

async fn contained() -> World {
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    world.engine().apply(&plan).await.unwrap();
    world
}

fn step(id: &str) -> What {
    What::Step(id.to_owned())
}

#[tokio::test]
async fn everything_is_taken_back_but_the_leaked_key_stays_stopped() {
    let world = contained().await;
    let undone = world.engine().undo(&What::All, false, "wrong owner").await.unwrap();
    assert_eq!(undone.undone, ["rotate"]);
    assert!(undone.settled);
    assert!(world.replacements().is_empty());
    assert!(!world.simulated.really_works(&world.credential).unwrap());
    let left = undone.left_for_a_person.join("\n");
    assert!(left.contains("put back what the consumers"), "{left}");
    assert!(left.contains("stays stopped"), "{left}");
}

#[tokio::test]
async fn the_leaked_key_is_started_only_where_that_is_said() {
    let world = contained().await;
    let before = world.events().len();
    let error = world.engine().undo(&step("disable"), false, "false alarm").await.unwrap_err();
    assert!(matches!(error, Error::WouldRevive { .. }), "{error}");
    assert_eq!(world.events().len(), before);
    assert_eq!(world.asked(Operation::Enable), 0);

    let undone = world.engine().undo(&step("disable"), true, "false alarm").await.unwrap();
    assert_eq!(undone.undone, ["disable"]);
    assert!(world.simulated.really_works(&world.credential).unwrap());
    assert_eq!(world.replacements().len(), 1, "only what was asked for is taken back");
    let containment = Phase::Containment;
    let is_reopened =
        |event: &Event| matches!(event, Event::PhaseEntered { phase, .. } if *phase == containment);
    assert!(world.events().iter().any(is_reopened), "it is contained no longer");
}

#[tokio::test]
async fn with_leave_to_revive_everything_is_as_it_was_last_step_first() {
    let world = contained().await;
    let undone = world.engine().undo(&What::All, true, "false alarm").await.unwrap();
    assert_eq!(undone.undone, ["rotate", "disable"]);
    assert!(world.simulated.really_works(&world.credential).unwrap());
    assert!(world.replacements().is_empty());
}

#[tokio::test]
async fn twice_is_once() {
    let world = contained().await;
    world.engine().undo(&What::All, true, "false alarm").await.unwrap();
    let done = world.done(Operation::Enable) + world.done(Operation::Delete);
    world.engine().undo(&What::All, true, "false alarm").await.unwrap();
    assert_eq!(world.asked(Operation::Enable) + world.asked(Operation::Delete), done);
}

#[tokio::test]
async fn a_key_that_was_not_active_before_is_not_started() {
    let world = World::new();
    let plan = world.plan(&bare()).await;
    world.simulated.force(&world.key_id(), KeyState::Inactive).unwrap();
    world.engine().apply(&plan).await.unwrap();
    let undone = world.engine().undo(&What::All, true, "try").await.unwrap();
    assert_eq!(undone.undone, Vec::<String>::new());
    assert_eq!(world.asked(Operation::Enable), 0);
}

#[tokio::test]
async fn an_orphan_is_found_and_deleted() {
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    world.simulated.set(Fault::ActsThenTimesOut(Operation::Create, 1)).unwrap();
    world.simulated.set(Fault::Denies(Operation::Delete)).unwrap();
    world.engine().apply(&plan).await.unwrap();
    assert_eq!(world.replacements().len(), 1);

    world.simulated.heal().unwrap();
    let undone = world.engine().undo(&step("rotate"), false, "start over").await.unwrap();
    assert_eq!(undone.undone, ["rotate"]);
    assert!(world.replacements().is_empty());
}

#[tokio::test]
async fn a_denied_undo_says_so_and_can_be_repeated() {
    let world = contained().await;
    world.simulated.set(Fault::Denies(Operation::Delete)).unwrap();
    let undone = world.engine().undo(&step("rotate"), false, "start over").await.unwrap();
    assert_eq!(undone.undone, Vec::<String>::new());
    assert_eq!(undone.failed, ["rotate"]);
    assert!(undone.left_for_a_person[0].contains("simulated:DeleteKey"));
    world.simulated.heal().unwrap();
    let undone = world.engine().undo(&step("rotate"), false, "start over").await.unwrap();
    assert_eq!(undone.undone, ["rotate"]);
}

#[tokio::test]
async fn before_the_leaked_key_is_started_it_counts_as_contained_no_longer() {
    let world = contained().await;
    let before = world.events().len();
    world.simulated.set(Fault::Denies(Operation::Enable)).unwrap();
    let undone = world.engine().undo(&step("disable"), true, "false alarm").await.unwrap();
    assert_eq!(undone.failed, ["disable"]);
    let events = world.events().split_off(before);
    let reopened = events.iter().position(
        |event| matches!(event, Event::PhaseEntered { phase: Phase::Containment, reason } if reason.contains("is being started")),
    );
    let intended = events.iter().position(|event| matches!(event, Event::StepIntended { .. }));
    assert!(reopened.is_some() && reopened < intended, "{events:?}");
}

#[tokio::test]
async fn a_plan_that_was_taken_back_is_not_resumed_but_made_anew() {
    let world = contained().await;
    world.engine().undo(&What::All, true, "rehearsal").await.unwrap();
    let error = world.engine().resume().await.unwrap_err();
    assert!(matches!(error, Error::Nothing(_)), "{error}");

    let plan = world.plan_with_delivery().await;
    let summary = world.engine().apply(&plan).await.unwrap();
    assert_eq!(summary.settled, Settled::Contained);
    world.assert_replaced_and_silent();
}

#[tokio::test]
async fn a_step_that_is_not_in_the_plan_is_named() {
    let world = contained().await;
    let error = world.engine().undo(&step("narrow"), false, "").await.unwrap_err();
    assert!(matches!(&error, Error::NoSuchStep { step, .. } if step == "narrow"), "{error}");
}

#[tokio::test]
async fn an_unsettled_plan_that_was_taken_back_is_in_nobodys_way() {
    let world = World::new();
    let plan = world.plan(&bare()).await;
    world.simulated.set(Fault::ProbeUnknown(10_000)).unwrap();
    let summary = world.engine().apply(&plan).await.unwrap();
    assert_eq!(summary.settled, Settled::Unsettled);
    world.engine().undo(&What::All, true, "rehearsal").await.unwrap();

    world.simulated.heal().unwrap();
    let plan = world.plan(&bare()).await;
    let summary = world.engine().apply(&plan).await.unwrap();
    assert_eq!(summary.settled, Settled::Contained);
}
