//! Fifty keys at once: none waits for another, and none is held up by another's failure.

use std::sync::atomic::{AtomicUsize, Ordering};

use stanch::contain::{
    AT_ONCE, Engine, Facts, Guard, Patience, Policy, Settled, Subject, Summary, at_once, plan,
};
use stanch::incident::{Clock, Event, IncidentId, Journal, SqliteStore, Store};
use stanch::provider::simulated::{Fault, Simulated};
use stanch::provider::{KeyState, Operation, Provider};
use stanch::secret::Credential;

use crate::world::{Ticking, bare};

const KEYS: usize = 50;
/// One key's provider lets nobody stop it.
const DENIED: usize = 7;

struct Key {
    provider: Simulated,
    credential: Credential,
    owner: String,
    incident: IncidentId,
}

fn key(number: usize, clock: &Ticking) -> Key {
    let provider = Simulated::new(clock.as_now());
    let owner = format!("owner-{number}");
    let credential = provider.issue(&owner).unwrap();
    if number == DENIED {
        provider.set(Fault::Denies(Operation::Disable)).unwrap();
    }
    Key { provider, credential, owner, incident: IncidentId::from(format!("INC-{number}")) }
}

async fn contain(key: &Key, store: &SqliteStore, clock: &Ticking, guard: &Guard) -> Summary {
    let opened = Event::Noted { text: "a key leaked".to_owned() };
    store.append(&key.incident, 0, "alex", clock.now(), &opened).unwrap();
    let seen = key.provider.observe(&key.credential).await.unwrap();
    let subject = Subject::of(&key.credential).unwrap();
    let plan = plan(&subject, &seen, &Facts::of(&key.provider), &bare());
    let holder = stanch::contain::Alone("alex".to_owned());
    let engine = Engine {
        journal: store,
        provider: &key.provider,
        clock,
        incident: key.incident.clone(),
        actor: "alex".to_owned(),
        approver: Some("alex".to_owned()),
        confirmed: Vec::new(),
        guard,
        holder: &holder,
        credential: &key.credential,
        delivery: None,
        patience: Patience::without_waiting(),
    };
    engine.apply(&plan).await.unwrap()
}

#[tokio::test]
async fn fifty_keys_are_contained_at_once_and_told_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("incidents.db")).unwrap();
    let clock = Ticking::new();
    let guard = Guard::new(Policy::default());
    let keys: Vec<_> = (0..KEYS).map(|number| key(number, &clock)).collect();
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let tasks = keys.iter().enumerate().map(async |(number, key)| {
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        // The earlier a key was named, the longer it takes.
        for _ in number..2 * KEYS {
            tokio::task::yield_now().await;
        }
        let summary = contain(key, &store, &clock, &guard).await;
        now.fetch_sub(1, Ordering::SeqCst);
        summary
    });
    let mut told = Vec::new();
    at_once(tasks, |number, summary| told.push((number, summary))).await;

    assert_eq!(most.into_inner(), AT_ONCE, "so many at the same time and no more");
    assert!(told.iter().map(|(number, _)| *number).eq(0..KEYS), "in the order they were named");
    for ((number, summary), key) in told.iter().zip(&keys) {
        let state = key.provider.really(&key.owner).unwrap()[0].state;
        let (settled, expected) = match *number == DENIED {
            true => (Settled::Refused, KeyState::Active),
            false => (Settled::Contained, KeyState::Inactive),
        };
        assert_eq!((summary.settled, state), (settled, expected), "{number}: {summary:#?}");
        let asked = key.provider.asked().unwrap();
        assert_eq!(
            asked.iter().filter(|asked| asked.is_done).count(),
            usize::from(*number != DENIED)
        );
        store.verify(&key.incident, None).unwrap();
        assert!(!store.events(&key.incident).unwrap().is_empty());
    }
}
