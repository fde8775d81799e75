//! Evidence, restrictions, sessions, and looking until nothing moves.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use stanch::contain::{Action, Proof, Request, Settled, What};
use stanch::incident::{Classification, Event, Inputs, Journal, Level, Outcome, Visibility};
use stanch::provider::simulated::{Fault, Simulated};
use stanch::provider::{
    Call, Created, Error, Evidence, Key, KeyKind, KeyState, Known, Meaning, Measure, Observation,
    Operation, Page, Probe, Provider, Receipt, Restriction, Search, SearchBy, Standing,
};
use stanch::secret::Credential;

use crate::world::{OWNER, World, bare, detail, end, plan_at};

/// Returns the request in which the rules decide about everything.
fn ruled() -> Request {
    Request { end_sessions: None, ..bare() }
}

#[tokio::test]
async fn a_session_outlives_its_key_and_is_ended_by_the_plan() {
    let world = World::new();
    let session = world.simulated.begin_session(&world.credential).unwrap().unwrap();
    let plan = world.plan(&bare()).await;
    world.engine().apply(&plan).await.unwrap();
    assert!(!world.simulated.really_works(&world.credential).unwrap());
    assert!(world.simulated.really_works(&session).unwrap(), "a stopped key ends no session");

    let world = World::new();
    let session = world.simulated.begin_session(&world.credential).unwrap().unwrap();
    let plan = world.plan(&ruled()).await;
    let summary = world.engine().apply(&plan).await.unwrap();
    assert_eq!(summary.settled, Settled::Contained, "{summary:#?}");
    assert_eq!(end(&summary, "end-sessions"), Outcome::Succeeded);
    assert!(!world.simulated.really_works(&session).unwrap());
    assert_eq!(world.done(Operation::Restrict), 1);
}

#[tokio::test]
async fn the_moment_of_ending_sessions_is_after_the_stopping_and_stays_when_taken_up() {
    let world = World::new();
    let plan = world.plan(&ruled()).await;
    world.simulated.set(Fault::Denies(Operation::Restrict)).unwrap();
    let summary = world.engine().apply(&plan).await.unwrap();
    assert_eq!(end(&summary, "end-sessions"), Outcome::Refused);
    assert_eq!(summary.settled, Settled::Partly, "what is independent goes on");
    assert!(summary.proved_dead);
    let left = summary.left_for_a_person.join("\n");
    assert!(left.contains("simulated:RestrictOwner"), "{left}");

    let moment = |events: &[Event]| {
        events.iter().rev().find_map(|event| match event {
            Event::StepIntended { step, before, .. } if step == "end-sessions" => {
                Some(before["restriction"]["measure"]["issued_before"].clone())
            }
            _ => None,
        })
    };
    let first = moment(&world.events());
    assert!(first.is_some());
    world.simulated.heal().unwrap();
    let summary = world.engine().resume().await.unwrap();
    assert_eq!(summary.settled, Settled::Contained, "{summary:#?}");
    assert_eq!(moment(&world.events()), first);
}

#[tokio::test]
async fn a_key_that_may_do_little_is_stopped_with_the_least_disruption() {
    let world = World::new();
    let mut request = ruled();
    request.grounds.administers = Known::No;
    assert!(world.plan(&request).await.step(Action::EndSessions).is_none());
    request.roles = vec!["arn:aws:iam::1:role/deploy".to_owned(), "other/deploy".to_owned()];
    let plan = world.plan(&request).await;
    let ids: Vec<_> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    assert!(ids.contains(&"end-sessions-of-deploy"), "{ids:?}");
    assert!(ids.contains(&"end-sessions-of-deploy-2"), "each has a step of its own: {ids:?}");
}

#[tokio::test]
async fn a_plan_made_before_the_evidence_spares_the_sessions_of_who_may_do_little() {
    for (administers, ended, restricted) in [
        (Known::No, Outcome::Skipped, 0),
        (Known::Yes, Outcome::Succeeded, 1),
        (Known::Unknown, Outcome::Succeeded, 1),
    ] {
        let world = World::new();
        world.simulated.administers(OWNER, administers).unwrap();
        let plan = world.plan(&ruled()).await;
        let step = plan.step(Action::EndSessions).unwrap();
        assert!(step.does.contains("unless the evidence"), "{}", step.does);
        let summary = world.engine().apply(&plan).await.unwrap();
        assert_eq!(end(&summary, "end-sessions"), ended, "{summary:#?}");
        assert_eq!(summary.settled, Settled::Contained, "{summary:#?}");
        assert_eq!(world.done(Operation::Restrict), restricted);
        assert!(summary.left_for_a_person.is_empty(), "{summary:#?}");
        let events = world.events().len();
        world.engine().resume().await.unwrap();
        let again: Vec<_> = world.events().split_off(events);
        assert!(
            !again.iter().any(|event| matches!(event, Event::StepFinished { .. })),
            "{again:?}"
        );
    }
    // Whoever asked for it gets it.
    let world = World::new();
    world.simulated.administers(OWNER, Known::No).unwrap();
    let plan = world.plan(&Request { end_sessions: Some(true), ..bare() }).await;
    world.engine().apply(&plan).await.unwrap();
    assert_eq!(world.done(Operation::Restrict), 1);
}

