//! Which comes first, and how long consumers are waited for.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use stanch::contain::{
    Action, Delivery, DeliveryError, Error, Fresh, Grounds, Mode, ModeAsked, Request, Settled,
    hangs_on_rights, mode_table,
};
use stanch::incident::{Event, Level, Outcome, Visibility};
use stanch::provider::simulated::Fault;
use stanch::provider::{Known, Meaning, Measure, Operation, Provider};
use stanch::secret::Credential;

use crate::world::{World, bare, detail, end};

/// Returns a request whose grounds are the mildest: nothing speaks against waiting.
fn mild(world: &World) -> Request {
    Request {
        consumers: vec!["billing".to_owned()],
        grounds: Grounds {
            visibility: Visibility::Private,
            level: Level::Sev3,
            administers: Known::No,
            misused: Known::No,
            unused: Known::No,
        },
        ..world.with_delivery()
    }
}

#[tokio::test]
async fn every_row_of_the_table_decides_where_it_holds() {
    let world = World::new();
    type Change = fn(&mut Request);
    let rows: [(&str, Change); 9] = [
        ("misused", |r| r.grounds.misused = Known::Yes),
        ("public", |r| r.grounds.visibility = Visibility::Unknown),
        ("administers", |r| r.grounds.administers = Known::Yes),
        ("sev1", |r| r.grounds.level = Level::Sev1),
        ("unknown-rights", |r| r.grounds.administers = Known::Unknown),
        ("unused", |r| r.grounds.unused = Known::Yes),
        ("no-delivery", |r| r.delivery = None),
        ("no-consumer", |r| r.consumers.clear()),
        ("named-consumers", |_| ()),
    ];
    let table: Vec<_> = mode_table().map(|(id, mode, _)| (id, mode)).collect();
    assert_eq!(table.len(), rows.len());
    for ((id, change), row) in rows.into_iter().zip(table) {
        let mut request = mild(&world);
        change(&mut request);
        let plan = world.plan(&request).await;
        assert_eq!((id, plan.mode.mode), row, "{:?}", plan.mode);
        assert_eq!(plan.mode.rule, format!("mode-v1/{id}"));
        let at = |action| plan.steps.iter().position(|step| step.action == action);
        let is_first = at(Action::Rotate).is_none() || at(Action::Disable) < at(Action::Rotate);
        assert_eq!(is_first, row.1 == Mode::DisableFirst, "{id}");
    }
}

#[tokio::test]
async fn a_person_may_choose_against_the_rule_and_says_why() {
    let world = World::new();
    let mut request = mild(&world);
    let asked = |mode| Some(ModeAsked { mode, reason: "an auditor waits".to_owned() });
    request.mode = asked(Mode::DisableFirst);
    let plan = world.plan(&request).await;
    assert_eq!(plan.mode.mode, Mode::DisableFirst);
    assert_eq!(plan.mode.rule, "mode-v1/override");
    assert!(plan.mode.reason.contains("an auditor waits"), "{}", plan.mode.reason);
    assert!(plan.mode.reason.contains("named-consumers"), "{}", plan.mode.reason);

    let mut impossible = bare();
    impossible.mode = asked(Mode::RotateFirst);
    let plan = world.plan(&impossible).await;
    assert_eq!(plan.mode.mode, Mode::DisableFirst, "there is nothing to hand over");
    assert!(plan.mode.reason.contains("no place to go"), "{}", plan.mode.reason);
}

#[tokio::test]
async fn consumers_move_first_and_then_the_key_is_stopped() {
    let world = World::new();
    let plan = world.plan(&mild(&world)).await;
    let summary = world.engine().apply(&plan).await.unwrap();
    assert_eq!(summary.settled, Settled::Contained, "{summary:#?}");
    let ids: Vec<_> = summary.steps.iter().map(|step| step.step.as_str()).collect();
    let order = [
        "check-delivery",
        "evidence",
        "rotate",
        "deliver",
        "wait",
        "disable",
        "recheck",
        "prove-dead",
    ];
    assert_eq!(ids, order);
    assert!(detail(&summary, "wait").contains("nobody used the key since"));
    world.assert_replaced_and_silent();
}

