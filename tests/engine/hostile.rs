//! Providers that no fault list foresees: silent, blind, forgetful, mistaken, talkative. Whatever they
//! do, nothing is called contained that isn't, and nothing is deleted that isn't ours.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use stanch::contain::{
    Engine, Error, Fresh, Guard, Mode, ModeAsked, Patience, Policy, Request, Settled, What,
};
use stanch::incident::Outcome::{Failed, Refused, Skipped, Succeeded, Unknown};
use stanch::incident::{Event, Journal};
use stanch::provider::simulated::{Fault, Simulated};
use stanch::provider::{
    Call, Created, Error as ProviderError, Key, KeyKind, KeyState, Liveness, Measure, Observation,
    Operation, Probe, Provider, Receipt,
};
use stanch::secret::Credential;

use crate::world::{OWNER, Ticking, World, assert_outcomes, bare, detail, end, secret_of};

/// What is wrong with the provider.
enum Mood<'a> {
    /// Never answers to disabling.
    Silent,
    /// Lets nobody list keys once the key was stopped.
    Blind,
    /// Lists no keys at all.
    Forgetful,
    /// Accepts the old key every other time.
    Flapping(AtomicU32),
    /// Speaks of this key whichever it is asked about.
    Mistaken(Key),
    /// Gives this key when asked for a new one.
    Recycling(Key),
    /// Puts the secret into its refusals.
    Talkative(String),
    /// Loses the answer to a creation, while these keys turn up.
    Crowded(Vec<Key>),
    /// Always lists these keys too.
    Populous(Vec<Key>),
    /// Lists the first key that was deleted again, after it had been seen gone.
    Haunted(AtomicU32),
    /// Lets nobody list keys once a key was made.
    Dazzled,
    /// Hides new keys until one more was asked for.
    Late,
    /// Refuses the leaked key at once, and lists it as active for some looks more.
    Overtaken(AtomicU32),
    /// Says that the owner isn't there.
    Ownerless,
    /// Somebody says stop in this file while a key is being deleted.
    Stopping(std::path::PathBuf),
    /// Refuses every key but the one with this id.
    Unready(String),
    /// Somebody else writes this into the record while the key is being stopped.
    Watched(&'a World, Event),
}

struct Hostile<'a> {
    inner: &'a Simulated,
    mood: Mood<'a>,
}

impl Hostile<'_> {
    fn has_asked(&self, operation: Operation) -> bool {
        self.count(operation) > 0
    }

    fn count(&self, operation: Operation) -> usize {
        let asked = self.inner.asked().unwrap();
        asked.iter().filter(|asked| asked.operation == operation).count()
    }

    /// Returns the keys as they were before they were stopped for three looks, stopped after that.
    fn overtaken(&self, mut keys: Vec<Key>, looks: &AtomicU32) -> Vec<Key> {
        let is_stopped = looks.fetch_add(1, Ordering::SeqCst) >= 3;
        for key in keys.iter_mut().filter(|_| is_stopped) {
            key.state = KeyState::Inactive;
        }
        keys
    }

    /// Returns the key that was deleted first, from the second look after that on.
    fn ghost(&self, looks: &AtomicU32) -> Option<Key> {
        let asked = self.inner.asked().unwrap();
        let deleted = asked.iter().find(|asked| asked.operation == Operation::Delete)?;
        let sample = self.inner.really(OWNER).unwrap().swap_remove(0);
        let is_shown = looks.fetch_add(1, Ordering::SeqCst) > 0;
        is_shown.then(|| Key {
            id: deleted.key.clone().unwrap(),
            state: KeyState::Active,
            created_at: Timestamp::from_second(1_900_000_000).ok(),
            kind: KeyKind::Lasting,
            ..sample
        })
    }
}

fn unanswered(call: &str) -> ProviderError {
    ProviderError::Unanswered { call: call.to_owned(), why: "lost".to_owned() }
}

