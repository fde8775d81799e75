//! What a key has done, from CloudTrail's event history: the management events of the last 90 days, region
//! by region, at the two requests a second AWS allows in each.
//!
//! A piece is one page of every region that has more, all asked at once. The checkpoint holds each
//! region's place, so a search can be taken up again. A region that can't be read is a gap.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_account::types::RegionOptStatus;
use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_cloudtrail::types::{Event, LookupAttribute, LookupAttributeKey};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::failure::{self, Asked};
use super::permissions::{LOOKUP, REGIONS};
use super::told::{issuer, used};
use super::watch::Watch;
use super::{AwsIam, connect, unsupported};
use crate::provider::{Error, Log, Page, Search, SearchBy, Use};

/// The time between two requests in one region: two a second, with a little air.
const PACE: Duration = Duration::from_millis(550);
/// How many pieces in a row a region may refuse to answer before it counts as unread.
const TRIES: u32 = 3;
/// How far back the event history goes.
const HISTORY: SignedDuration = SignedDuration::from_hours(90 * 24);
const PAGE_EVENTS: i32 = 50;
/// Where the events of IAM and of other services without a region are.
const GLOBAL: &str = "us-east-1";
/// The id of the log that every account has.
pub(super) const EVENT_HISTORY: &str = "event-history";
/// What is in no log unless somebody asked for it, and pays for it.
const DATA_EVENTS: &str = "data events: reads and writes of S3 objects, DynamoDB items, messages, function and model calls";
/// CloudTrail usually has an event within five minutes, and says fifteen.
pub(super) const MINUTES_BEHIND: u32 = 15;

/// The regions that are on in every account, for where the account's own list can't be read.
/// <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html>
const ALWAYS_ON: &[&str] = &[
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// Returns what AWS keeps of every account.
pub(super) fn event_history() -> Log {
    Log {
        id: EVENT_HISTORY.to_owned(),
        name: "CloudTrail's event history".to_owned(),
        lacks: Some(DATA_EVENTS.to_owned()),
        minutes_behind: MINUTES_BEHIND,
    }
}

/// Returns what a log lacks whose trail writes no data events.
pub(super) fn lacks_without_data_events() -> String {
    DATA_EVENTS.to_owned()
}

/// When each region may be asked again.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<HashMap<String, Instant>>);

impl Pace {
    /// Waits for a region's turn and takes it.
    async fn wait(&self, region: &str) {
        let turn = {
            let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = next.get(region).copied().unwrap_or_else(Instant::now).max(Instant::now());
            next.insert(region.to_owned(), turn + PACE);
            turn
        };
        tokio::time::sleep_until(turn).await;
    }
}

/// Where a search goes on: each region that has more.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Checkpoint {
    regions: BTreeMap<String, Place>,
}

/// Where a region's search goes on.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    /// AWS's own token; none at the beginning.
    token: Option<String>,
    /// How often in a row it was not answered.
    unanswered: u32,
}

impl AwsIam {
    pub(super) async fn history(&self, search: &Search, from: Option<&str>) -> Result<Page, Error> {
        let (checkpoint, mut gaps) = match from {
            Some(text) => (read(text)?, Vec::new()),
            None => {
                self.responder_for(None, None).await?;
                self.beginning(search).await
            }
        };
        let pieces = checkpoint.regions.into_iter().map(|(region, place)| async move {
            let piece = self.piece(search, &region, place.token.as_deref()).await;
            (region, place, piece)
        });
        let (mut uses, mut next, mut denied) = (Vec::new(), Checkpoint::default(), Vec::new());
        let pieces = join_all(pieces).await;
        let asked = pieces.len();
        for (region, place, piece) in pieces {
            match piece {
                Ok((found, token)) => {
                    uses.extend(found.into_iter().rev());
                    if token.is_some() {
                        next.regions.insert(region, Place { token, unanswered: 0 });
                    }
                }
                Err(error @ (Error::Denied { .. } | Error::NoResponder { .. })) => {
                    denied.push(error)
                }
                Err(error) if place.unanswered + 1 >= TRIES => {
                    gaps.push(format!("the log of {region} could not be read: {error}"));
                }
                Err(_) => {
                    let unanswered = place.unanswered + 1;
                    next.regions.insert(region, Place { unanswered, ..place });
                }
            }
        }
        gaps.extend(denied.iter().map(ToString::to_string));
        if let Some(error) = denied.pop().filter(|_| gaps.len() >= asked && uses.is_empty()) {
            return Err(error);
        }
        // AWS gives the latest first, with whole seconds: those of one second stay in its order.
        uses.sort_by_key(|one: &Use| one.at);
        gaps.sort();
        gaps.dedup();
        Ok(Page { uses, next: written(&next), gaps })
    }

