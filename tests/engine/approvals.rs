//! Whose word a step needs, what the policy allows, and who says stop.

use async_trait::async_trait;
use stanch::contain::{
    Action, Alone, Approval, Deletion, Delivery, DeliveryError, Engine, Error, Guard, Holder,
    LockFile, Mode, ModeAsked, Plan, Policy, Proof, Request, Settled, Summary, What, ask_again,
};
use stanch::contain::{Life, Patience};
use stanch::incident::{Event, Journal, Outcome};
use stanch::provider::simulated::Fault;
use stanch::provider::{KeyState, Operation};
use stanch::secret::Credential;

use crate::world::{World, bare, detail, end, id_only};

fn agree(world: &World, plan: &Plan, by: &str) {
    let event = Event::ApprovalGiven { plan_hash: plan.hash(), by: by.to_owned(), confirmed: None };
    let next = world.journal.events(&world.incident).unwrap().len() as u64;
    let at = jiff::Timestamp::UNIX_EPOCH;
    world.journal.append(&world.incident, next, by, at, &event).unwrap();
}

async fn apply_with(world: &World, policy: Policy, plan: &Plan) -> Result<Summary, Error> {
    let guard = Guard::new(policy);
    let mut engine = world.engine();
    (engine.guard, engine.approver) = (&guard, None);
    engine.apply(plan).await
}

#[tokio::test]
async fn without_anybodys_word_only_what_the_policy_allows_is_done() {
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    let nothing = apply_with(&world, Policy::default(), &plan).await.unwrap();
    assert_eq!(end(&nothing, "disable"), Outcome::Refused);
    assert!(detail(&nothing, "disable").contains("class A needs"), "{nothing:#?}");
    assert_eq!(nothing.settled, Settled::Refused);
    assert_eq!(world.simulated.asked().unwrap(), []);

    let world = World::new();
    let plan = world.plan_with_delivery().await;
    let automatic = || Policy { automatic: [Action::Disable].into(), ..Policy::default() };
    let summary = apply_with(&world, automatic(), &plan).await.unwrap();
    assert!(summary.proved_dead);
    assert_eq!(end(&summary, "rotate"), Outcome::Refused, "class B needs somebody");
    assert_eq!(world.asked(Operation::Create), 0);

    // Somebody agrees to another plan, and then to this one.
    let mut other = plan.clone();
    other.responder.name = "else".to_owned();
    agree(&world, &other, "grace");
    let still = world.engine().resume().await.unwrap();
    assert_eq!(end(&still, "rotate"), Outcome::Refused, "another plan's approval doesn't count");
    agree(&world, &plan, "grace");
    let summary = world.engine().resume().await.unwrap();
    assert_eq!(summary.settled, Settled::Contained, "{summary:#?}");
}

#[tokio::test]
async fn only_named_approvers_count_where_the_policy_names_them() {
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    let policy = || Policy { approvers: ["grace".to_owned()].into(), ..Policy::default() };
    let guard = Guard::new(policy());
    let mut engine = world.engine();
    engine.guard = &guard;
    let summary = engine.apply(&plan).await.unwrap();
    assert_eq!(end(&summary, "disable"), Outcome::Refused, "alex is nobody here");
    agree(&world, &plan, "grace");
    let mut engine = world.engine();
    engine.guard = &guard;
    assert_eq!(engine.resume().await.unwrap().settled, Settled::Contained);
}

#[tokio::test]
async fn automatic_actions_keep_to_their_hours() {
    // The world's clock stands at a Friday.
    let never = stanch::incident::BusinessHours {
        days: [stanch::incident::Day::Sun].into(),
        ..Default::default()
    };
    let world = World::new();
    let plan = world.plan(&bare()).await;
    let automatic = [Action::Disable].into();
    let policy = Policy { automatic, hours: Some(never), ..Policy::default() };
    let summary = apply_with(&world, policy, &plan).await.unwrap();
    assert_eq!(end(&summary, "disable"), Outcome::Refused);
}

/// Returns a world whose key was stopped long ago, and the plan to delete it.
async fn stopped_long_ago() -> (World, Plan) {
    let world = World::new();
    world.simulated.force(&world.key_id(), KeyState::Inactive).unwrap();
    let day = 24 * 60 * 60;
    let at = |days: i64| jiff::Timestamp::from_second(days * day).unwrap();
    let deletion = |now| Deletion { stopped_at: Some(at(0)), cool_off_days: 14, now };
    let early = Request { deletion: Some(deletion(at(13))), ..bare() };
    let plan = world.plan(&early).await;
    assert_eq!(plan.steps, []);
    assert!(plan.left_for_a_person[0].contains("has to stay stopped until"));
    let due = Request { deletion: Some(deletion(at(14))), ..bare() };
    let plan = world.plan(&due).await;
    assert_eq!(plan.approval(), Approval::C);
    (world, plan)
}

