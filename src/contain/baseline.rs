//! From where a key was used before it leaked, as the provider's log tells: what a restriction by address
//! may let through.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::provider::{self, Page, Provider, Search, SearchBy};

/// How much of the time before the leak is read.
const WINDOW: SignedDuration = SignedDuration::from_hours(14 * 24);
/// More addresses than this are no list that anybody looks through, nor one a policy holds.
const MOST: usize = 50;
/// How many first bits of such an address belong to one place: the rest changes by itself.
const V6_PREFIX: u32 = 64;

/// From where a key was used before it leaked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// From when on the log was read.
    pub since: Timestamp,
    /// Until when: the leak.
    pub until: Timestamp,
    /// The networks, and how often the key was used from each.
    pub networks: BTreeMap<String, u64>,
}

/// Why there is no such list.
#[derive(Debug, thiserror::Error)]
pub enum NoBaseline {
    /// The log can't be read whole: whoever isn't on the list would be locked out.
    #[error("the log of the time before the leak could not be read whole: {0}")]
    NotWhole(String),
    /// Nothing in it says who uses the key rightly.
    #[error("the log shows no use of the key from {since:.0} to {until:.0}")]
    Empty {
        /// From when on it was read.
        since: Timestamp,
        /// Until when.
        until: Timestamp,
    },
    /// Addresses that a restriction by address doesn't see.
    #[error(
        "the key is used from within a private network ({0}), which a restriction by address would lock out"
    )]
    Private(String),
    /// Too many.
    #[error("the key was used from {0} networks, more than a list can hold")]
    TooMany(usize),
}

impl Baseline {
    /// Reads the log.
    ///
    /// # Errors
    /// Why nothing can be concluded from it.
    pub async fn read(
        provider: &dyn Provider,
        key_id: &str,
        leaked_at: Timestamp,
        now: Timestamp,
    ) -> Result<Self, NoBaseline> {
        let not_whole = |error: provider::Error| NoBaseline::NotWhole(error.to_string());
        let unsupported = || not_whole(provider.unsupported("tell what a key has done"));
        let log = provider.logs().into_iter().next().ok_or_else(unsupported)?;
        // What is too new to be in the log is left out of it.
        let behind = SignedDuration::from_mins(log.minutes_behind.into());
        let until = leaked_at.min(now.checked_sub(behind).unwrap_or(Timestamp::MIN));
        let since = until.checked_sub(WINDOW).unwrap_or(Timestamp::MIN);
        let by = SearchBy::Key(key_id.to_owned());
        let search = Search { log: log.id, by, since, until };
        let mut baseline = Self { since, until, networks: BTreeMap::new() };
        let mut from = None;
        loop {
            let page = provider.activity(&search, from.as_deref()).await.map_err(not_whole)?;
            baseline.take(&page)?;
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        match baseline.networks.len() {
            0 => Err(NoBaseline::Empty { since, until }),
            many if many > MOST => Err(NoBaseline::TooMany(many)),
            _ => Ok(baseline),
        }
    }

    /// Adds what was done. What failed shows nobody who may; what is no address is the provider itself.
    fn take(&mut self, page: &Page) -> Result<(), NoBaseline> {
        if !page.gaps.is_empty() {
            return Err(NoBaseline::NotWhole(page.gaps.join("; ")));
        }
        let done = page.uses.iter().filter(|used| !used.is_ours && used.error.is_none());
        for address in done.filter_map(|used| used.from.as_deref()) {
            let Ok(ip) = address.parse::<IpAddr>() else { continue };
            if is_private(ip) {
                return Err(NoBaseline::Private(address.to_owned()));
            }
            *self.networks.entry(network(ip)).or_default() += 1;
        }
        Ok(())
    }

    /// Returns a list of networks in words: how often the key was used from each, or that it is named by
    /// a person.
    pub(super) fn words(&self, networks: &[String]) -> String {
        let listed = networks.iter().map(|network| match self.networks.get(network) {
            Some(1) => format!("{network} (1 use)"),
            Some(count) => format!("{network} ({count} uses)"),
            None => format!("{network} (as asked)"),
        });
        let listed = listed.collect::<Vec<_>>().join(", ");
        format!("{listed}, as the log shows from {:.0} to {:.0}", self.since, self.until)
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local() || ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_loopback(),
    }
}

fn network(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => format!("{ip}/32"),
        IpAddr::V6(ip) => {
            let first = ip.to_bits() >> (128 - V6_PREFIX) << (128 - V6_PREFIX);
            format!("{}/{V6_PREFIX}", Ipv6Addr::from_bits(first))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_network_of_its_own() {
        let of = |ip: &str| network(ip.parse().unwrap());
        assert_eq!(of("198.51.100.4"), "198.51.100.4/32");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        for private in ["10.1.2.3", "172.16.0.1", "192.168.1.1", "127.0.0.1", "fd00::1", "fe80::1"]
        {
            assert!(is_private(private.parse().unwrap()), "{private}");
        }
        assert!(!is_private("198.51.100.4".parse().unwrap()));
    }
}
