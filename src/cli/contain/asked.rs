//! What is asked for, from the flags, the policy and what was read at the provider.

use std::net::IpAddr;
use std::time::Duration;

use clap::ValueEnum;

use super::baseline;
use crate::cli::locate::Located;
use crate::cli::{Failure, environment};
use crate::contain::{
    Deletion, DeliveryCalls, Grounds, Leak, Mode, ModeAsked, Plan, Policy, Request,
};
use crate::incident::{Incident, Store, Visibility};
use crate::provider::{Evidence, KeyState, Measure, Observation, Operation, Provider};

/// How long the evidence for a plan is waited for.
const EVIDENCE_TIMEOUT: Duration = Duration::from_secs(60);

/// What a person asks for beyond stopping the key.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What is asked for")]
pub(crate) struct AskedArgs {
    /// Who can read the place of the leak [default: unknown, which counts as public]
    #[arg(long, value_enum)]
    visibility: Option<Readers>,
    /// Choose what comes first, against the rule if need be; needs --reason
    #[arg(long, value_enum, value_name = "MODE", requires = "reason")]
    mode: Option<Order>,
    /// Who uses the key, by name; may be given several times
    #[arg(long, value_name = "NAME")]
    consumer: Vec<String>,
    /// Restrict the key's owner, other keys included, until it is undone
    #[arg(long, value_enum, value_name = "MEASURE")]
    narrow: Option<Narrow>,
    /// Restrict the key's owner to these networks, such as 203.0.113.0/24; or `baseline`: to those the key
    /// was used from in the two weeks before it leaked, as the provider's log shows
    #[arg(long, value_name = "CIDR", value_delimiter = ',', conflicts_with = "narrow", value_parser = network)]
    only_from: Vec<String>,
    /// End the sessions that were begun as the key's owner, whatever the rule says
    #[arg(long)]
    end_sessions: bool,
    /// Leave the sessions of the key's owner alone
    #[arg(long, conflicts_with = "end_sessions")]
    keep_sessions: bool,
    /// End the sessions of this identity (the full name of a role), too; may be given several times
    #[arg(long, value_name = "NAME")]
    end_sessions_of: Vec<String>,
    /// Delete an inactive key of the same owner where it takes up the replacement's place
    #[arg(long)]
    replace_inactive: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Readers {
    /// Anyone
    Public,
    /// Everyone in the organisation
    Internal,
    /// A named few
    Private,
    /// Not known
    Unknown,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Order {
    /// The key is stopped before anything else
    DisableFirst,
    /// Consumers get a replacement first, and a deadline
    RotateFirst,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Narrow {
    /// Everything is denied
    DenyAll,
    /// Everything is denied, by a ceiling above all rights
    Boundary,
    /// What the provider itself denies keys it found leaked
    Quarantine,
}

/// Reads a network: an address, a slash and the length of its prefix.
fn network(text: &str) -> Result<String, String> {
    if text == baseline::WORD {
        return Ok(text.to_owned());
    }
    let wrong = || format!("a network is like 203.0.113.0/24, not `{text}`");
    let (address, prefix) = text.split_once('/').ok_or_else(wrong)?;
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let prefix: u8 = prefix.parse().map_err(|_| wrong())?;
    (prefix <= longest).then(|| text.to_owned()).ok_or_else(wrong)
}

/// What the plan is made from besides the flags.
pub(super) struct Known<'a> {
    pub(super) located: &'a Located,
    pub(super) observation: &'a Observation,
    pub(super) policy: &'a Policy,
    pub(super) delivery: Option<String>,
    pub(super) delivery_calls: DeliveryCalls,
    pub(super) reason: Option<&'a str>,
}

impl AskedArgs {
    /// Returns the request for a plan that was not shown yet.
    pub(super) fn anew(&self, known: &Known<'_>, evidence: Option<&Evidence>) -> Request {
        let now = environment::now();
        let visibility = self.visibility();
        let leak = Leak {
            finding: &known.located.finding,
            root: String::new(),
            observation: known.observation,
            evidence,
            visibility,
            drill: false,
            actor: String::new(),
            now,
        };
        let level = leak.severity().level;
        let grounds = Grounds::of(known.observation, evidence, visibility, level, now);
        let base = Request {
            proof: known.policy.proof,
            networks: known.policy.networks.clone(),
            grounds,
            ..Request::default()
        };
        self.upon(base, known)
    }

    /// Returns the request of a plan that was shown, with what is asked for now in addition: the plan is
    /// decided on the same grounds, and what differs is noticed by its hash.
    pub(super) fn as_shown(&self, shown: &Plan, known: &Known<'_>) -> Request {
        let mut base = shown.request.clone();
        if self.visibility.is_some() {
            base.grounds.visibility = self.visibility();
        }
        self.upon(base, known)
    }

    fn upon(&self, mut request: Request, known: &Known<'_>) -> Request {
        request.delivery.clone_from(&known.delivery);
        request.delivery_calls.clone_from(&known.delivery_calls);
        request.replace_inactive |= self.replace_inactive;
        if !self.consumer.is_empty() {
            request.consumers.clone_from(&self.consumer);
        }
        if !self.end_sessions_of.is_empty() {
            request.roles.clone_from(&self.end_sessions_of);
        }
        if let (Some(mode), Some(reason)) = (self.mode, known.reason) {
            let mode = match mode {
                Order::DisableFirst => Mode::DisableFirst,
                Order::RotateFirst => Mode::RotateFirst,
            };
            request.mode = Some(ModeAsked { mode, reason: reason.to_owned() });
        }
        if let Some(measure) = self.measure() {
            request.narrow = Some(measure);
            request.baseline = None;
        }
        if self.end_sessions || self.keep_sessions {
            request.end_sessions = Some(self.end_sessions);
        }
        request
    }

    fn measure(&self) -> Option<Measure> {
        match self.narrow {
            Some(Narrow::DenyAll) => Some(Measure::DenyAll),
            Some(Narrow::Boundary) => Some(Measure::Boundary),
            Some(Narrow::Quarantine) => Some(Measure::Quarantine),
            None if self.only_from.is_empty() || self.wants_baseline() => None,
            None => Some(Measure::OnlyFrom { networks: self.only_from.clone() }),
        }
    }

    /// Tells whether networks are to be taken from the provider's log.
    pub(super) fn wants_baseline(&self) -> bool {
        self.only_from.iter().any(|network| network == baseline::WORD)
    }

    /// Returns the networks that are named beside those.
    pub(super) fn further_networks(&self) -> impl Iterator<Item = String> {
        self.only_from.iter().filter(|network| *network != baseline::WORD).cloned()
    }

    /// Returns who can read the place of the leak.
    pub(super) fn visibility(&self) -> Visibility {
        match self.visibility {
            Some(Readers::Public) => Visibility::Public,
            Some(Readers::Internal) => Visibility::Internal,
            Some(Readers::Private) => Visibility::Private,
            Some(Readers::Unknown) | None => Visibility::Unknown,
        }
    }
}

/// Reads what a key may do, where that can be told; without it a plan is decided as for the worst.
pub(super) async fn evidence(
    provider: &dyn Provider,
    observation: &Observation,
) -> Option<Evidence> {
    let is_there = observation.key.state != KeyState::Absent;
    if !is_there || provider.calls(Operation::Evidence).is_empty() {
        return None;
    }
    let unread = format!("what key {} may do could not be read", observation.key.id);
    let reading = provider.evidence(observation);
    match tokio::time::timeout(EVIDENCE_TIMEOUT, reading).await {
        Ok(Ok(evidence)) => Some(evidence),
        Ok(Err(error)) => {
            Failure::from(error).warn(&unread);
            None
        }
        Err(_) => {
            Failure::new("no answer in time").warn(&unread);
            None
        }
    }
}

/// Returns the wish to delete a stopped key, with what the record says of it.
pub(super) fn deletion(
    store: &dyn Store,
    located: &Located,
    policy: &Policy,
) -> Result<Deletion, Failure> {
    let stopped_at = match store.incident_for(&located.finding.fingerprint)? {
        Some(id) => Incident::of(&id, &store.events(&id)?)?.times.contained_at,
        None => None,
    };
    Ok(Deletion { stopped_at, cool_off_days: policy.cool_off_days, now: environment::now() })
}