#[tokio::test]
async fn whoever_still_uses_the_key_at_the_deadline_is_named_and_the_key_is_stopped() {
    let world = World::new();
    let mut request = mild(&world);
    request.grounds.level = Level::Sev2;
    let plan = world.plan(&request).await;
    // A consumer that uses it in a time that never comes to rest.
    let busy = Busy(&world);
    let mut engine = world.engine();
    engine.delivery = Some(&busy);
    let summary = engine.apply(&plan).await.unwrap();
    assert_eq!(end(&summary, "wait"), Outcome::Failed, "{summary:#?}");
    assert!(detail(&summary, "wait").contains("simulated:Bill"), "{summary:#?}");
    assert_eq!(end(&summary, "disable"), Outcome::Succeeded);
    assert!(summary.proved_dead);
    assert_eq!(summary.settled, Settled::Partly);
}

/// Delivers, and uses the old key on: far in the future, by the provider's clock.
struct Busy<'a>(&'a World);

#[async_trait]
impl Delivery for Busy<'_> {
    async fn deliver(&self, credential: &Credential) -> Result<String, DeliveryError> {
        let place = self.0.delivery.deliver(credential).await?;
        let now = jiff::Timestamp::from_second(2_000_000_000).unwrap();
        self.0.simulated.used_at(&self.0.key_id(), "simulated:Bill", Meaning::Other, now).unwrap();
        Ok(place)
    }

    fn describe(&self) -> String {
        self.0.delivery.describe()
    }
}

#[tokio::test]
async fn without_a_delivered_replacement_the_key_is_stopped_at_once() {
    let world = World::new();
    let plan = world.plan(&mild(&world)).await;
    world.simulated.set(Fault::Denies(Operation::Create)).unwrap();
    let summary = world.engine().apply(&plan).await.unwrap();
    assert_eq!(end(&summary, "rotate"), Outcome::Refused);
    assert_eq!(end(&summary, "wait"), Outcome::Skipped);
    assert_eq!(end(&summary, "disable"), Outcome::Succeeded);
    assert!(summary.proved_dead);
}

/// Can't be delivered to.
struct Closed(String);

#[async_trait]
impl Delivery for Closed {
    async fn deliver(&self, _: &Credential) -> Result<String, DeliveryError> {
        Err(DeliveryError::NotText)
    }

    async fn check(&self) -> Result<String, DeliveryError> {
        Err(DeliveryError::NotText)
    }

    fn describe(&self) -> String {
        self.0.clone()
    }
}

#[tokio::test]
async fn a_delivery_that_would_not_work_is_found_out_before_the_key_is_stopped_for_it() {
    let world = World::new();
    let closed = Closed(world.delivery.describe());
    let plan = world.plan(&mild(&world)).await;
    let mut engine = world.engine();
    engine.delivery = Some(&closed);
    let error = engine.apply(&plan).await.unwrap_err();
    assert!(matches!(error, Error::Undeliverable(_)), "{error}");
    assert!(world.events().is_empty());
    assert!(world.simulated.really_works(&world.credential).unwrap());

    // Where the key is stopped first, it is stopped whatever the delivery says.
    let plan = world.plan_with_delivery().await;
    let mut engine = world.engine();
    engine.delivery = Some(&closed);
    let summary = engine.apply(&plan).await.unwrap();
    assert!(summary.proved_dead);
    assert_eq!(end(&summary, "check-delivery"), Outcome::Failed);
    assert_eq!(end(&summary, "rotate"), Outcome::Skipped);
    assert_eq!(world.asked(Operation::Create), 0);
}

/// Takes its time to say that it can be delivered to, and notes whether the old key worked when it had.
struct Slow<'a> {
    world: &'a World,
    worked: Mutex<Vec<bool>>,
}

#[async_trait]
impl Delivery for Slow<'_> {
    async fn deliver(&self, credential: &Credential) -> Result<String, DeliveryError> {
        self.world.delivery.deliver(credential).await
    }

    async fn check(&self) -> Result<String, DeliveryError> {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let works = self.world.simulated.really_works(&self.world.credential).unwrap();
        self.worked.lock().unwrap().push(works);
        Ok("it would take it".to_owned())
    }

    fn describe(&self) -> String {
        self.world.delivery.describe()
    }
}