#[tokio::test]
async fn deleting_takes_two_people_or_the_target_typed_out() {
    let (world, plan) = stopped_long_ago().await;
    let summary = world.engine().apply(&plan).await.unwrap();
    assert_eq!(end(&summary, "delete"), Outcome::Refused, "{summary:#?}");
    assert!(detail(&summary, "delete").contains("two people"), "{summary:#?}");
    agree(&world, &plan, "alex");
    let summary = world.engine().resume().await.unwrap();
    assert_eq!(end(&summary, "delete"), Outcome::Refused, "one person twice is one");
    assert_eq!(world.asked(Operation::Delete), 0);
    agree(&world, &plan, "grace");
    let summary = world.engine().resume().await.unwrap();
    assert_eq!(end(&summary, "delete"), Outcome::Succeeded, "{summary:#?}");
    assert_eq!(world.done(Operation::Delete), 1);
    assert!(!world.is_recorded_as_contained(), "it was contained long before");

    let (world, plan) = stopped_long_ago().await;
    let mut engine = world.engine();
    engine.confirmed = vec!["SIMKELSE".to_owned()];
    let summary = engine.apply(&plan).await.unwrap();
    assert_eq!(end(&summary, "delete"), Outcome::Refused);
    engine.confirmed = vec![world.key_id()];
    let summary = engine.resume().await.unwrap();
    assert_eq!(end(&summary, "delete"), Outcome::Succeeded, "{summary:#?}");
    assert_eq!(summary.settled, Settled::Contained);
}

#[tokio::test]
async fn a_key_that_was_started_again_is_not_deleted() {
    let (world, plan) = stopped_long_ago().await;
    world.simulated.force(&world.key_id(), KeyState::Active).unwrap();
    let mut engine = world.engine();
    engine.confirmed = vec![world.key_id()];
    let summary = engine.apply(&plan).await.unwrap();
    assert_eq!(end(&summary, "delete"), Outcome::Failed, "{summary:#?}");
    assert_eq!(world.asked(Operation::Delete), 0);
}

#[tokio::test]
async fn forbidden_providers_accounts_and_actions_are_not_touched() {
    let only = |name: &str| Some([name.to_owned()].into());
    for policy in [
        Policy { providers: only("aws-iam"), ..Policy::default() },
        Policy { accounts: only("another"), ..Policy::default() },
    ] {
        let world = World::new();
        let plan = world.plan_with_delivery().await;
        let error = apply_with(&world, policy, &plan).await.unwrap_err();
        assert!(matches!(error, Error::Forbidden(_)), "{error}");
        assert!(world.events().is_empty());
    }
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    let actions = Some([Action::Disable, Action::ProveDead, Action::Recheck].into());
    let guard = Guard::new(Policy { actions, ..Policy::default() });
    let mut engine = world.engine();
    engine.guard = &guard;
    let summary = engine.apply(&plan).await.unwrap();
    assert!(summary.proved_dead);
    assert_eq!(world.asked(Operation::Create), 0);
}

#[tokio::test]
async fn limits_and_the_circuit_breaker_stop_further_changes() {
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    let guard = Guard::new(Policy { changes_a_run: 1, ..Policy::default() });
    let mut engine = world.engine();
    engine.guard = &guard;
    let summary = engine.apply(&plan).await.unwrap();
    assert!(summary.proved_dead);
    assert!(detail(&summary, "rotate").contains("made its 1 changes"), "{summary:#?}");

    let world = World::new();
    let plan = world.plan_with_delivery().await;
    let guard = Guard::new(Policy { changes_an_hour: Some(7), ..Policy::default() }).after(7);
    let mut engine = world.engine();
    engine.guard = &guard;
    let summary = engine.apply(&plan).await.unwrap();
    assert!(detail(&summary, "disable").contains("of this hour"), "{summary:#?}");

    let world = World::new();
    let plan = world.plan_with_delivery().await;
    world.simulated.set(Fault::Denies(Operation::Disable)).unwrap();
    let guard = Guard::new(Policy { failures: 1, ..Policy::default() });
    let mut engine = world.engine();
    engine.guard = &guard;
    let summary = engine.apply(&plan).await.unwrap();
    assert!(detail(&summary, "rotate").contains("failed in a row"), "{summary:#?}");
}

#[tokio::test]
async fn a_halt_stops_everything_before_the_next_change() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("halt");
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    let guard = Guard::new(Policy::default()).halting_at(file.clone());
    let engine = || Engine { guard: &guard, ..world.engine() };
    std::fs::write(&file, "wrong account").unwrap();
    let error = engine().apply(&plan).await.unwrap_err();
    assert!(error.to_string().contains("wrong account"), "{error}");
    assert!(world.events().is_empty());
    std::fs::remove_file(&file).unwrap();
    assert_eq!(engine().apply(&plan).await.unwrap().settled, Settled::Contained);
}

/// Somebody says stop while a replacement is handed over.
struct Halting<'a>(&'a World, std::path::PathBuf);

#[async_trait]
impl Delivery for Halting<'_> {
    async fn deliver(&self, credential: &Credential) -> Result<String, DeliveryError> {
        std::fs::write(&self.1, "wrong account").unwrap();
        self.0.delivery.deliver(credential).await
    }

    fn describe(&self) -> String {
        self.0.delivery.describe()
    }
}

