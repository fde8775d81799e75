//! The part of `stanch.toml` that is about incidents: who has which role, how long things may take,
//! which figures are aimed at.
//!
//! Whoever can write to a repository can write its `stanch.toml`. So nothing here changes what is done
//! at a provider, and what is taken from it into an incident is an event that says where it is from.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{ClockRules, Level, Limit, Role};

/// What `stanch.toml` says of incidents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Settings {
    /// Who has which role.
    pub roles: BTreeMap<Role, Holder>,
    /// How long things may take, and when people are at work.
    pub clocks: Option<ClockRules>,
    /// What the means of the figures are to stay below.
    pub targets: Targets,
}

/// Who has a role.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// The person.
    pub person: String,
    /// Who stands in.
    pub deputy: Option<String>,
}

/// What is aimed at, by figure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Targets {
    /// Mean time to detect.
    pub mttd: Option<Limit>,
    /// Mean time to contain.
    pub mttc: Option<Limit>,
    /// Mean time to recover.
    pub mttr: Option<Limit>,
    /// Mean time to acknowledge.
    pub mtta: Option<Limit>,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    incident: Settings,
}

impl Settings {
    /// Reads the text of a `stanch.toml`.
    ///
    /// # Errors
    /// What is wrong with the part about incidents, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut settings = toml::from_str::<File>(text)
            .map(|file| file.incident)
            .map_err(|error| error.message().to_owned())?;
        if let Some(rules) = &mut settings.clocks {
            for (level, limits) in ClockRules::default().levels {
                rules.levels.entry(level).or_insert(limits);
            }
            if let Some(fault) = rules.fault() {
                return Err(fault);
            }
        }
        match settings.fault() {
            Some(fault) => Err(fault),
            None => Ok(settings),
        }
    }

    fn fault(&self) -> Option<String> {
        let empty = |holder: &Holder| holder.person.trim().is_empty();
        if let Some((role, _)) = self.roles.iter().find(|(_, holder)| empty(holder)) {
            return Some(format!("nobody is named as {}", role.words()));
        }
        let targets =
            [&self.targets.mttd, &self.targets.mttc, &self.targets.mttr, &self.targets.mtta];
        let is_fixed = |limit: &Limit| matches!(limit, Limit::Minutes(_));
        let wrong = targets.into_iter().flatten().find(|limit| !is_fixed(limit))?;
        Some(format!("a target is a plain time such as `4 h`, not `{wrong}`"))
    }

    /// Returns the person for a role as the settings name it.
    pub fn holder(&self, role: Role) -> Option<&Holder> {
        self.roles.get(&role)
    }
}

impl Targets {
    /// Returns the target of a figure, in seconds.
    pub fn seconds(&self, figure: &str) -> Option<i64> {
        let limit = match figure {
            "MTTD" => self.mttd,
            "MTTC" => self.mttc,
            "MTTR" => self.mttr,
            "MTTA" => self.mtta,
            _ => None,
        };
        match limit {
            Some(Limit::Minutes(minutes)) => Some(i64::from(minutes) * 60),
            _ => None,
        }
    }
}

/// Tells whether one person may not have both roles at that level: whoever leads a bad incident can't
/// speak to everyone else at the same time.
pub fn is_one_too_many(level: Option<Level>, one: Role, other: Role) -> bool {
    let pair = [one, other];
    let speaks_and_leads = pair.contains(&Role::Commander) && pair.contains(&Role::Communications);
    speaks_and_leads && level.is_none_or(|level| level <= Level::Sev2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_as_built_in() {
        let text = r#"
            [[allow]]
            reason = "of another part"
            [incident.roles.commander]
            person = "Ada"
            deputy = "Bo"
            [incident.clocks.business]
            time-zone = "Europe/Berlin"
            from = "09:00"
            to = "17:00"
            [incident.clocks.levels.SEV3]
            response = "4 h of business hours"
            resolution = "next business day"
            [incident.targets]
            mttc = "30 min"
        "#;
        let settings = Settings::parse(text).unwrap();
        assert_eq!(settings.holder(Role::Commander).unwrap().deputy.as_deref(), Some("Bo"));
        let rules = settings.clocks.unwrap();
        assert_eq!(rules.levels[&Level::Sev3].response, Limit::BusinessMinutes(240));
        assert_eq!(rules.levels[&Level::Sev1], ClockRules::default().levels[&Level::Sev1]);
        assert_eq!(settings.targets.seconds("MTTC"), Some(1_800));
        assert_eq!(Settings::parse("").unwrap(), Settings::default());
    }

    #[test]
    fn what_can_not_be_is_said() {
        for (text, expected) in [
            ("[incident]\nrole = 1", "role"),
            ("[incident.roles.king]\nperson = 'Ada'", "king"),
            ("[incident.roles.scribe]\nperson = ' '", "nobody is named as scribe"),
            ("[incident.clocks.business]\ntime-zone = 'Mars'", "time zone Mars"),
            ("[incident.targets]\nmttr = 'next business day'", "plain time"),
            ("[incident.clocks.levels.SEV1]\nresponse = 'soon'", "a limit is like"),
        ] {
            let fault = Settings::parse(text).unwrap_err();
            assert!(fault.contains(expected), "{text}: {fault}");
        }
    }
}
