//! The scorecard as one page: nothing is loaded from anywhere, and it prints.

use std::io::{self, Write};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::plot::Plot;
use super::{counts, left_out, or_dash};
use crate::finding::plain;
use crate::incident::{Measure, Scorecard};
use crate::report::incident_text::span;

const STYLE: &str = include_str!("style.css");

/// Writes it as one page.
///
/// # Errors
/// Those of `out`.
pub fn html(out: &mut dyn Write, card: &Scorecard) -> io::Result<()> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                // Whatever stands in a title: no script, no request.
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { "Scorecard " (card.now.quarter) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Scorecard " (card.now.quarter) }
                p.dim { "beside " (card.before.quarter) "; made " (format!("{:.0}", card.made_at)) }
                (figures(card))
                h2 { "Trend" }
                (plots(card))
                h2 { "Counts" }
                (numbers(card))
                h2 { "By severity, class, repository and root cause" }
                (groups(card))
                h2 { "What the figures mean" }
                dl {
                    @for definition in &card.definitions {
                        dt { (definition.name) }
                        dd { (definition.meaning) }
                    }
                }
            }
        }
    };
    out.write_all(page.into_string().as_bytes())
}

fn figures(card: &Scorecard) -> Markup {
    html! {
        table {
            tr {
                th { "figure" } th { "n" } th { "mean" } th { "median" } th { "p90" }
                th { (card.before.quarter) } th { "target" } th.words { "note" }
            }
            @for measure in &card.now.measures {
                @let then = card.before.measure(measure.name).and_then(|measure| measure.mean);
                tr {
                    td { (measure.name) } td { (measure.n) } td { (or_dash(measure.mean)) }
                    td { (or_dash(measure.median)) } td { (or_dash(measure.p90)) }
                    td { (or_dash(then)) } td { (target(measure)) }
                    td.words.dim { (measure.note.as_deref().unwrap_or_default()) }
                }
            }
        }
    }
}

fn target(measure: &Measure) -> Markup {
    html! {
        (or_dash(measure.target))
        @match measure.meets_target() {
            Some(true) => { " " span.good { "met" } }
            Some(false) => { " " span.bad { "missed" } }
            None => {}
        }
    }
}

fn plots(card: &Scorecard) -> Markup {
    let names: Vec<String> = card.trend.iter().map(|period| period.quarter.to_string()).collect();
    let volume: Vec<_> =
        card.trend.iter().map(|period| i64::try_from(period.incidents).ok()).collect();
    html! {
        div.plots {
            @for definition in &card.definitions {
                @let of = |period: &crate::incident::Period| period.measure(definition.name)?.mean;
                @let values: Vec<_> = card.trend.iter().map(of).collect();
                @let target = card.now.measure(definition.name).and_then(|measure| measure.target);
                @let title = format!("{}, mean", definition.name);
                @let plot = Plot { title: &title, names: &names, values: &values, target, say: span };
                figure { figcaption { (title) } (plot.svg()) }
            }
            @let say = |value: i64| value.to_string();
            @let plot = Plot { title: "Incidents", names: &names, values: &volume, target: None, say };
            figure { figcaption { "Incidents" } (plot.svg()) }
        }
    }
}

fn numbers(card: &Scorecard) -> Markup {
    html! {
        table {
            tr { th {} th { (card.now.quarter) } th { (card.before.quarter) } }
            @for (name, value, then) in counts(card) {
                tr { td { (name) } td { (value) } td { (then) } }
            }
            tr { td { "open follow-ups, of them overdue" }
                td { (card.followups.open) ", " (card.followups.overdue) } td {} }
        }
        p.dim { "Left out: " (left_out(&card.now)) "." }
    }
}

fn groups(card: &Scorecard) -> Markup {
    html! {
        table {
            tr {
                th { "by" } th.words {} th { "incidents" }
                @for definition in &card.definitions { th { (definition.name) } }
            }
            @for group in &card.groups {
                tr {
                    td { (group.by) } td.words { (plain(&group.name)) } td { (group.incidents) }
                    @for measure in &group.measures { td { (or_dash(measure.mean)) } }
                }
            }
        }
    }
}