#[tokio::test]
async fn the_severity_is_told_anew_once_the_evidence_says_what_the_key_may_do() {
    let judged = async |administers, classified: Classification| {
        let world = World::new();
        world.simulated.administers(OWNER, administers).unwrap();
        let plan = world.plan(&bare()).await;
        let event = classified.into();
        let now = jiff::Timestamp::UNIX_EPOCH;
        world.journal.append(&world.incident, 0, "tester", now, &event).unwrap();
        world.engine().apply(&plan).await.unwrap();
        let levels = world.events().into_iter().filter_map(|event| match event {
            Event::Classified { level, .. } => Some(level),
            _ => None,
        });
        levels.collect::<Vec<_>>()
    };
    let inputs = || Inputs {
        live: Some(true),
        administers: None,
        powerful: Some(false),
        misused: Some(false),
        visibility: Visibility::Internal,
        production: Some(false),
        history_only: false,
        harmless: false,
        over_a_day: Some(false),
    };
    let unknown = || Classification::of(inputs());
    let (first, mild) = (unknown().level, {
        let known = Inputs { administers: Some(false), ..inputs() };
        Classification::of(known).level
    });
    assert!(first < mild);
    assert_eq!(judged(Known::No, unknown()).await, [first, mild]);
    assert_eq!(judged(Known::Yes, unknown()).await, [first, first]);
    assert_eq!(judged(Known::Unknown, unknown()).await, [first]);
    let decided = unknown().overridden(Level::Sev2, "Ada", "she knows");
    assert_eq!(judged(Known::No, decided).await, [Level::Sev2]);
}

#[tokio::test]
async fn a_restriction_is_undone_and_what_was_in_its_place_restored() {
    let world = World::new();
    let request = Request { narrow: Some(Measure::DenyAll), ..bare() };
    let plan = world.plan(&request).await;
    assert!(plan.left_for_a_person.iter().any(|left| left.contains("--undo narrow")));
    world.engine().apply(&plan).await.unwrap();
    assert_eq!(world.simulated.restrictions().unwrap().len(), 1);

    world.simulated.set(Fault::ActsThenTimesOut(Operation::Lift, 1)).unwrap();
    let step = What::Step("narrow".to_owned());
    let undone = world.engine().undo(&step, false, "over").await.unwrap();
    assert_eq!(undone.undone, ["narrow"], "{undone:#?}");
    assert!(world.simulated.restrictions().unwrap().is_empty());
    assert_eq!(world.asked(Operation::Lift), 1);
    assert!(!world.simulated.really_works(&world.credential).unwrap(), "it stays stopped");
}

