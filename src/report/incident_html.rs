//! An incident as one page: nothing is loaded from anywhere, the timeline is drawn, and it prints.

use std::io::{self, Write};

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::incident_text::{span, visibility};
use crate::finding::plain;
use crate::incident::{DEFINITIONS, Deadline, Head, Incident, Phase, Role, Standing, StepState};

const STYLE: &str = include_str!("incident_html/style.css");

/// Writes the page.
///
/// # Errors
/// Those of `out`.
pub fn write(
    out: &mut dyn Write,
    incident: &Incident,
    head: &Head,
    now: Timestamp,
) -> io::Result<()> {
    let title = plain(incident.codename.as_deref().unwrap_or(&incident.title));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                // Whatever stands in a text: no script, no request.
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (header(incident, &title))
                (phases(incident))
                (drawn(incident))
                div.columns { (facts(incident, now)) (people(incident)) }
                (actions(incident))
                (systems(incident))
                (followups(incident))
                (figures(incident))
                (timeline(incident))
                footer.dim { "Chain head " code { (head.to_string()) } }
            }
        }
    };
    out.write_all(page.into_string().as_bytes())
}

fn header(incident: &Incident, title: &str) -> Markup {
    let level = incident.severity.as_ref().map_or("SEV?".to_owned(), |s| s.level.to_string());
    html! {
        header {
            p.dim {
                (plain(incident.id.as_str()))
                @if let Some(tlp) = incident.tlp { " · " strong { (tlp.words()) } }
                @if incident.drill { " · " strong { "DRILL: it counts in no scorecard" } }
            }
            h1 { span class=(format!("level {}", level.to_lowercase())) { (level) } " " (title) }
            p { strong { (incident.state.word()) } ", in " (incident.phase.words()) }
        }
    }
}

fn phases(incident: &Incident) -> Markup {
    let done = incident.done();
    html! {
        ol.phases {
            @for phase in &Phase::ALL[1..] {
                @let class = match (done.contains(phase), *phase == incident.phase) {
                    (true, _) => "done",
                    (false, true) => "now",
                    (false, false) => "later",
                };
                li class=(class) { (phase.words()) }
            }
        }
    }
}

/// The moments of an incident, in order, as far as they are known.
fn moments(incident: &Incident) -> Vec<(&'static str, Timestamp)> {
    let times = &incident.times;
    let all = [
        ("leaked", Some(times.leaked_at.lower)),
        ("alert", Some(times.alerted_at)),
        ("taken", times.acknowledged_at),
        ("confirmed", times.detected_at),
        ("contained", times.contained_at),
        ("eradicated", times.eradicated_at),
        ("recovered", times.recovered_at),
        ("closed", times.closed_at),
        ("called off", times.cancelled_at),
    ];
    let mut known: Vec<_> = all.into_iter().filter_map(|(name, at)| Some((name, at?))).collect();
    known.sort_by_key(|(_, at)| *at);
    known
}

/// The timeline as a drawing. Its marks stand at equal distances with the time between them written:
/// minutes and months don't fit one scale.
fn drawn(incident: &Incident) -> Markup {
    let moments = moments(incident);
    let (width, left) = (1040.0, 60.0);
    let step = (width - 2.0 * left) / (moments.len().saturating_sub(1).max(1)) as f64;
    let x = |at: usize| left + step * at as f64;
    html! {
        svg viewBox=(format!("0 0 {width} 96")) role="img" aria-label="The moments of the incident" {
            line.axis x1=(left) x2=(width - left) y1="46" y2="46" {}
            @for (at, (name, time)) in moments.iter().enumerate() {
                circle class=(name.split(' ').next().unwrap_or_default()) cx=(x(at)) cy="46" r="7" {}
                text.name x=(x(at)) y="28" text-anchor="middle" { (name) }
                text.time x=(x(at)) y="72" text-anchor="middle" { (time.strftime("%Y-%m-%d")) }
                text.time x=(x(at)) y="86" text-anchor="middle" { (time.strftime("%H:%M:%SZ")) }
                @if at > 0 {
                    @let passed = time.duration_since(moments[at - 1].1).as_secs();
                    text.between x=(x(at) - step / 2.0) y="42" text-anchor="middle" { (span(passed)) }
                }
            }
        }
    }
}

