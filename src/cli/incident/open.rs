//! `stanch incident open`: a leak found elsewhere, such as in a bot's mail or an unusual bill.

use std::io::Write;

use clap::builder::PossibleValuesParser;
use jiff::{SignedDuration, Timestamp};

use super::arguments::{InputArgs, SOURCES, TLP, nothing_known, word};
use super::case::{self, Desk, DeskArgs, from_settings};
use super::moment::instant;
use super::people::said;
use crate::cli::{ExitCode, Failure, Global};
use crate::incident::{
    Classification, CredentialRef, Event, Exposure, Incident, IncidentId, Inputs, Interval,
    Opening, Tlp, Visibility,
};
use crate::secret::Fingerprint;

/// The pattern of a key that no scan found.
const BY_HAND: &str = "by-hand";

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// What happened, in a line without secrets
    title: String,
    /// Who issued the key
    #[arg(long, value_name = "NAME", default_value = "unknown")]
    provider: String,
    /// The public id of the key at its provider, never the secret
    #[arg(long, value_name = "ID")]
    key_id: Option<String>,
    /// The whole fingerprint of a finding, where a scan found the same key
    // Parsed by ourselves: clap would repeat what was typed, and that may be a secret.
    #[arg(long, value_name = "FINGERPRINT")]
    fingerprint: Option<String>,
    /// The repository, page or place of the leak
    #[arg(long = "where", value_name = "PLACE", default_value = "not known yet")]
    root: String,
    /// The earliest moment at which it can have been readable [default: the alert]
    #[arg(long, value_name = "TIME")]
    leaked_from: Option<String>,
    /// The latest such moment [default: the alert]
    #[arg(long, value_name = "TIME")]
    leaked_until: Option<String>,
    /// How the time of the leak is known
    #[arg(long, value_name = "SOURCE", default_value = "statement", value_parser = PossibleValuesParser::new(SOURCES))]
    leak_source: String,
    /// When the first alert came [default: now]
    #[arg(long, value_name = "TIME")]
    alerted_at: Option<String>,
    /// What gave the alert, such as 'mail of the provider'
    #[arg(long, value_name = "TEXT")]
    alert: Option<String>,
    /// A rehearsal: it never counts in a scorecard
    #[arg(long)]
    drill: bool,
    /// The name for people who must not know more
    #[arg(long, value_name = "NAME")]
    codename: Option<String>,
    /// Who may see the record, by the Traffic Light Protocol
    #[arg(long, value_name = "COLOUR", value_parser = word::<Tlp>(TLP))]
    tlp: Option<Tlp>,
    #[command(flatten)]
    inputs: InputArgs,
    #[command(flatten)]
    desk: DeskArgs,
}

pub(super) fn run(args: &Args, global: &Global, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let desk = args.desk.sit_down()?;
    let id = IncidentId::generate_at(desk.now);
    let opened = opened(args, &desk, &id)?;
    let inputs = inputs(args, &opened, &desk);
    let mut events = vec![opened];
    events.push(Classification::of(inputs).into());
    if args.codename.is_some() || args.tlp.is_some() {
        let codename = args.codename.as_deref().map(said).transpose()?;
        events.push(Event::Marked { codename, tlp: args.tlp });
    }
    if let Some(alert) = &args.alert {
        events.push(Event::Noted { text: format!("the alert: {}", said(alert)?) });
    }
    case::refuse_secrets(&events, global)?;
    let store = args.desk.store.open()?;
    let first = match store.open_incident(&id, &desk.actor, desk.now, &events[0])? {
        Opening::Opened(first) => *first,
        Opening::AlreadyOpen(open) => {
            return Err(Failure::new(format!("an incident of this key is open: {open}"))
                .hint(format!("go on there: `stanch incident show {}`", open.short())));
        }
    };
    let mut recorded = vec![first];
    recorded.extend(store.append_all(&id, 1, &desk.actor, desk.now, &events[1..])?);
    let settled = from_settings(&Incident::of(&id, &recorded)?, &desk);
    let next = recorded.len() as u64;
    recorded.extend(store.append_all(&id, next, &desk.actor, desk.now, &settled)?);
    let linked = case::link_repeats(&*store, &id, &recorded, &desk)?;
    recorded.extend(linked);
    writeln!(out, "opened    {id}")?;
    let new = recorded.len();
    case::tell(&id, &recorded, new, &desk, out)
}

fn opened(args: &Args, desk: &Desk, id: &IncidentId) -> Result<Event, Failure> {
    let at = |text: &Option<String>, otherwise: Timestamp| match text {
        Some(text) => instant(text, desk.now, &desk.zone),
        None => Ok(otherwise),
    };
    let alerted_at = at(&args.alerted_at, desk.now)?;
    let leaked_at = Interval {
        lower: at(&args.leaked_from, alerted_at)?,
        upper: at(&args.leaked_until, alerted_at)?,
        source: args.leak_source.clone(),
    };
    if alerted_at > desk.now || leaked_at.upper > desk.now {
        return Err(Failure::new("what happened can't lie in the future"));
    }
    if leaked_at.upper < leaked_at.lower {
        return Err(Failure::new("the leak would end before it begins")
            .hint("--leaked-from is the earliest moment, --leaked-until the latest"));
    }
    let provider = said(&args.provider)?;
    Ok(Event::Opened {
        title: said(&args.title)?,
        drill: args.drill,
        credential: CredentialRef {
            fingerprint: match &args.fingerprint {
                Some(typed) => typed.parse()?,
                None => named(args, &provider, id),
            },
            pattern: BY_HAND.to_owned(),
            provider,
            class: "unknown".to_owned(),
            redacted: "(not seen)".to_owned(),
            key_id: args.key_id.as_deref().map(said).transpose()?,
        },
        exposure: Exposure {
            root: said(&args.root)?,
            visibility: args.inputs.visibility.unwrap_or(Visibility::Unknown),
            places: Vec::new(),
            first_commit: None,
        },
        leaked_at,
        alerted_at,
    })
}

/// Names a key nobody scanned: by its id at its provider, so that the same key is known again; or else
/// by the incident alone.
fn named(args: &Args, provider: &str, id: &IncidentId) -> Fingerprint {
    match &args.key_id {
        Some(key) => {
            let parts = [("provider", provider.as_bytes()), ("key-id", key.trim().as_bytes())];
            Fingerprint::of(BY_HAND, parts)
        }
        None => Fingerprint::of(BY_HAND, [("incident", id.as_str().as_bytes())]),
    }
}

fn inputs(args: &Args, opened: &Event, desk: &Desk) -> Inputs {
    let mut inputs = nothing_known(Visibility::Unknown);
    if let Event::Opened { leaked_at, .. } = opened {
        let exposed = desk.now.duration_since(leaked_at.lower);
        // Where nobody said since when, nobody knows.
        let said = args.leaked_from.is_some() || exposed > SignedDuration::from_hours(24);
        inputs.over_a_day = said.then_some(exposed > SignedDuration::from_hours(24));
    }
    args.inputs.onto(inputs)
}
