//! What it answers: the operations of every provider, on the state, as the faults bend them.

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::state::{State, id_of, of_key};
use super::{Fault, PAGE, Simulated};
use crate::provider::{
    Call, Created, Error, Evidence, Key, KeyState, Known, Log, Meaning, Observation, Operation,
    Page, Power, Probe, Provider, Receipt, Restriction, Search, SearchBy, Standing,
};
use crate::secret::Credential;

#[async_trait]
impl Provider for Simulated {
    fn id(&self) -> &'static str {
        "simulated"
    }

    fn endpoint(&self) -> Option<&str> {
        None
    }

    fn calls(&self, operation: Operation) -> Vec<Call> {
        let name = name_of(operation);
        let permission = (operation != Operation::Probe).then(|| name.clone());
        vec![Call { name, permission }]
    }

    async fn observe(&self, credential: &Credential) -> Result<Observation, Error> {
        let id = credential.public("id").unwrap_or_default();
        let at = (self.now)();
        self.look(Operation::Observe, |state| state.observed(id, at))?
    }

    async fn probe(&self, credential: &Credential) -> Result<Probe, Error> {
        let at = (self.now)();
        let liveness = self.look(Operation::Probe, |state| {
            // Asking leaves a line, too.
            state.log(id_of(credential), &name_of(Operation::Probe), Meaning::Other, at);
            state.answer_to(credential)
        })?;
        Ok(Probe { liveness, at: (self.now)() })
    }

    async fn keys(&self, owner: &str) -> Result<Vec<Key>, Error> {
        self.look(Operation::Observe, |state| state.keys_of(owner, true))
    }

    async fn disable(&self, key: &Key) -> Result<Receipt, Error> {
        self.mutate(Operation::Disable, Some(&key.id), |state| {
            if !state.faults.contains(&Fault::LiesAboutDisabling) {
                state.put(&key.id, KeyState::Inactive);
            }
            Ok((None, self.receipt()))
        })
    }

    async fn enable(&self, key: &Key) -> Result<Receipt, Error> {
        self.mutate(Operation::Enable, Some(&key.id), |state| {
            if !state.keys.iter().any(|kept| kept.id == key.id) {
                return Err(Error::NotFound {
                    call: name_of(Operation::Enable),
                    what: format!("key {}", key.id),
                });
            }
            state.put(&key.id, KeyState::Active);
            Ok((None, self.receipt()))
        })
    }

    async fn create(&self, owner: &str) -> Result<Created, Error> {
        let at = (self.now)();
        self.mutate(Operation::Create, None, |state| {
            let (key, credential) = state.add(owner, at)?;
            let id = key.id.clone();
            let receipt = self.receipt();
            Ok((Some(id), Created { key, credential, receipt }))
        })
    }

    async fn delete(&self, key: &Key) -> Result<Receipt, Error> {
        self.mutate(Operation::Delete, Some(&key.id), |state| {
            state.put(&key.id, KeyState::Absent);
            Ok((None, self.receipt()))
        })
    }

    async fn evidence(&self, observation: &Observation) -> Result<Evidence, Error> {
        let at = (self.now)();
        self.look(Operation::Evidence, |state| evidence(state, observation, at))
    }

    async fn standing(&self, restriction: &Restriction) -> Result<Standing, Error> {
        self.look(Operation::Observe, |state| {
            let of_owner = state.restrictions.iter().filter(|r| r.owner == restriction.owner);
            let before: Vec<_> = of_owner.filter(|placed| *placed != restriction).collect();
            let before = json!({"others": before.len()});
            Standing { holds: state.restrictions.contains(restriction), before }
        })
    }

    async fn restrict(&self, restriction: &Restriction) -> Result<Receipt, Error> {
        self.mutate(Operation::Restrict, Some(&restriction.owner), |state| {
            if !state.restrictions.contains(restriction) {
                state.restrictions.push(restriction.clone());
            }
            Ok((None, self.receipt()))
        })
    }

    async fn lift(&self, restriction: &Restriction, _: &Value) -> Result<Receipt, Error> {
        self.mutate(Operation::Lift, Some(&restriction.owner), |state| {
            state.restrictions.retain(|placed| placed != restriction);
            Ok((None, self.receipt()))
        })
    }

    fn logs(&self) -> Vec<Log> {
        vec![Log {
            id: "simulated".to_owned(),
            name: "the simulated log".to_owned(),
            lacks: None,
            minutes_behind: 0,
        }]
    }

    async fn activity(&self, search: &Search, from: Option<&str>) -> Result<Page, Error> {
        self.look(Operation::Review, |state| page(state, search, from))
    }
}

pub(super) fn name_of(operation: Operation) -> String {
    let name = match operation {
        Operation::Observe => "ListKeys",
        Operation::Probe => "WhoAmI",
        Operation::Disable => "DisableKey",
        Operation::Enable => "EnableKey",
        Operation::Create => "CreateKey",
        Operation::Delete => "DeleteKey",
        Operation::Evidence => "ReadRights",
        Operation::Restrict => "RestrictOwner",
        Operation::Lift => "LiftRestriction",
        Operation::Review => "ReadLog",
    };
    format!("simulated:{name}")
}

fn evidence(state: &State, observation: &Observation, at: Timestamp) -> Evidence {
    let owner = &observation.key.owner;
    let administers = state.administers.get(owner).copied().unwrap_or_default();
    let power = Power {
        what: "make itself an administrator".to_owned(),
        actions: vec!["simulated:Everything".to_owned()],
        allowed: administers,
        through: None,
    };
    let sentence = match administers {
        Known::Yes => format!("{owner} may do anything in the simulated account"),
        Known::No => format!("{owner} may use the simulated service and nothing else"),
        Known::Unknown => format!("nobody said what {owner} may do"),
    };
    let gaps = match administers {
        Known::Unknown => vec![format!("the rights of {owner} are not known")],
        Known::Yes | Known::No => Vec::new(),
    };
    Evidence {
        documents: [(name_of(Operation::Evidence), json!({"owner": owner}))].into(),
        powers: vec![power],
        sentence,
        administers,
        quarantined_by: None,
        gaps,
        at,
    }
}

fn page(state: &State, search: &Search, from: Option<&str>) -> Page {
    let is_of = |id: &str| match &search.by {
        SearchBy::Key(key) => key == id,
        SearchBy::Owner(owner) => state.keys.iter().any(|key| key.owner == *owner && key.id == id),
    };
    let skipped = from.and_then(|from| from.parse().ok()).unwrap_or(0);
    let found = state.log.iter().filter(|line| search.since <= line.at && line.at < search.until);
    let mut found = found.filter(|line| {
        let keys = state.keys.iter().map(|key| key.id.as_str());
        let of = keys.chain(match &search.by {
            SearchBy::Key(key) => Some(key.as_str()),
            SearchBy::Owner(_) => None,
        });
        of.into_iter().any(|id| of_key(line, id) && is_of(id))
    });
    let uses: Vec<_> = found.by_ref().skip(skipped).take(PAGE).cloned().collect();
    let next = found.next().map(|_| (skipped + uses.len()).to_string());
    Page { uses, next, gaps: Vec::new() }
}