fn facts(incident: &Incident, now: Timestamp) -> Markup {
    let credential = &incident.credential;
    html! {
        section {
            h2 { "What is known" }
            dl {
                @if let Some(sla) = &incident.sla {
                    dt { "Response" } dd { (deadline(&sla.response, now)) }
                    dt { "Resolution" } dd { (deadline(&sla.resolution, now)) }
                }
                @if let Some(severity) = &incident.severity {
                    dt { "Severity" } dd { (severity.level.to_string()) ": " (plain(&severity.reason)) }
                }
                @if let Some(judgement) = &incident.verdict {
                    dt { "Verdict" } dd { (judgement.verdict.words()) ": " (plain(&judgement.reason)) }
                }
                dt { "Credential" }
                dd { (plain(&credential.pattern)) " of " (plain(&credential.provider)) ", " (plain(&credential.redacted)) }
                dt { "Exposure" }
                dd { (plain(&incident.exposure.root)) " (" (visibility(incident.exposure.visibility)) ")" }
                @if let Some(cause) = &incident.cause {
                    dt { "Root cause" } dd { (cause.category.words()) ": " (plain(&cause.description)) }
                }
                @for repeat in &incident.repeats {
                    dt { "Before" } dd { (plain(repeat.prior.short())) ": " (plain(&repeat.reason)) }
                }
            }
        }
    }
}

fn deadline(deadline: &Deadline, now: Timestamp) -> Markup {
    let (class, words) = match deadline.standing(now) {
        Standing::Met(after) => ("good", format!("in time, after {}", span(after))),
        Standing::Missed(by) => ("bad", format!("missed by {}", span(by))),
        Standing::Running(left) | Standing::Due(left) => ("", format!("{} left", span(left))),
        Standing::Overdue(by) => ("bad", format!("overdue by {}", span(by))),
        Standing::Paused(left) => ("", format!("paused with {} left", span(left))),
    };
    html! { span class=(class) { (words) } " (due " (format!("{:.0}", deadline.due_at)) ")" }
}

fn people(incident: &Incident) -> Markup {
    html! {
        section {
            h2 { "Who answers for what" }
            dl {
                @for role in Role::ALL {
                    dt { (role.words()) }
                    dd {
                        @match incident.roles.get(&role) {
                            Some(person) => { (plain(person)) }
                            None => { span.dim { "nobody" } }
                        }
                        @if let Some(deputy) = incident.deputies.get(&role) { " (deputy " (plain(deputy)) ")" }
                    }
                }
            }
        }
    }
}

fn actions(incident: &Incident) -> Markup {
    html! {
        @if !incident.steps.is_empty() {
            h2 { "Actions" }
            table {
                tr { th { "step" } th { "state" } th { "call" } th { "seen" } }
                @for step in &incident.steps {
                    @let class = match step.state {
                        StepState::Succeeded => "good",
                        StepState::Planned | StepState::Skipped => "dim",
                        _ => "bad",
                    };
                    tr {
                        td { (plain(&step.id)) } td class=(class) { (step.state.word()) }
                        td { (plain(&step.call)) " " (plain(&step.target)) } td { (plain(&step.detail)) }
                    }
                }
            }
        }
    }
}

fn systems(incident: &Incident) -> Markup {
    html! {
        @if !incident.affected.is_empty() {
            h2 { "Systems that trust the key" }
            table {
                tr { th { "system" } th { "owner" } th { "how" } th { "works without it since" } }
                @for system in &incident.affected {
                    tr {
                        td { (plain(&system.name)) }
                        td { (system.owner.as_deref().map(plain).unwrap_or_default()) }
                        td { (system.trusts.as_deref().map(plain).unwrap_or_default()) }
                        td { (system.validated_at.map(|at| format!("{at:.0}")).unwrap_or_default()) }
                    }
                }
            }
        }
    }
}

fn followups(incident: &Incident) -> Markup {
    html! {
        @if !incident.followups.is_empty() {
            h2 { "Follow-ups" }
            table {
                tr { th { "what" } th { "who" } th { "due" } th { "done" } }
                @for followup in &incident.followups {
                    tr {
                        td { (plain(&followup.title)) } td { (plain(&followup.owner)) }
                        td { (format!("{:.0}", followup.due)) }
                        td { (followup.result.as_deref().map(plain).unwrap_or_default()) }
                    }
                }
            }
        }
    }
}

fn figures(incident: &Incident) -> Markup {
    html! {
        h2 { "Figures" }
        table {
            @for ((name, figure), (_, meaning)) in incident.figures.named().into_iter().zip(DEFINITIONS) {
                tr {
                    td { strong { (name) } }
                    td { (figure.map_or("open".to_owned(), |figure| span(figure.seconds))) }
                    td.dim {
                        (meaning)
                        @if let Some(doubt) = figure.and_then(|figure| figure.doubt.as_ref()) {
                            " " span.bad { (doubt) }
                        }
                    }
                }
            }
        }
    }
}

fn timeline(incident: &Incident) -> Markup {
    html! {
        h2 { "Timeline" }
        table.timeline {
            @for line in &incident.timeline {
                tr {
                    td.time { (format!("{:.0}", line.at)) } td.dim { (plain(&line.actor)) }
                    td { (plain(&line.text)) }
                }
            }
        }
    }
}
