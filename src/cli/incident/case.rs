//! One incident at hand: find it, decide on events, append them, say what is next.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::cli::environment::{self, SystemClock};
use crate::cli::store::StoreArgs;
use crate::cli::{ExitCode, Failure, Global, accepted};
use crate::finding::plain;
use crate::incident::{
    Clock, Error, Event, Incident, IncidentId, Recorded, Repeat, Settings, Store, Summary,
    is_one_too_many, repeats,
};
use crate::report::incident_next;
use crate::scan::Scanner;
use crate::secret::Part;

/// How often to decide anew where somebody else was first.
const TRIES: u32 = 8;

/// More earlier incidents than this aren't linked at once: the latest say enough.
const MOST_REPEATS: usize = 3;

/// What every command that changes an incident takes.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct CaseArgs {
    /// The incident's id, or its beginning or end [default: the one that is open]
    #[arg(long, short, value_name = "ID")]
    incident: Option<String>,
    #[command(flatten)]
    pub(super) desk: DeskArgs,
}

/// Who works, where the record is, and what is configured.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct DeskArgs {
    /// Who does this, for the record [default: the name of the user account]
    #[arg(long = "as", value_name = "NAME")]
    actor: Option<String>,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
    #[command(flatten)]
    pub(super) store: StoreArgs,
}

/// Where roles, clocks and targets are configured.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct SettingsArgs {
    /// Read roles, clocks and targets from this file [default: stanch.toml of the folder or repository]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What is configured, and where.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Configured {
    pub(in crate::cli) settings: Settings,
    pub(super) source: Option<String>,
}

/// Who works, when, and with which settings.
pub(super) struct Desk {
    pub(super) actor: String,
    /// Whether the name was given, not taken from the account.
    pub(super) is_named: bool,
    pub(super) now: Timestamp,
    pub(super) configured: Configured,
    /// The time zone in which times without one are meant.
    pub(super) zone: TimeZone,
}

impl SettingsArgs {
    pub(in crate::cli) fn read(&self) -> Result<Configured, Failure> {
        let found = match &self.config {
            Some(file) => Some(file.clone()),
            None => accepted::settings_file(),
        };
        let Some(file) = found else { return Ok(Configured::default()) };
        let name = file.display().to_string();
        let text = fs::read_to_string(&file)
            .map_err(|error| Failure::new(format!("cannot read {name}: {error}")))?;
        let settings = Settings::parse(&text).map_err(|why| {
            Failure::new(format!("{name}: {why}"))
                .hint("[incident.roles.commander] has person and deputy; [incident.clocks] has business and levels")
        })?;
        Ok(Configured { settings, source: Some(short_name(&file)) })
    }
}