#[tokio::test]
async fn a_change_that_was_not_answered_is_settled_by_looking_for_the_restriction() {
    for fault in [
        Fault::ActsThenTimesOut(Operation::Restrict, 1),
        Fault::TimesOutThenDoesNothing(Operation::Restrict, 2),
    ] {
        let world = World::new();
        let plan = world.plan(&ruled()).await;
        world.simulated.set(fault).unwrap();
        let summary = world.engine().apply(&plan).await.unwrap();
        assert_eq!(summary.settled, Settled::Contained, "{fault:?}: {summary:#?}");
        assert_eq!(world.done(Operation::Restrict), 1);
        assert_eq!(world.simulated.restrictions().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn what_somebody_undoes_while_it_takes_effect_is_done_again_until_nothing_moves() {
    let world = World::new();
    let plan = world.plan(&ruled()).await;
    // The first three looks at it are the step's own.
    let racing = Racing { lift_at: 4, ..Racing::at(&world) };
    let summary = world.engine_at(&racing).apply(&plan).await.unwrap();
    assert_eq!(summary.settled, Settled::Contained, "{summary:#?}");
    assert!(detail(&summary, "recheck").contains("done again 1 times"), "{summary:#?}");
    assert_eq!(world.simulated.restrictions().unwrap().len(), 1);
    assert_eq!(world.done(Operation::Restrict), 2);

    let world = World::new();
    let plan = world.plan(&bare()).await;
    let racing = Racing { revive_at: 2, ..Racing::at(&world) };
    let summary = world.engine_at(&racing).apply(&plan).await.unwrap();
    assert_eq!(summary.settled, Settled::Contained, "{summary:#?}");
    assert!(detail(&summary, "recheck").contains("done again 1 times"), "{summary:#?}");
    assert_eq!(world.done(Operation::Disable), 2);
}

#[tokio::test]
async fn a_key_that_somebody_made_meanwhile_is_named_and_not_touched() {
    let world = World::new();
    let plan = world.plan(&bare()).await;
    world.simulated.set(Fault::PlantsKeys(1)).unwrap();
    let summary = world.engine().apply(&plan).await.unwrap();
    assert_eq!(end(&summary, "recheck"), Outcome::Failed, "{summary:#?}");
    let planted = world.replacements().swap_remove(0);
    assert!(summary.left_for_a_person.join("\n").contains(&planted.id));
    assert!(summary.proved_dead);
    assert_eq!(planted.state, KeyState::Active);
    assert_eq!(world.asked(Operation::Delete), 0);
}

#[tokio::test]
async fn the_evidence_is_kept_with_its_digest_and_holds_up_nothing() {
    let world = World::new();
    world.simulated.administers(OWNER, Known::Yes).unwrap();
    let plan = world.plan(&bare()).await;
    world.engine().apply(&plan).await.unwrap();
    let kept = world.events().into_iter().find_map(|event| match event {
        Event::EvidenceCollected { name, sha256, content } if name == "rights-of-old-key" => {
            Some((sha256, content))
        }
        _ => None,
    });
    let (sha256, content) = kept.unwrap();
    assert_eq!(content["administers"], "yes");
    assert_eq!(sha256.len(), 64);

    let world = World::new();
    let plan = world.plan(&bare()).await;
    world.simulated.set(Fault::Denies(Operation::Evidence)).unwrap();
    let summary = world.engine().apply(&plan).await.unwrap();
    assert_eq!(end(&summary, "evidence"), Outcome::Refused);
    assert_eq!(summary.settled, Settled::Contained, "it was read or it wasn't");
    assert!(summary.left_for_a_person.join("\n").contains("simulated:ReadRights"));
}

#[tokio::test]
async fn a_leaked_session_is_ended_at_its_issuer_and_counts_as_contained() {
    let mut world = World::new();
    world.credential = world.simulated.begin_session(&world.credential).unwrap().unwrap();
    let plan = world.plan(&ruled()).await;
    assert!(matches!(plan.key_kind, KeyKind::Session { .. }));
    assert!(plan.step(Action::Disable).is_none());
    let summary = world.engine().apply(&plan).await.unwrap();
    assert_eq!(summary.settled, Settled::Contained, "{summary:#?}");
    assert!(world.is_recorded_as_contained());
    assert!(!world.simulated.really_works(&world.credential).unwrap());
    assert_eq!(world.asked(Operation::Disable), 0);
}

#[tokio::test]
async fn a_root_key_is_left_to_a_person() {
    let world = World::new();
    let mut seen = world.simulated.observe(&world.credential).await.unwrap();
    seen.key.kind = KeyKind::Root;
    let facts = stanch::contain::Facts::of(&world.simulated).at_console("https://console.example");
    let subject = stanch::contain::Subject::of(&world.credential).unwrap();
    let plan = stanch::contain::plan(&subject, &seen, &facts, &bare());
    assert_eq!(plan.steps, []);
    let left = plan.left_for_a_person.join("\n");
    assert!(left.contains("wake a person") && left.contains("https://console.example"), "{left}");
}

#[tokio::test]
async fn what_a_key_did_is_read_page_by_page() {
    let world = World::new();
    let id = world.key_id();
    for nth in 0..5 {
        world.simulated.used(&id, &format!("simulated:Read{nth}"), Meaning::Other).unwrap();
    }
    world.simulated.used("SIMKOTHER", "simulated:Read", Meaning::Other).unwrap();
    let search = Search {
        log: "simulated".to_owned(),
        by: SearchBy::Key(id),
        since: jiff::Timestamp::MIN,
        until: jiff::Timestamp::MAX,
    };
    let (mut from, mut uses, mut pages) = (None, Vec::new(), 0);
    loop {
        let page = world.simulated.activity(&search, from.as_deref()).await.unwrap();
        uses.extend(page.uses);
        pages += 1;
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!((uses.len(), pages), (5, 3));
    assert_eq!(uses[4].call, "simulated:Read4");
}

#[tokio::test]
async fn whoever_may_administer_is_looked_at_until_a_change_holds_everywhere() {
    let world = World::new();
    let proof = Proof { refusals: 1, window_seconds: 1 };
    let plan = world.plan(&Request { proof, ..bare() }).await;
    assert!(plan.step(Action::Recheck).unwrap().does.contains("2 s apart"));
    let racing = Racing { revive_after: Some(Duration::from_secs(1)), ..Racing::at(&world) };
    let summary = world.engine_at(&racing).apply(&plan).await.unwrap();
    assert_eq!(world.asked(Operation::Disable), 2, "{summary:#?}");
    assert!(summary.proved_dead, "{summary:#?}");
    assert!(!world.simulated.really_works(&world.credential).unwrap());
}

/// Somebody starts the stopped key again, or lifts its owner's restrictions, just before one of the looks.
struct Racing<'a> {
    inner: &'a Simulated,
    looks: AtomicU32,
    standing_looks: AtomicU32,
    revive_at: u32,
    /// How long after the key was stopped it is started again, once, before the next look.
    revive_after: Option<Duration>,
    stopped: Mutex<Option<Instant>>,
    lift_at: u32,
}

impl<'a> Racing<'a> {
    fn at(world: &'a World) -> Self {
        let (looks, standing_looks, stopped) = Default::default();
        let (revive_at, revive_after, lift_at) = (0, None, 0);
        let inner = &world.simulated;
        Self { inner, looks, standing_looks, revive_at, revive_after, stopped, lift_at }
    }

    fn is_time(&self) -> bool {
        let mut stopped = self.stopped.lock().unwrap();
        let is_time =
            stopped.zip(self.revive_after).is_some_and(|(at, after)| at.elapsed() >= after);
        stopped.take_if(|_| is_time).is_some()
    }
}

#[async_trait]
impl Provider for Racing<'_> {
    fn id(&self) -> &'static str {
        self.inner.id()
    }

    fn endpoint(&self) -> Option<&str> {
        None
    }

    fn calls(&self, operation: Operation) -> Vec<Call> {
        self.inner.calls(operation)
    }

    async fn observe(&self, credential: &Credential) -> Result<Observation, Error> {
        self.inner.observe(credential).await
    }

    async fn probe(&self, credential: &Credential) -> Result<Probe, Error> {
        self.inner.probe(credential).await
    }

    async fn keys(&self, owner: &str) -> Result<Vec<Key>, Error> {
        if self.looks.fetch_add(1, Ordering::SeqCst) + 1 == self.revive_at || self.is_time() {
            for key in self.inner.really(owner)? {
                self.inner.force(&key.id, KeyState::Active)?;
            }
        }
        self.inner.keys(owner).await
    }

    async fn disable(&self, key: &Key) -> Result<Receipt, Error> {
        if self.revive_after.is_some() && self.looks.load(Ordering::SeqCst) == 0 {
            *self.stopped.lock().unwrap() = Some(Instant::now());
        }
        self.inner.disable(key).await
    }

    async fn enable(&self, key: &Key) -> Result<Receipt, Error> {
        self.inner.enable(key).await
    }

    async fn create(&self, owner: &str) -> Result<Created, Error> {
        self.inner.create(owner).await
    }

    async fn delete(&self, key: &Key) -> Result<Receipt, Error> {
        self.inner.delete(key).await
    }

    async fn evidence(&self, seen: &Observation) -> Result<Evidence, Error> {
        self.inner.evidence(seen).await
    }

    async fn standing(&self, restriction: &Restriction) -> Result<Standing, Error> {
        if self.standing_looks.fetch_add(1, Ordering::SeqCst) + 1 == self.lift_at {
            self.inner.lift(restriction, &serde_json::Value::Null).await?;
        }
        self.inner.standing(restriction).await
    }

    async fn restrict(&self, restriction: &Restriction) -> Result<Receipt, Error> {
        self.inner.restrict(restriction).await
    }

    async fn activity(&self, search: &Search, from: Option<&str>) -> Result<Page, Error> {
        self.inner.activity(search, from).await
    }
}

#[tokio::test]
async fn another_identity_s_plan_is_another_plan() {
    let world = World::new();
    let plan = plan_at(&world.simulated, &world.credential, &bare()).await;
    let mut other = plan.clone();
    other.responder.name = "somebody-else".to_owned();
    assert_ne!(plan.hash(), other.hash());
    let words = stanch::contain::differences(&plan, &other).join("");
    assert!(words.contains("the responder was simulated-responder"), "{words}");
    // Of an assumed role the session's name is another each time.
    let mut first = plan.clone();
    first.responder.name = "arn:aws:sts::1:assumed-role/ops/one".to_owned();
    let mut second = plan;
    second.responder.name = "arn:aws:sts::1:assumed-role/ops/two".to_owned();
    assert_eq!(first.hash(), second.hash());
}