#[async_trait]
impl Provider for Hostile<'_> {
    fn id(&self) -> &'static str {
        self.inner.id()
    }

    fn endpoint(&self) -> Option<&str> {
        self.inner.endpoint()
    }

    fn calls(&self, operation: Operation) -> Vec<Call> {
        self.inner.calls(operation)
    }

    async fn observe(&self, credential: &Credential) -> Result<Observation, ProviderError> {
        let mut observation = self.inner.observe(credential).await?;
        if let Mood::Mistaken(key) = &self.mood {
            observation.key = key.clone();
        }
        Ok(observation)
    }

    async fn probe(&self, credential: &Credential) -> Result<Probe, ProviderError> {
        let mut probe = self.inner.probe(credential).await?;
        if let Mood::Flapping(asked) = &self.mood
            && asked.fetch_add(1, Ordering::SeqCst) % 2 == 1
        {
            let identity = self.inner.observe(credential).await?.responder;
            probe.liveness = Liveness::Accepted { identity };
        }
        if let Mood::Unready(id) = &self.mood
            && credential.public("id") != Some(id)
        {
            probe.liveness = Liveness::Refused { code: "not-yet".to_owned() };
        }
        if let Mood::Overtaken(_) = &self.mood {
            let code = "key-inactive".to_owned();
            probe.liveness = Liveness::Refused { code };
        }
        Ok(probe)
    }

    async fn keys(&self, owner: &str) -> Result<Vec<Key>, ProviderError> {
        let keys = self.inner.keys(owner).await?;
        match &self.mood {
            Mood::Forgetful => Ok(Vec::new()),
            Mood::Blind if self.has_asked(Operation::Disable) => Err(ProviderError::Denied {
                call: "ListKeys".to_owned(),
                permission: "ListKeys".to_owned(),
            }),
            Mood::Crowded(more) if self.has_asked(Operation::Create) => {
                Ok(keys.into_iter().chain(more.clone()).collect())
            }
            Mood::Populous(more) => Ok(keys.into_iter().chain(more.clone()).collect()),
            Mood::Haunted(looks) => Ok(keys.into_iter().chain(self.ghost(looks)).collect()),
            Mood::Dazzled if self.has_asked(Operation::Create) => Err(unanswered("ListKeys")),
            Mood::Overtaken(looks) => Ok(self.overtaken(keys, looks)),
            Mood::Ownerless => {
                Err(ProviderError::NotFound { call: "ListKeys".to_owned(), what: owner.to_owned() })
            }
            Mood::Late if self.count(Operation::Create) == 1 => Ok(keys[..1].to_vec()),
            _ => Ok(keys),
        }
    }

    async fn disable(&self, key: &Key) -> Result<Receipt, ProviderError> {
        match &self.mood {
            Mood::Silent => std::future::pending().await,
            Mood::Talkative(secret) => Err(ProviderError::Refused {
                call: "DisableKey".to_owned(),
                code: "no".to_owned(),
                message: format!("the key with the secret {secret} may not be stopped"),
            }),
            Mood::Watched(world, event) => {
                let seq = world.events().len() as u64;
                let at = Timestamp::UNIX_EPOCH;
                world.journal.append(&world.incident, seq, "robin", at, event).unwrap();
                self.inner.disable(key).await
            }
            _ => self.inner.disable(key).await,
        }
    }

    async fn enable(&self, key: &Key) -> Result<Receipt, ProviderError> {
        self.inner.enable(key).await
    }

    async fn create(&self, owner: &str) -> Result<Created, ProviderError> {
        match &self.mood {
            Mood::Recycling(key) => {
                Ok(Created { key: key.clone(), ..self.inner.create(owner).await? })
            }
            Mood::Crowded(_) => {
                drop(self.inner.create(owner).await);
                Err(unanswered("CreateKey"))
            }
            _ => self.inner.create(owner).await,
        }
    }

    async fn delete(&self, key: &Key) -> Result<Receipt, ProviderError> {
        if let Mood::Stopping(file) = &self.mood {
            std::fs::write(file, "wrong account").unwrap();
        }
        self.inner.delete(key).await
    }
}

fn key(world: &World, id: &str, owner: &str, created_at: Option<Timestamp>) -> Key {
    Key {
        id: id.to_owned(),
        owner: owner.to_owned(),
        account: world.simulated.really(OWNER).unwrap()[0].account.clone(),
        state: KeyState::Active,
        created_at,
        kind: KeyKind::Lasting,
    }
}

#[tokio::test]
async fn a_call_that_is_never_answered_ends() {
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    let hostile = Hostile { inner: &world.simulated, mood: Mood::Silent };
    let mut engine = world.engine_at(&hostile);
    engine.patience = Patience { call: Duration::from_millis(500), ..Patience::without_waiting() };
    let summary = engine.apply(&plan).await.unwrap();
    let ends = [
        ("disable", Failed),
        ("prove-dead", Skipped),
        ("rotate", Succeeded),
        ("deliver", Succeeded),
    ];
    assert_outcomes(&summary, Settled::Partly, &ends);
}

#[tokio::test]
async fn what_can_not_be_seen_is_settled_by_the_proof() {
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    let hostile = Hostile { inner: &world.simulated, mood: Mood::Blind };
    let summary = world.engine_at(&hostile).apply(&plan).await.unwrap();
    assert!(summary.proved_dead);
    assert_eq!(end(&summary, "disable"), Succeeded);
    assert!(detail(&summary, "disable").contains("refusals"), "{}", detail(&summary, "disable"));
    assert_eq!(world.asked(Operation::Create), 0, "no key is made where none can be seen");
}