    /// Returns who issued a session's key, as its last events tell.
    pub(super) async fn issuer_of(&self, id: &str, watch: &Watch) -> Option<String> {
        let configured = self.clients.trail.config().region().map(ToString::to_string);
        let mut regions = vec![GLOBAL.to_owned()];
        regions.extend(configured.filter(|region| region != GLOBAL));
        let asked = regions.iter().map(|region| async move {
            let now = (self.clock)();
            let request = self.trail(region).lookup_events().max_results(1);
            let request = request
                .lookup_attributes(attribute(&SearchBy::Key(id.to_owned()))?)
                .start_time(moment(now.saturating_sub(HISTORY).ok()?))
                .end_time(moment(now));
            self.pace.wait(region).await;
            request.customize().interceptor(watch.clone()).send().await.ok()
        });
        let answers = join_all(asked).await;
        let mut events =
            answers.into_iter().flatten().flat_map(|answer| answer.events.unwrap_or_default());
        events.find_map(|event| issuer(&told(&event)))
    }

    /// Where a search begins, and what it can't show from the start.
    async fn beginning(&self, search: &Search) -> (Checkpoint, Vec<String>) {
        let mut gaps = Vec::new();
        if (self.clock)().duration_since(search.since) > HISTORY {
            gaps.push("the log holds 90 days; what was before is unknown".to_owned());
        }
        let mut regions = match self.regions.is_empty() {
            false => self.regions.clone(),
            true => match self.regions_of_the_account().await {
                Ok(regions) => regions,
                Err(error) => {
                    gaps.push(format!(
                        "only the regions that are on in every account were searched, for the account's own list could not be read: {error}"
                    ));
                    ALWAYS_ON.iter().map(|&region| region.to_owned()).collect()
                }
            },
        };
        // Other partitions have other regions and put the events of IAM into one of theirs.
        if self.regions.is_empty() && regions.iter().any(|region| region.starts_with("us-east-")) {
            regions.push(GLOBAL.to_owned());
        }
        let regions = regions.into_iter().map(|region| (region, Place::default())).collect();
        (Checkpoint { regions }, gaps)
    }

    async fn regions_of_the_account(&self) -> Result<Vec<String>, Error> {
        let (mut regions, mut token) = (Vec::new(), None);
        loop {
            let watch = Watch::default();
            let request = self.clients.account.list_regions().set_next_token(token);
            let request = request
                .region_opt_status_contains(RegionOptStatus::Enabled)
                .region_opt_status_contains(RegionOptStatus::EnabledByDefault);
            let answer = request.customize().interceptor(watch.clone()).send().await;
            let asked = Asked::about(REGIONS, "the account");
            let answer = answer.map_err(|error| failure::of(asked, &error, &watch))?;
            let listed = answer.regions.unwrap_or_default();
            regions.extend(listed.into_iter().filter_map(|region| region.region_name));
            token = answer.next_token;
            if token.is_none() {
                return Ok(regions);
            }
        }
    }

    /// One page of one region, and the token of the next.
    async fn piece(
        &self,
        search: &Search,
        region: &str,
        token: Option<&str>,
    ) -> Result<(Vec<Use>, Option<String>), Error> {
        self.pace.wait(region).await;
        let watch = Watch::default();
        let attribute =
            attribute(&search.by).ok_or_else(|| unsupported("search its log for nothing"))?;
        let request = self.trail(region).lookup_events().max_results(PAGE_EVENTS);
        let request = request
            .lookup_attributes(attribute)
            .start_time(moment(search.since))
            .end_time(moment(search.until))
            .set_next_token(token.map(str::to_owned));
        let answer = request.customize().interceptor(watch.clone()).send().await;
        let resource = format!("the events of {region}");
        let answer =
            answer.map_err(|error| failure::of(Asked::about(LOOKUP, &resource), &error, &watch))?;
        let events = answer.events.unwrap_or_default();
        let uses = events.iter().filter_map(|event| used(&told(event), region)).collect();
        Ok((uses, answer.next_token))
    }

    fn trail(&self, region: &str) -> aws_sdk_cloudtrail::Client {
        connect::in_region(&self.clients.trail, region)
    }
}

fn attribute(by: &SearchBy) -> Option<LookupAttribute> {
    let (key, value) = match by {
        SearchBy::Key(id) => (LookupAttributeKey::AccessKeyId, id),
        SearchBy::Owner(name) => (LookupAttributeKey::Username, name),
    };
    LookupAttribute::builder().attribute_key(key).attribute_value(value).build().ok()
}

fn moment(at: Timestamp) -> DateTime {
    DateTime::from_nanos(at.as_nanosecond()).unwrap_or_else(|_| DateTime::from_secs(at.as_second()))
}

fn read(checkpoint: &str) -> Result<Checkpoint, Error> {
    serde_json::from_str(checkpoint)
        .map_err(|_| unsupported("go on from a checkpoint it did not write"))
}

fn written(checkpoint: &Checkpoint) -> Option<String> {
    if checkpoint.regions.is_empty() {
        return None;
    }
    serde_json::to_string(checkpoint).ok()
}

/// The event as CloudTrail itself wrote it.
fn told(event: &Event) -> Value {
    let text = event.cloud_trail_event().unwrap_or_default();
    serde_json::from_str(text).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_only_ours() {
        let mut checkpoint = Checkpoint::default();
        assert_eq!(written(&checkpoint), None);
        checkpoint.regions.insert("us-east-1".to_owned(), Place::default());
        let text = written(&checkpoint).expect("there is more");
        assert_eq!(read(&text).expect("it is ours").regions.len(), 1);
        assert!(read("{\"regions\": 7}").is_err());
    }
}
