//! The hunt: what a leaked key was used for, what it left behind, and which secrets it read.
//!
//! Every log of the provider is searched by key and then by owner, piece by piece; what was found and
//! where to go on is recorded as it is read, so a hunt that was killed is taken up by asking again. What
//! could not be seen is unknown, never "not accessed". A hunt changes nothing at the provider.
//!
//! | file | what it does |
//! |---|---|
//! | `found` | sums up the pieces of a search |
//! | `trail` | writes them down, and finds where to go on |
//! | `review` | what follows from all searches |
//! | `removal` | what an intruder left, with the way to remove it, and the secrets that were read |
//! | `children` | the incidents that come of those |

mod children;
mod found;
mod removal;
mod review;
mod trail;

pub use children::{Child, children};
pub use found::{Found, Times};
pub use removal::{Left, Removal, SecretRead};
pub use review::{Address, Hunted};

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use self::review::Read;
use self::trail::Trail;
use super::Error;
use super::engine::as_value;
use super::lease::Holder;
use super::look::{Trouble, trouble};
use super::plan::sha256_of;
use crate::incident::{Clock, Event, IncidentId, Journal, UsageReview};
use crate::provider::{self, Log, Provider, Search, SearchBy};
use crate::secret::Fingerprint;

/// How often in a row a piece is asked for.
const TRIES: u32 = 4;
/// The wait after the first time; it doubles.
const WAIT: Duration = Duration::from_millis(500);

/// The keys of more sessions than this are only counted.
const MOST_FOLLOWED: usize = 25;

/// What a hunt is carried out with. It needs a tokio runtime with its timer enabled.
pub struct Hunt<'a> {
    /// Where the record is kept.
    pub journal: &'a dyn Journal,
    /// Who issued the key.
    pub provider: &'a dyn Provider,
    /// Tells the time of the record.
    pub clock: &'a dyn Clock,
    /// The incident.
    pub incident: IncidentId,
    /// On whose behalf, for the record.
    pub actor: String,
    /// This process: while another one contains the key, its record is left to it.
    pub holder: &'a dyn Holder,
}

/// What is hunted for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The leaked key.
    pub key_id: String,
    /// Its fingerprint, by which commands name it.
    pub finding: Fingerprint,
    /// Whose it is, where known.
    pub owner: Option<String>,
    /// From when on it may have been in other hands.
    pub leaked_at: Timestamp,
    /// How much of the time before is read, too: what was done then is its usual work.
    pub margin: SignedDuration,
    /// When it was stopped, if it was.
    pub stopped_at: Option<Timestamp>,
    /// The networks its consumers call from, as the operator says.
    pub networks: Vec<String>,
}

/// How far a hunt is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The log that is being read.
    pub log: &'a str,
    /// How many uses it has shown so far.
    pub uses: u64,
    /// The latest of the last piece.
    pub at: Option<Timestamp>,
}

impl Question {
    /// Returns from when on the logs are read.
    pub fn since(&self) -> Timestamp {
        self.leaked_at.saturating_sub(self.margin).unwrap_or(Timestamp::MIN)
    }

    /// Returns the searches of one log.
    pub fn searches(&self, log: &str, until: Timestamp) -> Vec<Search> {
        let since = self.since();
        let by = self.by().into_iter();
        by.map(|by| Search { log: log.to_owned(), by, since, until }).collect()
    }

    /// Returns by what they are searched, in order. A role is no owner that a log could be searched by.
    fn by(&self) -> Vec<SearchBy> {
        let owner = self.owner.as_ref().filter(|owner| !owner.is_empty() && !is_role(owner));
        let key = Some(SearchBy::Key(self.key_id.clone()));
        [key, owner.cloned().map(SearchBy::Owner)].into_iter().flatten().collect()
    }
}

/// Tells whether an owner is the full name of a role.
fn is_role(owner: &str) -> bool {
    owner.starts_with("arn:")
}