#[tokio::test]
async fn what_can_not_be_seen_and_is_not_proved_stays_unknown() {
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    world.simulated.set(Fault::ProbeUnknown(10_000)).unwrap();
    let hostile = Hostile { inner: &world.simulated, mood: Mood::Blind };
    let summary = world.engine_at(&hostile).apply(&plan).await.unwrap();
    assert_eq!(end(&summary, "disable"), Unknown);
    assert_eq!(summary.settled, Settled::Unsettled);
    assert!(!world.is_recorded_as_contained());
}

#[tokio::test]
async fn an_empty_list_is_no_reason_not_to_act_and_no_proof() {
    for (faults, is_contained) in [(vec![], true), (vec![Fault::LiesAboutDisabling], false)] {
        let world = World::new();
        let plan = world.plan_with_delivery().await;
        for fault in faults {
            world.simulated.set(fault).unwrap();
        }
        let hostile = Hostile { inner: &world.simulated, mood: Mood::Forgetful };
        let summary = world.engine_at(&hostile).apply(&plan).await.unwrap();
        assert_eq!(world.asked(Operation::Disable), 1);
        assert_eq!(summary.proved_dead, is_contained);
        assert_eq!(world.is_recorded_as_contained(), is_contained);
        assert_eq!(end(&summary, "rotate"), Failed, "a new key that isn't listed is not made");
        assert!(world.delivery.delivered().is_empty());
    }
}

#[tokio::test]
async fn refusals_that_are_not_in_a_row_are_no_proof() {
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    let hostile = Hostile { inner: &world.simulated, mood: Mood::Flapping(AtomicU32::new(0)) };
    let summary = world.engine_at(&hostile).apply(&plan).await.unwrap();
    assert_ne!(end(&summary, "prove-dead"), Succeeded, "{summary:#?}");
    assert!(!world.is_recorded_as_contained());
}

#[tokio::test]
async fn another_key_or_another_owner_than_planned_is_not_touched() {
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    let colleague = world.simulated.issue("colleague").unwrap();
    let of_another = key(&world, &world.key_id(), "colleague", None);
    let another = key(&world, colleague.public("id").unwrap(), OWNER, None);
    for key in [another, of_another] {
        let hostile = Hostile { inner: &world.simulated, mood: Mood::Mistaken(key) };
        let error = world.engine_at(&hostile).apply(&plan).await.unwrap_err();
        assert!(matches!(error, Error::Changed(_)), "{error}");
    }
    assert_eq!(world.simulated.asked().unwrap(), []);
    assert!(world.events().is_empty());
}

#[tokio::test]
async fn a_new_key_that_is_old_or_somebody_elses_is_not_delivered() {
    for is_old in [true, false] {
        let world = World::new();
        world.simulated.issue("colleague").unwrap();
        let owner = if is_old { OWNER } else { "colleague" };
        let there_before = world.simulated.really(owner).unwrap().swap_remove(0);
        // So that the leaked key is listed as active, like a new one.
        world.simulated.set(Fault::LiesAboutDisabling).unwrap();
        let plan = world.plan_with_delivery().await;
        let hostile = Hostile { inner: &world.simulated, mood: Mood::Recycling(there_before) };
        let summary = world.engine_at(&hostile).apply(&plan).await.unwrap();
        assert_eq!(end(&summary, "rotate"), Failed, "{summary:#?}");
        assert!(world.delivery.delivered().is_empty());
        assert_eq!(world.asked(Operation::Delete), 0);
    }
}

#[tokio::test]
async fn somebody_elses_key_id_with_a_secret_that_is_not_its_own_changes_nothing() {
    for mode in [Mode::DisableFirst, Mode::RotateFirst] {
        for looks_beforehand in [true, false] {
            let mut world = World::new();
            let colleague = world.simulated.issue("colleague").unwrap();
            world.credential.parts.insert("id".to_owned(), colleague.parts["id"].clone());
            let request = Request {
                mode: Some(ModeAsked { mode, reason: "a test".to_owned() }),
                narrow: Some(Measure::DenyAll),
                end_sessions: Some(true),
                ..world.with_delivery()
            };
            let plan = world.plan(&request).await;
            let engine = world.engine();
            let fresh = match looks_beforehand {
                true => engine.look(&plan).await.unwrap(),
                false => Fresh::of(world.simulated.observe(&world.credential).await.unwrap()),
            };
            let summary = engine.apply_to(&plan, fresh).await.unwrap();
            for step in ["disable", "narrow", "end-sessions", "rotate"] {
                assert_eq!(end(&summary, step), Refused, "{summary:#?}");
                assert!(detail(&summary, step).contains("another key's"), "{summary:#?}");
            }
            assert!(!summary.proved_dead);
            assert_eq!(world.simulated.asked().unwrap(), []);
            let summary = world.engine().resume().await.unwrap();
            assert_eq!(summary.settled, Settled::Refused, "{summary:#?}");
            assert_eq!(world.simulated.asked().unwrap(), []);
            assert!(world.simulated.really_works(&colleague).unwrap());
        }
    }
}