/// Returns the name of a file without the folders that say nothing to others.
fn short_name(file: &Path) -> String {
    file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

impl DeskArgs {
    pub(super) fn sit_down(&self) -> Result<Desk, Failure> {
        let configured = self.settings.read()?;
        let zone = configured.settings.clocks.as_ref().map(|rules| &rules.business.time_zone);
        let zone = zone.and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
        let named = self.actor.clone().filter(|name| !name.trim().is_empty());
        Ok(Desk {
            is_named: named.is_some(),
            actor: named.unwrap_or_else(environment::user),
            now: SystemClock.now(),
            configured,
            zone,
        })
    }
}

/// Decides on events, appends them and says what is next. Where somebody else wrote in between, it is
/// decided anew on what the record is then.
pub(super) fn change(
    args: &CaseArgs,
    global: &Global,
    out: &mut dyn Write,
    decide: impl Fn(&Incident, &Desk) -> Result<Vec<Event>, Failure>,
) -> Result<ExitCode, Failure> {
    let desk = args.desk.sit_down()?;
    let store = args.desk.store.open()?;
    let id = which(&*store, args.incident.as_deref())?;
    let mut tries = 0;
    loop {
        let before = store.events(&id)?;
        let incident = Incident::of(&id, &before)?;
        let events = decide(&incident, &desk)?;
        refuse_secrets(&events, global)?;
        let next = before.len() as u64;
        match store.append_all(&id, next, &desk.actor, desk.now, &events) {
            Err(Error::Conflict { .. }) if tries < TRIES => tries += 1,
            Err(error) => return Err(error.into()),
            Ok(mut new) => {
                let mut all = [before, new.clone()].concat();
                if events.iter().any(tells_of_repeats) {
                    let linked = link_repeats(&*store, &id, &all, &desk)?;
                    all.extend(linked.iter().cloned());
                    new.extend(linked);
                }
                return tell(&id, &all, new.len(), &desk, out);
            }
        }
    }
}

/// Tells whether after such an event it may be known that an incident happened before.
fn tells_of_repeats(event: &Event) -> bool {
    matches!(
        event,
        Event::Acknowledged { .. } | Event::RootCauseFound { .. } | Event::Affected { .. }
    )
}

/// Records which earlier incidents this one repeats, as far as that isn't recorded yet.
pub(super) fn link_repeats(
    store: &dyn Store,
    id: &IncidentId,
    recorded: &[Recorded],
    desk: &Desk,
) -> Result<Vec<Recorded>, Failure> {
    let incident = Incident::of(id, recorded)?;
    let is_new = |repeat: &Repeat| incident.repeats.iter().all(|known| known.prior != repeat.prior);
    let mut found = repeats(&Summary::of(&incident), &store.summaries()?.all);
    found.retain(is_new);
    found.truncate(MOST_REPEATS);
    let events = found.into_iter();
    let events: Vec<Event> =
        events.map(|Repeat { prior, reason }| Event::RepeatLinked { prior, reason }).collect();
    let next = recorded.len() as u64;
    Ok(store.append_all(id, next, &desk.actor, desk.now, &events)?)
}

/// Says what was recorded, where the incident stands and what is next.
pub(super) fn tell(
    id: &IncidentId,
    events: &[Recorded],
    new: usize,
    desk: &Desk,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let incident = Incident::of(id, events)?;
    let new = &events[events.len().saturating_sub(new)..];
    incident_next::write(out, &incident, new, desk.now)?;
    Ok(ExitCode::Clean)
}

/// Returns the incident that was meant: the one named, else the one that is open, else the newest.
pub(super) fn which(store: &dyn Store, typed: Option<&str>) -> Result<IncidentId, Failure> {
    if let Some(typed) = typed {
        return Ok(store.find(typed)?);
    }
    let all = store.summaries()?.all;
    let open: Vec<&Summary> = all.iter().filter(|summary| !summary.state.is_over()).collect();
    match (&open[..], all.last()) {
        ([one], _) => Ok(one.id.clone()),
        ([], Some(newest)) => Ok(newest.id.clone()),
        ([], None) => Err(no_incident(store)),
        _ => {
            let names =
                open.iter().map(|summary| format!("{} ({})", summary.id.short(), summary.title));
            let names = plain(&names.collect::<Vec<_>>().join(", "));
            Err(Failure::new(format!("several incidents are open: {names}"))
                .hint("name one with --incident and its short id"))
        }
    }
}

pub(super) fn no_incident(store: &dyn Store) -> Failure {
    Failure::new(format!("there are no incidents in {}", store.place())).hint(
        "`stanch incident open` or `stanch contain FINDING --apply` opens one; --store names another store",
    )
}

/// Refuses events that hold a credential: the record is read by many and kept for ever.
pub(super) fn refuse_secrets(events: &[Event], global: &Global) -> Result<(), Failure> {
    let mut texts = Vec::new();
    for event in events {
        let value = serde_json::to_value(event).map_err(std::io::Error::from)?;
        collect(&value, &mut texts);
    }
    let found = Scanner::new(global.pattern_set()?).scan_bytes(texts.join("\n").as_bytes());
    let mut parts = found.iter().flat_map(|found| found.credential.parts.values());
    // The id of a key alone is no secret.
    if parts.any(|part| matches!(part, Part::Secret(_))) {
        return Err(Failure::new("what was to be recorded holds a credential")
            .hint("nothing was kept of it; say it without the secret, and remember that the shell keeps a history"));
    }
    Ok(())
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Returns the events that take roles and clocks from the settings, as far as the incident has none.
pub(super) fn from_settings(incident: &Incident, desk: &Desk) -> Vec<Event> {
    let Configured { settings, source } = &desk.configured;
    let mut events = Vec::new();
    let mut roles = incident.roles.clone();
    let level = incident.severity.as_ref().map(|severity| severity.level);
    for (role, holder) in &settings.roles {
        let clashes = |other: &crate::incident::Role| {
            roles.get(other) == Some(&holder.person) && is_one_too_many(level, *role, *other)
        };
        if roles.contains_key(role) || crate::incident::Role::ALL.iter().any(clashes) {
            continue;
        }
        roles.insert(*role, holder.person.clone());
        events.push(Event::Assigned { role: *role, person: holder.person.clone() });
        let deputy = holder.deputy.clone().filter(|_| !incident.deputies.contains_key(role));
        events.extend(deputy.map(|person| Event::DeputyNamed { role: *role, person }));
    }
    if let (Some(rules), Some(source)) = (&settings.clocks, source)
        && *rules != incident.clock_rules
        && incident.clock_rules_from.is_none()
    {
        events.push(Event::ClocksRuled { rules: rules.clone(), source: source.clone() });
    }
    events
}

/// Returns the incident that was meant, for looking at.
pub(super) fn look(args: &CaseArgs) -> Result<Incident, Failure> {
    let store = args.desk.store.open()?;
    let id = which(&*store, args.incident.as_deref())?;
    Ok(Incident::of(&id, &store.events(&id)?)?)
}
