//! Words that several reports of findings share.

use crate::finding::{Finding, Location, plain};
use crate::policy::Review;
use crate::source::{Kind, LeftOutSubmodules};

/// How many submodules are named; JSON names all.
const SUBMODULES_SHOWN: usize = 10;

/// Returns what a person calls a place: its path, or the message it stands in.
pub(super) fn place_name(location: &Location) -> String {
    match (location.place.kind, location.path()) {
        (Kind::Staged, Some(path)) => format!("{path} (staged)"),
        (Kind::Lfs, Some(path)) => format!("{path} (LFS)"),
        (Kind::Stdin, Some(path)) => format!("standard input{path}"),
        (_, Some(path)) => path,
        (Kind::CommitMessage, None) => "commit message".to_owned(),
        (Kind::TagMessage, None) => "tag message".to_owned(),
        (Kind::Blob | Kind::Lfs, None) => {
            format!("blob {}", location.place.blob.as_deref().unwrap_or("without a path"))
        }
        (_, None) => "standard input".to_owned(),
    }
}

/// Returns a line of a log: nothing in it controls a terminal, nor the runner of a workflow, which
/// reads commands behind `::` at the beginning of a line and behind `##[` anywhere.
pub(super) fn log_line(text: &str) -> String {
    let text = plain(text).replace("##[", "#?[");
    match text.trim_start().starts_with("::") {
        true => format!("./{}", text.trim_start()),
        false => text,
    }
}

/// Returns the place a finding is shown at: in a present file where it is in one.
pub(super) fn main_location(finding: &Finding) -> Option<&Location> {
    let is_present =
        |location: &&Location| matches!(location.place.kind, Kind::File | Kind::Staged);
    finding.locations.iter().find(is_present).or(finding.locations.first())
}

/// Returns what to do about a finding: the next command, or the console.
pub(super) fn next_step(finding: &Finding) -> String {
    let provider = &finding.pattern.provider;
    match (&provider.driver, console(finding)) {
        (Some(_), _) => format!("stanch contain {}", finding.fingerprint.short()),
        (None, Some(console)) => format!("revoke it at {console}"),
        (None, None) => "change it where it was made".to_owned(),
    }
}

/// Returns the page where a person revokes it. A generic kind, such as a database's password, has none.
pub(super) fn console(finding: &Finding) -> Option<&str> {
    let provider = &finding.pattern.provider;
    let is_page = provider.class != "generic" && provider.console.starts_with("https://");
    is_page.then_some(provider.console.as_str())
}

/// Returns how many credentials were found in how many places.
pub(super) fn count(review: &Review) -> String {
    let found = review.findings.len();
    let places: usize = review.findings.iter().map(|finding| finding.locations.len()).sum();
    match found {
        0 => "no credentials found".to_owned(),
        _ => format!(
            "{found} {} in {places} {}",
            plural(found, "credential"),
            plural(places, "place")
        ),
    }
}

/// Says which submodules were not scanned, and why that is no gap.
pub(super) fn left_out(submodules: &LeftOutSubmodules) -> String {
    let paths = &submodules.paths;
    let shown = paths.iter().take(SUBMODULES_SHOWN).map(String::as_str).collect::<Vec<_>>();
    let more = match paths.len().saturating_sub(SUBMODULES_SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (count, is) = (paths.len(), if paths.len() == 1 { "is" } else { "are" });
    format!(
        "{count} {} {is} not cloned, and {is} in no part of this scan: {}{more}",
        plural(count, "submodule"),
        shown.join(", ")
    )
}

/// Returns how many findings are suppressed by whose word, or nothing where none is.
pub(super) fn suppressed(review: &Review) -> Option<String> {
    let kinds = review.suppressed_by_kind();
    let kinds: Vec<_> =
        kinds.into_iter().map(|(kind, count)| format!("{count} {}", kind.words())).collect();
    match kinds.is_empty() {
        true => None,
        false => Some(format!("{} suppressed: {}", review.suppressed.len(), kinds.join(", "))),
    }
}

pub(super) fn plural(count: usize, noun: &str) -> String {
    if count == 1 { noun.to_owned() } else { format!("{noun}s") }
}

#[cfg(test)]
mod tests {
    use super::log_line;

    #[test]
    fn a_line_of_a_log_commands_no_runner() {
        assert_eq!(log_line("::add-mask::x"), "./::add-mask::x");
        assert_eq!(log_line("a##[error]x"), "a#?[error]x");
        assert_eq!(log_line("std::fmt"), "std::fmt");
    }
}
