//! How bad an incident is, and how the rule came to that.

use std::io::{self, Write};

use crate::finding::plain;
use crate::incident::{Incident, Inputs, RULE_SET, Visibility, rule_table};

use super::incident_text::visibility;

/// Writes the level, what the rule was given, and the whole table of rules.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, incident: &Incident) -> io::Result<()> {
    match &incident.severity {
        None => writeln!(out, "{} is not classified yet.", plain(incident.id.as_str()))?,
        Some(severity) => {
            let (rule, reason, by) =
                (plain(&severity.rule), plain(&severity.reason), plain(&severity.by));
            writeln!(out, "{} by {rule}, recorded {:.0} by {by}", severity.level, severity.at)?;
            writeln!(out, "{reason}\n\nWhat the rule was given:")?;
            for (name, value) in inputs(&severity.inputs) {
                writeln!(out, "  {name:13} {value}")?;
            }
        }
    }
    writeln!(out, "\nThe rules of {RULE_SET}; the first that holds decides:")?;
    for (id, level, raisable, reason) in rule_table() {
        let mark = if raisable { "+" } else { " " };
        writeln!(out, "  {level}{mark} {id:21} {reason}")?;
    }
    writeln!(out, "  + one level worse where it serves production or was exposed for over a day")?;
    writeln!(
        out,
        "  Not known counts as the worse; evidence that settles it, or a person with a name and a reason, lowers it."
    )
}

fn inputs(inputs: &Inputs) -> [(&'static str, &'static str); 9] {
    let known = |value: Option<bool>| match value {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not known",
    };
    let readers = match inputs.visibility {
        Visibility::Unknown => "not known",
        other => visibility(other),
    };
    [
        ("live", known(inputs.live)),
        ("administers", known(inputs.administers)),
        ("powerful", known(inputs.powerful)),
        ("misused", known(inputs.misused)),
        ("visibility", readers),
        ("production", known(inputs.production)),
        ("over a day", known(inputs.over_a_day)),
        ("history only", known(Some(inputs.history_only))),
        ("harmless", known(Some(inputs.harmless))),
    ]
}