#[tokio::test]
async fn a_halt_stops_an_undo_in_its_middle() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("halt");
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    let guard = Guard::new(Policy::default()).halting_at(file.clone());
    let hostile = Hostile { inner: &world.simulated, mood: Mood::Stopping(file) };
    let engine = || Engine { guard: &guard, ..world.engine_at(&hostile) };
    engine().apply(&plan).await.unwrap();
    let undone = engine().undo(&What::All, true, "over").await.unwrap();
    assert_eq!(
        (&undone.undone[..], &undone.failed[..]),
        (&["rotate".into()][..], &["disable".into()][..])
    );
    assert!(undone.left_for_a_person.join("").contains("wrong account"), "{undone:#?}");
    assert_eq!(world.asked(Operation::Enable), 0);
}

#[tokio::test]
async fn a_new_key_that_is_not_accepted_is_not_delivered() {
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    let hostile = Hostile { inner: &world.simulated, mood: Mood::Unready(world.key_id()) };
    let summary = world.engine_at(&hostile).apply(&plan).await.unwrap();
    assert!(summary.proved_dead);
    assert_eq!(end(&summary, "rotate"), Failed, "{summary:#?}");
    assert!(detail(&summary, "rotate").contains("refuses it (not-yet)"), "{summary:#?}");
    assert!(world.delivery.delivered().is_empty());

    let summary = world.engine().resume().await.unwrap();
    assert_eq!(summary.settled, Settled::Contained, "{summary:#?}");
    world.assert_replaced_and_silent();
}

#[tokio::test]
async fn a_key_that_somebody_else_just_stopped_is_no_strangers() {
    let world = World::new();
    let plan = world.plan(&bare()).await;
    let hostile = Hostile { inner: &world.simulated, mood: Mood::Overtaken(AtomicU32::new(0)) };
    let summary = world.engine_at(&hostile).apply(&plan).await.unwrap();
    assert_eq!(summary.settled, Settled::Contained, "{summary:#?}");
}

#[tokio::test]
async fn an_owner_who_is_not_there_has_no_keys() {
    let world = World::new();
    let plan = world.plan(&bare()).await;
    let hostile = Hostile { inner: &world.simulated, mood: Mood::Ownerless };
    let summary = world.engine_at(&hostile).apply(&plan).await.unwrap();
    assert_eq!(end(&summary, "disable"), Succeeded, "{summary:#?}");
    assert_eq!(summary.settled, Settled::Contained);
}

#[tokio::test]
async fn a_listing_that_shows_a_deleted_key_again_does_not_confuse() {
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    world.simulated.set(Fault::ActsThenTimesOut(Operation::Create, 2)).unwrap();
    let hostile = Hostile { inner: &world.simulated, mood: Mood::Haunted(AtomicU32::new(0)) };
    let summary = world.engine_at(&hostile).apply(&plan).await.unwrap();
    assert_eq!(summary.settled, Settled::Contained, "{summary:#?}");
    assert_eq!(world.done(Operation::Create), 3);
    world.assert_replaced_and_silent();
}

#[tokio::test]
async fn a_creation_that_lands_after_the_looking_is_still_ours() {
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    world.simulated.set(Fault::ActsThenTimesOut(Operation::Create, 1)).unwrap();
    let dazzled = Hostile { inner: &world.simulated, mood: Mood::Dazzled };
    let summary = world.engine_at(&dazzled).apply(&plan).await.unwrap();
    assert_eq!(end(&summary, "rotate"), Unknown, "{summary:#?}");
    let orphan = world.replacements().swap_remove(0).id;

    let late = Hostile { inner: &world.simulated, mood: Mood::Late };
    let summary = world.engine_at(&late).resume().await.unwrap();
    assert_eq!(summary.settled, Settled::Contained, "{summary:#?}");
    assert!(world.replacements().iter().all(|key| key.id != orphan));
    world.assert_replaced_and_silent();
}

