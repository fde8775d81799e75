//! Every fault of the simulated provider.

use stanch::contain::{Error, Settled};
use stanch::incident::Outcome::{self, Failed, Refused, Skipped, Succeeded, Unknown};
use stanch::provider::simulated::Fault;
use stanch::provider::{Error as ProviderError, Operation};

use crate::world::{World, assert_outcomes, bare};

type Ends = [(&'static str, Outcome)];

/// Applies the full plan with these faults, which set in after the plan was made.
async fn with(faults: &[Fault], settled: Settled, ends: &Ends) -> World {
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    for fault in faults {
        world.simulated.set(*fault).unwrap();
    }
    let summary = world.engine().apply(&plan).await.unwrap();
    assert_outcomes(&summary, settled, ends);
    let open = summary.steps.iter().filter(|step| step.outcome != Succeeded).count();
    assert!(summary.left_for_a_person.len() >= open, "{summary:#?}");
    assert_eq!(world.is_recorded_as_contained(), summary.proved_dead);
    world.assert_silent();
    world
}

const ALL_DONE: &Ends = &[
    ("disable", Succeeded),
    ("prove-dead", Succeeded),
    ("rotate", Succeeded),
    ("deliver", Succeeded),
];

#[tokio::test]
async fn a_provider_that_lies_about_disabling_is_found_out() {
    let ends = [
        ("disable", Failed),
        ("prove-dead", Skipped),
        ("rotate", Succeeded),
        ("deliver", Succeeded),
    ];
    let world = with(&[Fault::LiesAboutDisabling], Settled::Partly, &ends).await;
    assert!(world.simulated.really_works(&world.credential).unwrap());
    let words = serde_json::to_string(&world.events()).unwrap();
    assert!(words.contains("said yes and did nothing that can be seen"));
}

#[tokio::test]
async fn a_key_that_is_shown_inactive_and_still_works_is_not_contained() {
    let ends = [
        ("disable", Succeeded),
        ("prove-dead", Failed),
        ("rotate", Succeeded),
        ("deliver", Succeeded),
    ];
    with(&[Fault::AcceptsDisabledKeys], Settled::Partly, &ends).await;
}

#[tokio::test]
async fn a_change_made_without_an_answer_is_settled_by_looking() {
    let fault = Fault::ActsThenTimesOut(Operation::Disable, 1);
    let world = with(&[fault], Settled::Contained, ALL_DONE).await;
    assert_eq!(world.asked(Operation::Disable), 1);
    world.assert_replaced_and_silent();
}

#[tokio::test]
async fn a_change_not_made_and_not_answered_is_asked_for_again() {
    let fault = Fault::TimesOutThenDoesNothing(Operation::Disable, 2);
    let world = with(&[fault], Settled::Contained, ALL_DONE).await;
    assert_eq!(world.asked(Operation::Disable), 3);
    assert_eq!(world.done(Operation::Disable), 1);
}

#[tokio::test]
async fn a_change_that_is_never_made_nor_answered_has_failed() {
    let ends = [
        ("disable", Failed),
        ("prove-dead", Skipped),
        ("rotate", Succeeded),
        ("deliver", Succeeded),
    ];
    let fault = Fault::TimesOutThenDoesNothing(Operation::Disable, 99);
    with(&[fault], Settled::Partly, &ends).await;
}

#[tokio::test]
async fn a_key_made_without_an_answer_is_deleted_and_made_anew() {
    let fault = Fault::ActsThenTimesOut(Operation::Create, 1);
    let world = with(&[fault], Settled::Contained, ALL_DONE).await;
    assert_eq!(world.done(Operation::Create), 2);
    assert_eq!(world.done(Operation::Delete), 1);
    world.assert_replaced_and_silent();
}

#[tokio::test]
async fn a_key_made_without_an_answer_and_shown_late_is_still_found() {
    let faults = [Fault::ActsThenTimesOut(Operation::Create, 1), Fault::ShowsOldState(4)];
    let world = with(&faults, Settled::Contained, ALL_DONE).await;
    assert_eq!(world.done(Operation::Create), 2);
    world.assert_replaced_and_silent();
}

#[tokio::test]
async fn a_provider_that_never_answers_to_creating_leaves_no_orphan() {
    let ends = [
        ("disable", Succeeded),
        ("prove-dead", Succeeded),
        ("rotate", Failed),
        ("deliver", Skipped),
    ];
    let fault = Fault::ActsThenTimesOut(Operation::Create, 99);
    let world = with(&[fault], Settled::Partly, &ends).await;
    assert!(world.replacements().is_empty());
}

#[tokio::test]
async fn a_creation_not_made_and_not_answered_is_made_after_looking() {
    let fault = Fault::TimesOutThenDoesNothing(Operation::Create, 2);
    let world = with(&[fault], Settled::Contained, ALL_DONE).await;
    assert_eq!(world.done(Operation::Create), 1);
    assert_eq!(world.done(Operation::Delete), 0);
}

#[tokio::test]
async fn a_state_that_is_shown_late_is_waited_for() {
    let world = with(&[Fault::ShowsOldState(5)], Settled::Contained, ALL_DONE).await;
    assert_eq!(world.asked(Operation::Disable), 1);
    assert_eq!(world.asked(Operation::Create), 1);
    world.assert_replaced_and_silent();
}

#[tokio::test]
async fn a_denied_disabling_is_refused_and_what_does_not_need_it_goes_on() {
    let ends = [
        ("disable", Refused),
        ("prove-dead", Skipped),
        ("rotate", Succeeded),
        ("deliver", Succeeded),
    ];
    let world = with(&[Fault::Denies(Operation::Disable)], Settled::Partly, &ends).await;
    let words = serde_json::to_string(&world.events()).unwrap();
    assert!(words.contains("the responder lacks simulated:DisableKey"));
}

#[tokio::test]
async fn nothing_taking_effect_is_refused() {
    let ends =
        [("disable", Refused), ("prove-dead", Skipped), ("rotate", Refused), ("deliver", Skipped)];
    let faults = [Fault::Denies(Operation::Disable), Fault::Denies(Operation::Create)];
    with(&faults, Settled::Refused, &ends).await;
}

#[tokio::test]
async fn an_orphan_that_can_not_be_deleted_is_named() {
    let faults = [Fault::ActsThenTimesOut(Operation::Create, 1), Fault::Denies(Operation::Delete)];
    let ends = [
        ("disable", Succeeded),
        ("prove-dead", Succeeded),
        ("rotate", Refused),
        ("deliver", Skipped),
    ];
    let world = with(&faults, Settled::Partly, &ends).await;
    let orphan = world.replacements()[0].id.clone();
    world.simulated.heal().unwrap();
    let summary = world.engine().resume().await.unwrap();
    assert_outcomes(&summary, Settled::Contained, ALL_DONE);
    assert!(!world.replacements().iter().any(|key| key.id == orphan));
    world.assert_replaced_and_silent();
}

#[tokio::test]
async fn a_throttled_call_is_made_again() {
    with(&[Fault::Throttles(3)], Settled::Contained, ALL_DONE).await;
}

#[tokio::test]
async fn endless_throttling_stops_before_anything_is_approved() {
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    world.simulated.set(Fault::Throttles(10_000)).unwrap();
    let error = world.engine().apply(&plan).await.unwrap_err();
    assert!(matches!(error, Error::Provider(ProviderError::Throttled { .. })), "{error}");
    assert!(world.events().is_empty());
}

#[tokio::test]
async fn answers_that_say_nothing_are_no_proof_until_real_ones_come() {
    with(&[Fault::ProbeUnknown(5)], Settled::Contained, ALL_DONE).await;
}

#[tokio::test]
async fn without_a_proof_it_is_unsettled_and_resuming_settles_it() {
    let ends = [
        ("disable", Succeeded),
        ("prove-dead", Unknown),
        ("rotate", Succeeded),
        ("deliver", Succeeded),
    ];
    let world = with(&[Fault::ProbeUnknown(10_000)], Settled::Unsettled, &ends).await;
    let plan = world.plan(&bare()).await;
    let error = world.engine().apply(&plan).await.unwrap_err();
    assert!(matches!(error, Error::Unfinished { .. }), "{error}");

    world.simulated.heal().unwrap();
    let summary = world.engine().resume().await.unwrap();
    assert_outcomes(&summary, Settled::Contained, ALL_DONE);
    assert!(world.is_recorded_as_contained());
    assert_eq!(world.delivery.delivered().len(), 1);
}

#[tokio::test]
async fn the_leaked_key_may_not_contain_itself() {
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    world.simulated.act_with(&world.key_id()).unwrap();
    let error = world.engine().apply(&plan).await.unwrap_err();
    assert!(matches!(error, Error::Provider(ProviderError::ResponderIsLeaked { .. })), "{error}");
    assert_eq!(world.simulated.asked().unwrap(), []);
}

#[tokio::test]
async fn what_was_denied_is_done_on_resuming_once_it_is_allowed() {
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    world.simulated.set(Fault::Denies(Operation::Disable)).unwrap();
    world.engine().apply(&plan).await.unwrap();
    world.simulated.heal().unwrap();
    let summary = world.engine().resume().await.unwrap();
    assert_outcomes(&summary, Settled::Contained, ALL_DONE);
    assert_eq!(world.done(Operation::Create), 1, "the delivered key is left");
}