impl Hunt<'_> {
    fn searches_until(&self, question: &Question, until: Timestamp) -> Vec<(Log, Search)> {
        let of_log = |log: Log| {
            let searches = question.searches(&log.id, until).into_iter();
            searches.map(|search| (log.clone(), search)).collect::<Vec<_>>()
        };
        self.provider.logs().into_iter().flat_map(of_log).collect()
    }

    /// Reads every log to its end, from where an interrupted hunt for the same question stopped, and
    /// records what was read and what follows.
    ///
    /// # Errors
    /// Where the responder may not ask about this key at all, there is no log, or the record can't be
    /// written. A log that can't be read is no error: what it holds is unknown.
    pub async fn run(
        &self,
        question: &Question,
        tell: &(dyn Fn(Progress<'_>) + Sync),
    ) -> Result<Hunted, Error> {
        let mut trail = Trail::read(self)?;
        let until = trail.until(question).unwrap_or_else(|| self.clock.now());
        let mut read = Vec::new();
        for (log, search) in self.searches_until(question, until) {
            let found = self.search(question, &log, &search, &mut trail, tell).await?;
            read.push(Read { log, search, found });
        }
        if read.is_empty() {
            return Err(self.provider.unsupported("tell what a key has done").into());
        }
        let not_followed = self.follow(question, until, &mut read, &mut trail, tell).await?;
        let hunted = Hunted::of(question, until, read, not_followed);
        let content = as_value(&hunted)?;
        trail.append(&evidence(UsageReview::FOUND, content))?;
        if let Some(queries) = self.queries(question, until) {
            trail.append(&evidence(UsageReview::QUERIES, as_value(&queries)?))?;
        }
        trail.append(&Event::UsageReviewed { review: hunted.review.clone() })?;
        Ok(hunted)
    }

    /// Reads what was done with the keys that somebody from an address not known was given with the leaked
    /// one, and with those that were given with these; returns how many are left.
    async fn follow(
        &self,
        question: &Question,
        until: Timestamp,
        read: &mut Vec<Read>,
        trail: &mut Trail<'_>,
        tell: &(dyn Fn(Progress<'_>) + Sync),
    ) -> Result<usize, Error> {
        let mut followed = BTreeSet::from([question.key_id.clone()]);
        loop {
            let due = review::given(question, read);
            let mut due = due.into_iter().filter(|key| !followed.contains(key));
            let Some(key) = due.next() else { return Ok(0) };
            if followed.len() > MOST_FOLLOWED {
                return Ok(due.count() + 1);
            }
            for log in self.provider.logs() {
                let (by, since) = (SearchBy::Key(key.clone()), question.leaked_at);
                let search = Search { log: log.id.clone(), by, since, until };
                let found = self.search(question, &log, &search, trail, tell).await?;
                read.push(Read { log, search, found });
            }
            followed.insert(key);
        }
    }

    /// Returns the same questions for logs that only somebody else may search; `None` where there are
    /// none.
    fn queries(&self, question: &Question, until: Timestamp) -> Option<Vec<provider::Query>> {
        let searches = self.searches_until(question, until);
        let first = searches.first().map(|(log, _)| log.id.clone())?;
        let of_first = searches.into_iter().filter(|(log, _)| log.id == first);
        // One that can't be written out for such a name is none.
        let queries = of_first.filter_map(|(_, search)| self.provider.queries(&search).ok());
        let queries: Vec<_> = queries.flatten().collect();
        (!queries.is_empty()).then_some(queries)
    }

    /// Reads one log to its end.
    async fn search(
        &self,
        question: &Question,
        log: &Log,
        search: &Search,
        trail: &mut Trail<'_>,
        tell: &(dyn Fn(Progress<'_>) + Sync),
    ) -> Result<Found, Error> {
        let so_far = trail.so_far(search);
        let (mut found, mut from) = (so_far.found, so_far.next);
        if so_far.is_over {
            return Ok(found);
        }
        let (mut new, mut pieces, mut saved) = (Found::default(), 0_u64, 0_u64);
        loop {
            let mut at = None;
            match self.piece(search, from.as_deref()).await {
                Ok(page) => {
                    at = page.uses.last().map(|last| last.at);
                    new.take(&page, question, search);
                    from = page.next;
                }
                Err(error) if is_final(&error) => {
                    // Without a place to go on from, it begins anew.
                    if from.is_some() && !new.is_empty() {
                        trail.keep(search, &new, from)?;
                    }
                    return Err(error.into());
                }
                Err(error) => {
                    new.cut_off(&error, from.is_none() && found.is_empty());
                    from = None;
                }
            }
            pieces += 1;
            let is_over = from.is_none();
            // Each piece at first, then each eighth further: little is lost, and the record stays short.
            if is_over || pieces - saved >= (pieces / 8).max(1) {
                trail.keep(search, &new, from.clone())?;
                found.merge(std::mem::take(&mut new));
                saved = pieces;
            }
            let uses = found.uses + new.uses;
            tell(Progress { log: &log.name, uses, at });
            if is_over {
                return Ok(found);
            }
        }
    }

    /// Asks for one piece, patiently.
    async fn piece(
        &self,
        search: &Search,
        from: Option<&str>,
    ) -> Result<provider::Page, provider::Error> {
        let mut nth = 0;
        loop {
            match self.provider.activity(search, from).await {
                Err(error)
                    if matches!(trouble(&error), Trouble::NotYet | Trouble::MaybeDone)
                        && nth + 1 < TRIES =>
                {
                    tokio::time::sleep(WAIT * 2_u32.pow(nth)).await;
                    nth += 1;
                }
                answer => return answer,
            }
        }
    }
}

/// Tells whether nothing further may, or can, be asked: taken up later, the hunt goes on there.
fn is_final(error: &provider::Error) -> bool {
    matches!(
        error,
        provider::Error::NoResponder { .. }
            | provider::Error::ResponderIsLeaked { .. }
            | provider::Error::Foreign { .. }
            | provider::Error::Bait { .. }
    )
}

fn evidence(name: &str, content: serde_json::Value) -> Event {
    Event::EvidenceCollected { name: name.to_owned(), sha256: sha256_of(&content), content }
}
