//! The store of a team: PostgreSQL, the same events in the same chain.
//!
//! Two responders may write at once: an event is inserted under the number it was decided for, and the
//! primary key lets one of them be first. The other is told, reads again and decides anew, so a chain
//! never forks. Events can't be updated, deleted or truncated through SQL by anybody but the owner of the
//! tables; against that one, signatures and heads kept elsewhere speak.
//!
//! This is the only part of the room that knows the client of PostgreSQL.

mod link;
mod schema;

use std::collections::BTreeMap;

use jiff::Timestamp;
use postgres::{Client, GenericClient, Row, error::SqlState};

use super::chain::{self, GENESIS, Raw};
use super::journal::same;
use super::{
    Error, Event, Incident, IncidentId, Journal, Opening, PlanRecord, Reading, Recorded,
    SignedHead, Store, Summaries,
};
use crate::secret::Fingerprint;
use link::{Failed, Link};

/// Incidents on a PostgreSQL server.
#[derive(Debug)]
pub struct TeamStore {
    link: Link,
}

impl TeamStore {
    /// Connects to the server of that address (`postgres://…`) and brings its tables up to date. A host
    /// that isn't this machine must prove who it is (TLS).
    ///
    /// # Errors
    /// [`Error::Store`] where there is no connection, or it would not be safe.
    pub fn connect(address: &str, password: Option<&str>) -> Result<Self, Error> {
        let link = Link::open(address, password)?;
        link.run("open", schema::migrate)?;
        Ok(Self { link })
    }

    /// Returns what has to be said of tables that a newer program made.
    ///
    /// # Errors
    /// [`Error::Store`] where the server doesn't answer.
    pub fn caution(&self) -> Result<Option<String>, Error> {
        let newer = self.link.run("read", schema::newer)?;
        Ok(newer.map(|version| super::store::newer_words(version, schema::VERSION)))
    }

    /// Refuses to write where a newer program made the tables.
    fn refuse_newer(client: &mut impl GenericClient) -> Result<(), Failed> {
        match schema::newer(client)? {
            None => Ok(()),
            Some(version) => {
                Err(Failed::Words(super::store::newer_words(version, schema::VERSION)))
            }
        }
    }
}

impl Journal for TeamStore {
    fn append(
        &self,
        incident: &IncidentId,
        expected_seq: u64,
        actor: &str,
        at: Timestamp,
        event: &Event,
    ) -> Result<Recorded, Error> {
        let events = std::slice::from_ref(event);
        let mut recorded = self.append_all(incident, expected_seq, actor, at, events)?;
        recorded.pop().ok_or_else(|| Error::Unrecordable("nothing was to be recorded".to_owned()))
    }

    fn events(&self, incident: &IncidentId) -> Result<Vec<Recorded>, Error> {
        let reading = self.read(incident)?;
        match reading.broken {
            Some(broken) => Err(broken.of(incident)),
            None => Ok(reading.intact),
        }
    }
}

impl Store for TeamStore {
    fn place(&self) -> String {
        self.link.place().to_owned()
    }

    fn list(&self) -> Result<Vec<IncidentId>, Error> {
        let sql =
            "SELECT DISTINCT incident COLLATE \"C\" AS incident FROM stanch.events ORDER BY 1";
        let rows = self.link.run("read", move |client| Ok(client.query(sql, &[])?))?;
        Ok(rows.iter().map(|row| IncidentId::from(row.get::<_, String>(0))).collect())
    }

    fn read(&self, incident: &IncidentId) -> Result<Reading, Error> {
        let id = incident.clone();
        let rows = self.link.run("read", move |client| rows(client, &id))?;
        if rows.is_empty() {
            return Err(Error::NoSuchIncident(incident.to_string()));
        }
        let (intact, broken) = chain::read(incident, rows);
        Ok(Reading { intact, broken })
    }

    fn open_incident(
        &self,
        incident: &IncidentId,
        actor: &str,
        at: Timestamp,
        event: &Event,
    ) -> Result<Opening, Error> {
        let (id, actor, event) = (incident.clone(), actor.to_owned(), event.clone());
        self.link.run("write", move |client| {
            let mut transaction = client.transaction()?;
            Self::refuse_newer(&mut transaction)?;
            if let Event::Opened { credential, .. } = &event {
                // Until the end of this transaction nobody else opens one of the same credential.
                let key = credential.fingerprint.to_string();
                let lock = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
                transaction.execute(lock, &[&key])?;
                if let Some(open) = open_of(&mut transaction, &credential.fingerprint)? {
                    return Ok(Opening::AlreadyOpen(open));
                }
            }
            let recorded = append(&mut transaction, (&id, 0), &actor, at, &event)?;
            transaction.commit()?;
            Ok(Opening::Opened(Box::new(recorded)))
        })
    }