#[tokio::test]
async fn a_halt_stops_a_run_in_its_middle_and_an_undo_before_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("halt");
    let world = World::new();
    let mode = ModeAsked { mode: Mode::RotateFirst, reason: "a test".to_owned() };
    let plan = world.plan(&Request { mode: Some(mode), ..world.with_delivery() }).await;
    let guard = Guard::new(Policy::default()).halting_at(file.clone());
    let halting = Halting(&world, file.clone());
    let engine = || Engine { guard: &guard, delivery: Some(&halting), ..world.engine() };
    let summary = engine().apply(&plan).await.unwrap();
    assert_eq!(end(&summary, "deliver"), Outcome::Succeeded, "{summary:#?}");
    assert_eq!(end(&summary, "disable"), Outcome::Refused, "{summary:#?}");
    assert_eq!(world.asked(Operation::Disable), 0);
    assert!(engine().undo(&What::All, false, "over").await.is_err(), "halted");
    std::fs::remove_file(&file).unwrap();
    let undone = engine().undo(&What::All, false, "over").await.unwrap();
    assert_eq!(undone.undone, ["rotate"], "{undone:#?}");
}

#[tokio::test]
async fn two_at_once_one_acts_and_the_other_sees_it_and_by_whom() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    let (ada, grace) = (
        LockFile::hold(folder.path(), "ada").unwrap(),
        LockFile::hold(folder.path(), "grace").unwrap(),
    );
    let first = Engine { holder: &ada, ..world.engine() };
    let second = Engine { holder: &grace, ..world.engine() };
    let (one, other) = tokio::join!(first.apply(&plan), second.apply(&plan));
    assert_eq!(one.unwrap().settled, Settled::Contained);
    // Both run in one thread: the other comes when the first is at work, or when it is done.
    if let Err(error) = other {
        assert!(matches!(&error, Error::Held { by, .. } if by.starts_with("ada")), "{error}");
    }
    assert_eq!(world.done(Operation::Disable), 1);
}

#[tokio::test]
async fn a_lease_is_kept_from_the_living_and_taken_over_from_the_dead() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    let ada = LockFile::hold(folder.path(), "ada").unwrap();
    let until = jiff::Timestamp::from_second(1_800_001_000).unwrap();
    let lease = Event::LeaseTaken { holder: ada.name().to_owned(), until };
    let at = jiff::Timestamp::UNIX_EPOCH;
    world.journal.append(&world.incident, 0, "ada", at, &lease).unwrap();

    let grace = LockFile::hold(folder.path(), "grace").unwrap();
    let second = Engine { holder: &grace, ..world.engine() };
    let error = second.apply(&plan).await.unwrap_err();
    assert!(matches!(&error, Error::Held { by, .. } if by == ada.name()), "{error}");
    assert_eq!(world.simulated.asked().unwrap(), []);
    // Whoever can't see whether ada lives waits, too.
    let far = Engine { holder: &Alone("far".to_owned()), ..world.engine() };
    assert!(matches!(far.apply(&plan).await, Err(Error::Held { .. })));
    assert!(matches!(second.resume().await, Err(Error::Held { .. })));

    let later = crate::world::Ticking::at(1_800_001_001);
    let far = Engine { clock: &later, ..far };
    assert!(far.unfinished().is_ok(), "it ran out by itself");

    // However a process ended, what it leaves behind shows that it did.
    drop(ada);
    let third = LockFile::hold(folder.path(), "eve").unwrap();
    let third = Engine { holder: &third, ..world.engine() };
    assert_eq!(third.apply(&plan).await.unwrap().settled, Settled::Contained);
}

#[tokio::test]
async fn asking_again_tells_dead_from_alive() {
    let world = World::new();
    let plan = world.plan(&bare()).await;
    let proof = Proof { refusals: 2, window_seconds: 0 };
    let patience = Patience { looks: 3, ..Patience::without_waiting() };
    let ask =
        async || ask_again(&world.simulated, &world.credential, &patience, proof).await.unwrap();
    assert_eq!(ask().await.life, Life::Alive);
    world.engine().apply(&plan).await.unwrap();
    let again = ask().await;
    assert_eq!(again.life, Life::Dead, "{again:?}");
    world.engine().keep(&again).unwrap();

    world.simulated.force(&world.key_id(), KeyState::Active).unwrap();
    let again = ask().await;
    assert_eq!(again.life, Life::Alive, "{again:?}");
    world.engine().keep(&again).unwrap();
    let last = world.events().pop().unwrap();
    let reopened = matches!(&last, Event::PhaseEntered { reason, .. } if reason.contains("lives"));
    assert!(reopened, "it is contained no longer: {last:?}");

    world.simulated.set(Fault::ProbeUnknown(9)).unwrap();
    assert_eq!(ask().await.life, Life::Unknown);
    let bare = id_only(&world.credential);
    let error = ask_again(&world.simulated, &bare, &patience, proof).await.unwrap_err();
    assert!(matches!(error, Error::NoSecret), "{error}");
}