#[tokio::test]
async fn two_clocks_that_disagree_do_not_prove_a_thing_before_it_happened() {
    let world = World::new();
    let plan = world.plan(&bare()).await;
    world.simulated.set(Fault::ActsThenTimesOut(Operation::Disable, 1)).unwrap();
    let ahead = Ticking::at(2_000_000_000);
    let mut engine = world.engine();
    engine.clock = &ahead;
    engine.apply(&plan).await.unwrap();
    let is_in_order = |event: &Event| matches!(event, Event::Contained { effective_at, verified_at } if effective_at <= verified_at);
    assert!(world.events().iter().any(is_in_order));
}

#[tokio::test]
async fn a_secret_in_a_providers_words_is_masked() {
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    let hostile = Hostile {
        inner: &world.simulated,
        mood: Mood::Talkative(secret_of(&world.credential).to_owned()),
    };
    let summary = world.engine_at(&hostile).apply(&plan).await.unwrap();
    assert_eq!(end(&summary, "disable"), Failed);
    assert!(!format!("{summary:?}").contains(secret_of(&world.credential)));
    world.assert_silent();
}

#[tokio::test]
async fn no_key_is_deleted_where_several_could_be_ours_or_nobody_says_when_it_was_made() {
    let later = Timestamp::from_second(1_900_000_000).ok();
    for created_at in [later, None] {
        let world = World::new();
        let plan = world.plan_with_delivery().await;
        let strangers = vec![key(&world, "SIMKSTRANGER", OWNER, created_at)];
        let hostile = Hostile { inner: &world.simulated, mood: Mood::Crowded(strangers) };
        let summary = world.engine_at(&hostile).apply(&plan).await.unwrap();
        let ends = [
            ("disable", Succeeded),
            ("prove-dead", Succeeded),
            ("rotate", Unknown),
            ("deliver", Skipped),
        ];
        assert_outcomes(&summary, Settled::Unsettled, &ends);
        assert_eq!(world.asked(Operation::Delete), 0);
        let left = summary.left_for_a_person.join("\n");
        assert!(left.contains("SIMKSTRANGER"), "{left}");
    }
}

#[tokio::test]
async fn a_key_that_can_not_be_ours_is_never_deleted() {
    let later = Timestamp::from_second(1_900_000_000).ok();
    let stranger = |world: &World, created_at| vec![key(world, "SIMKSTRANGER", OWNER, created_at)];
    let moods: [fn(Vec<Key>) -> Mood<'static>; 2] = [Mood::Crowded, Mood::Populous];
    // It turns up after the creation and is older, or nobody says how old it is; or it is younger than
    // the intent and was there before.
    let cases = [(0, Some(Timestamp::UNIX_EPOCH)), (0, None), (1, later)];
    for (mood, created_at) in cases {
        let world = World::new();
        let plan = world.plan_with_delivery().await;
        let lost = Fault::TimesOutThenDoesNothing(Operation::Create, 99);
        world.simulated.set(lost).unwrap();
        let hostile =
            Hostile { inner: &world.simulated, mood: moods[mood](stranger(&world, created_at)) };
        let summary = world.engine_at(&hostile).apply(&plan).await.unwrap();
        assert_ne!(end(&summary, "rotate"), Succeeded);
        assert_eq!(world.asked(Operation::Delete), 0, "{summary:#?}");
    }
}

#[tokio::test]
async fn it_goes_on_when_somebody_writes_a_note_and_stops_when_somebody_acts() {
    let world = World::new();
    let plan = world.plan_with_delivery().await;
    let text = "called the owner".to_owned();
    let mood = Mood::Watched(&world, Event::Noted { text });
    let hostile = Hostile { inner: &world.simulated, mood };
    let summary = world.engine_at(&hostile).apply(&plan).await.unwrap();
    assert!(summary.proved_dead);
    let events = world.events();
    let note = events.iter().position(|one| matches!(one, Event::Noted { .. })).unwrap();
    assert!(matches!(&events[note + 1], Event::StepFinished { step, .. } if step == "disable"));

    let world = World::new();
    let plan = world.plan_with_delivery().await;
    let until = Timestamp::MAX;
    let mood = Mood::Watched(&world, Event::LeaseTaken { holder: "robin".to_owned(), until });
    let hostile = Hostile { inner: &world.simulated, mood };
    let error = world.engine_at(&hostile).apply(&plan).await.unwrap_err();
    assert!(matches!(error, Error::SomeoneElse(_)), "{error}");
    assert!(error.to_string().contains("someone else is containing this incident"));
    assert_eq!(world.asked(Operation::Create), 0);
}