    fn append_all(
        &self,
        incident: &IncidentId,
        expected_seq: u64,
        actor: &str,
        at: Timestamp,
        events: &[Event],
    ) -> Result<Vec<Recorded>, Error> {
        let (id, actor, events) = (incident.clone(), actor.to_owned(), events.to_vec());
        self.link.run("write", move |client| {
            let mut transaction = client.transaction()?;
            Self::refuse_newer(&mut transaction)?;
            let mut recorded = Vec::new();
            for (seq, event) in (expected_seq..).zip(&events) {
                recorded.push(append(&mut transaction, (&id, seq), &actor, at, event)?);
            }
            transaction.commit()?;
            Ok(recorded)
        })
    }

    fn import(&self, incident: &IncidentId, events: &[Recorded]) -> Result<(), Error> {
        let (id, events) = (incident.clone(), events.to_vec());
        self.link.run("write", move |client| {
            let mut transaction = client.transaction()?;
            Self::refuse_newer(&mut transaction)?;
            for event in &events {
                let Recorded { seq, at, actor, event: what, .. } = event;
                let recorded = append(&mut transaction, (&id, *seq), actor, *at, what)?;
                same(&id, &recorded, event).map_err(Failed::Known)?;
            }
            transaction.commit()?;
            Ok(())
        })
    }

    fn incident_for(&self, fingerprint: &Fingerprint) -> Result<Option<IncidentId>, Error> {
        let fingerprint = *fingerprint;
        self.link.run("read", move |client| open_of(client, &fingerprint))
    }

    fn remember_plan(&self, plan: &PlanRecord) -> Result<(), Error> {
        let text = chain::canonical(&plan.plan)?;
        let (hash, fingerprint) = (plan.plan_hash.clone(), plan.fingerprint.to_string());
        let shown_at = format!("{:.9}", plan.shown_at);
        self.link.run("write", move |client| {
            Self::refuse_newer(client)?;
            client.execute(
                "INSERT INTO stanch.plans (plan_hash, fingerprint, plan, shown_at)
                 VALUES ($1, $2, $3, $4)
                 ON CONFLICT (plan_hash) DO UPDATE SET shown_at = excluded.shown_at",
                &[&hash, &fingerprint, &text, &shown_at],
            )?;
            Ok(())
        })
    }

    fn plan(&self, plan_hash: &str) -> Result<Option<PlanRecord>, Error> {
        self.one_plan("plan_hash = $1", plan_hash.to_owned())
    }

    fn last_plan_for(&self, fingerprint: &Fingerprint) -> Result<Option<PlanRecord>, Error> {
        let newest = "fingerprint = $1 ORDER BY shown_at COLLATE \"C\" DESC, number DESC LIMIT 1";
        self.one_plan(newest, fingerprint.to_string())
    }

    fn keep_checkpoint(&self, signed: &SignedHead) -> Result<(), Error> {
        let (id, note) = (signed.incident.to_string(), signed.to_string());
        let seq = number(signed.head.seq)?;
        self.link.run("write", move |client| {
            Self::refuse_newer(client)?;
            let sql = "INSERT INTO stanch.checkpoints (incident, seq, note) VALUES ($1, $2, $3)";
            client.execute(sql, &[&id, &seq, &note])?;
            Ok(())
        })
    }

