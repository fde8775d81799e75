//! Plots as SVG: one line over the quarters, with the target.

use maud::{Markup, html};

/// What a plot shows.
pub(super) struct Plot<'a> {
    /// Its title.
    pub(super) title: &'a str,
    /// The name of each point, such as `2026-Q4`.
    pub(super) names: &'a [String],
    /// The value of each point, where it has one.
    pub(super) values: &'a [Option<i64>],
    /// What the values are to stay below.
    pub(super) target: Option<i64>,
    /// Says a value for people.
    pub(super) say: fn(i64) -> String,
}

const WIDTH: f64 = 340.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 12.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 26.0;

impl Plot<'_> {
    /// Returns the plot.
    pub(super) fn svg(&self) -> Markup {
        let largest = self.values.iter().flatten().chain(self.target.as_ref()).copied().max();
        // A plot from zero upwards doesn't make little look like much.
        let scale = largest.unwrap_or(0).max(1) as f64;
        let x =
            |at: usize| LEFT + (WIDTH - 2.0 * LEFT) * (at as f64 + 0.5) / self.names.len() as f64;
        let y = |value: i64| TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - value.max(0) as f64 / scale);
        let floor = HEIGHT - BOTTOM;
        let points: Vec<(usize, i64)> =
            self.values.iter().enumerate().filter_map(|(at, v)| Some((at, (*v)?))).collect();
        let line: Vec<String> =
            points.iter().map(|(at, value)| format!("{:.1},{:.1}", x(*at), y(*value))).collect();
        let last = self.names.len().saturating_sub(1);
        html! {
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(self.title) {
                line.axis x1=(LEFT) x2=(WIDTH - LEFT) y1=(floor) y2=(floor) {}
                @if let Some(target) = self.target {
                    line.target x1=(LEFT) x2=(WIDTH - LEFT) y1=(y(target)) y2=(y(target)) {}
                    text.target x=(WIDTH - LEFT) y=(y(target) - 3.0) text-anchor="end" {
                        "target " ((self.say)(target))
                    }
                }
                polyline points=(line.join(" ")) {}
                @for (at, value) in &points {
                    circle cx=(x(*at)) cy=(y(*value)) r="3" {
                        title { (self.names[*at]) ": " ((self.say)(*value)) }
                    }
                }
                @if let Some((at, value)) = points.last() {
                    text.value x=(x(*at)) y=(y(*value) - 6.0) text-anchor="end" { ((self.say)(*value)) }
                }
                @for (at, name) in self.names.iter().enumerate() {
                    @if last < 4 || (last - at).is_multiple_of(2) {
                        text.name x=(x(at)) y=(HEIGHT - 10.0) text-anchor="middle" { (name) }
                    }
                }
                @if points.is_empty() {
                    text.name x=(WIDTH / 2.0) y=(HEIGHT / 2.0) text-anchor="middle" { "no figures yet" }
                }
            }
        }
    }
}