#[tokio::test]
async fn a_delivery_is_tried_once_and_before_the_key_is_stopped_in_either_mode() {
    for request in [World::with_delivery as fn(&World) -> Request, mild] {
        for looks_beforehand in [true, false] {
            let world = World::new();
            let plan = world.plan(&request(&world)).await;
            let slow = Slow { world: &world, worked: Mutex::default() };
            let mut engine = world.engine();
            engine.delivery = Some(&slow);
            let fresh = match looks_beforehand {
                true => engine.look(&plan).await.unwrap(),
                false => Fresh::of(world.simulated.observe(&world.credential).await.unwrap()),
            };
            let summary = engine.apply_to(&plan, fresh).await.unwrap();
            assert_eq!(summary.settled, Settled::Contained, "{summary:#?}");
            assert_eq!(detail(&summary, "check-delivery"), "it would take it");
            assert_eq!(*slow.worked.lock().unwrap(), [true]);
        }
    }
}

/// Never says whether it can be delivered to.
struct Mute(String);

#[async_trait]
impl Delivery for Mute {
    async fn deliver(&self, _: &Credential) -> Result<String, DeliveryError> {
        Err(DeliveryError::NotText)
    }

    async fn check(&self) -> Result<String, DeliveryError> {
        std::future::pending().await
    }

    fn describe(&self) -> String {
        self.0.clone()
    }
}

#[tokio::test]
async fn a_place_that_does_not_say_whether_it_can_be_delivered_to_holds_nothing_up() {
    let world = World::new();
    let mute = Mute(world.delivery.describe());
    let plan = world.plan_with_delivery().await;
    let mut engine = world.engine();
    engine.delivery = Some(&mute);
    engine.patience.trial = Duration::from_millis(1);
    let summary = engine.apply(&plan).await.unwrap();
    assert!(summary.proved_dead, "{summary:#?}");
    assert_eq!(end(&summary, "check-delivery"), Outcome::Failed);
    assert!(detail(&summary, "check-delivery").contains("didn't say"), "{summary:#?}");
    assert_eq!(world.asked(Operation::Create), 0);
}

#[tokio::test]
async fn only_where_consumers_would_move_first_a_plan_waits_for_what_the_key_may_do() {
    let world = World::new();
    let mut request = mild(&world);
    request.grounds.administers = Known::Unknown;
    request.grounds.level = Level::Sev1;
    assert!(hangs_on_rights(&request));
    for visibility in [Visibility::Public, Visibility::Unknown] {
        let mut public = request.clone();
        public.grounds.visibility = visibility;
        assert!(!hangs_on_rights(&public));
    }
    assert!(!hangs_on_rights(&Request { consumers: Vec::new(), ..request.clone() }));
    assert!(!hangs_on_rights(&Request { delivery: None, ..request }));
}

#[tokio::test]
async fn while_consumers_move_others_are_kept_out_where_their_networks_are_known() {
    let world = World::new();
    let networks = vec!["203.0.113.0/24".to_owned()];
    let request = Request { networks: networks.clone(), ..mild(&world) };
    let plan = world.plan(&request).await;
    let narrow = plan.step(Action::Narrow).unwrap();
    assert_eq!(narrow.measure, Some(Measure::OnlyFrom { networks }));
    assert_eq!(narrow.id, plan.steps[2].id, "before the replacement is made");
    let at_once = Request { consumers: Vec::new(), ..request };
    assert!(world.plan(&at_once).await.step(Action::Narrow).is_none());
}

#[tokio::test]
async fn waiting_taken_up_again_waits_no_longer_than_it_would_have() {
    let world = World::new();
    let plan = world.plan(&mild(&world)).await;
    world.engine().apply(&plan).await.unwrap();
    let intents = world.events().into_iter().filter_map(|event| match event {
        Event::StepIntended { step, before, .. } if step == "wait" => Some(before),
        _ => None,
    });
    let before: Vec<_> = intents.collect();
    assert_eq!(before.len(), 1);
    assert!(before[0]["until"].is_string() && before[0]["delivered_at"].is_string());
}