    fn checkpoints(&self, incident: &IncidentId) -> Result<Vec<String>, Error> {
        let id = incident.to_string();
        let sql = "SELECT note FROM stanch.checkpoints WHERE incident = $1 ORDER BY seq, number";
        let rows = self.link.run("read", move |client| Ok(client.query(sql, &[&id])?))?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    fn summaries(&self) -> Result<Summaries, Error> {
        // One question instead of one an incident: the server may be far away.
        let sql = format!("SELECT incident, {COLUMNS} FROM stanch.events ORDER BY incident, seq");
        let rows = self.link.run("read", move |client| Ok(client.query(&sql, &[])?))?;
        let mut by_incident: BTreeMap<IncidentId, Vec<Raw>> = BTreeMap::new();
        for row in &rows {
            by_incident.entry(row.get::<_, String>(0).into()).or_default().push(raw(row, 1));
        }
        let mut summaries = Summaries::default();
        for (id, rows) in by_incident {
            let (intact, broken) = chain::read(&id, rows);
            summaries.add(&id, Reading { intact, broken });
        }
        Ok(summaries)
    }
}

impl TeamStore {
    fn one_plan(&self, which: &str, value: String) -> Result<Option<PlanRecord>, Error> {
        let sql = format!(
            "SELECT plan_hash, fingerprint, plan, shown_at FROM stanch.plans WHERE {which}"
        );
        let row = self.link.run("read", move |client| Ok(client.query_opt(&sql, &[&value])?))?;
        let Some(row) = row else { return Ok(None) };
        let believed = || {
            Some(PlanRecord {
                plan_hash: row.get(0),
                fingerprint: row.get::<_, String>(1).parse().ok()?,
                plan: serde_json::from_str(&row.get::<_, String>(2)).ok()?,
                shown_at: row.get::<_, String>(3).parse().ok()?,
            })
        };
        let unreadable = || Error::Store {
            doing: "read",
            store: self.place(),
            why: "a plan in it can't be read; show the plan again".to_owned(),
        };
        believed().map(Some).ok_or_else(unreadable)
    }
}

const COLUMNS: &str = "seq, at, actor, kind, event, prev, hash";

fn raw(row: &Row, first: usize) -> Raw {
    Raw {
        seq: row.get(first),
        at: row.get(first + 1),
        actor: row.get(first + 2),
        kind: row.get(first + 3),
        event: row.get(first + 4),
        prev: row.get(first + 5),
        hash: row.get(first + 6),
    }
}

fn rows(client: &mut impl GenericClient, incident: &IncidentId) -> Result<Vec<Raw>, Failed> {
    let sql = format!("SELECT {COLUMNS} FROM stanch.events WHERE incident = $1 ORDER BY seq");
    let rows = client.query(&sql, &[&incident.as_str()])?;
    Ok(rows.iter().map(|row| raw(row, 0)).collect())
}

fn number(seq: u64) -> Result<i64, Error> {
    i64::try_from(seq).map_err(|error| Error::Unrecordable(error.to_string()))
}

/// Returns the open incident of a credential, the latest if there are several.
fn open_of(
    client: &mut impl GenericClient,
    fingerprint: &Fingerprint,
) -> Result<Option<IncidentId>, Failed> {
    let sql = "SELECT DISTINCT incident COLLATE \"C\" AS incident FROM stanch.events
               WHERE kind = 'opened' AND strpos(event, $1) > 0 ORDER BY 1 DESC";
    for row in client.query(sql, &[&fingerprint.to_string()])? {
        let id = IncidentId::from(row.get::<_, String>(0));
        let (intact, broken) = chain::read(&id, rows(client, &id)?);
        if let Some(broken) = broken {
            return Err(Failed::Known(broken.of(&id)));
        }
        let incident = Incident::of(&id, &intact).map_err(Failed::Known)?;
        if incident.credential.fingerprint == *fingerprint && !incident.state.is_over() {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

fn append(
    client: &mut impl GenericClient,
    (incident, expected_seq): (&IncidentId, u64),
    actor: &str,
    at: Timestamp,
    event: &Event,
) -> Result<Recorded, Failed> {
    let sql = format!(
        "SELECT {COLUMNS} FROM stanch.events WHERE incident = $1 ORDER BY seq DESC LIMIT 1"
    );
    let last = client.query_opt(&sql, &[&incident.as_str()])?.map(|row| raw(&row, 0));
    let prev = super::store::previous(incident, expected_seq, last).map_err(Failed::Known)?;
    let place = (expected_seq, prev.as_deref().unwrap_or(GENESIS));
    let (raw, recorded) = chain::seal(incident, place, actor, at, event).map_err(Failed::Known)?;
    let inserted = client.execute(
        "INSERT INTO stanch.events (incident, seq, at, actor, kind, event, prev, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            &incident.as_str(),
            &raw.seq,
            &raw.at,
            &raw.actor,
            &raw.kind,
            &raw.event,
            &raw.prev,
            &raw.hash,
        ],
    );
    match inserted {
        Ok(_) => Ok(recorded),
        // Another writer was first, between our look and our word.
        Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
            Err(Failed::Known(Error::Conflict { incident: incident.clone(), seq: expected_seq }))
        }
        Err(error) => Err(error.into()),
    }
}

/// A closure of work at the server.
type Work = Box<dyn FnOnce(&mut Client) + Send>;
