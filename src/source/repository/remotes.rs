//! What the references here tell of a remote.
//!
//! git keeps what it fetched from a remote, and what it pushed there, in references that the remote's `fetch`
//! settings name. Whoever asks takes what they reach for known at the remote, so a reference tells nothing
//! where it might be otherwise: where anyone here writes it, as one commits to a branch; where it comes from
//! another place as well; and where the remote stands for several places. Then more is scanned than need be.

use std::collections::BTreeMap;

use super::Repository;
use super::address::is_same_place;

/// The folders below `refs` in which git itself writes, whatever is fetched.
const LOCAL: [&str; 10] = [
    "bisect",
    "heads",
    "notes",
    "original",
    "prefetch",
    "replace",
    "rewritten",
    "stash",
    "tags",
    "worktree",
];

/// Which references tell of a place.
#[derive(Default)]
pub(in crate::source) struct Tracking {
    /// What the remotes at that place fetch, and into what.
    fetched: Vec<(Pattern, Pattern)>,
    /// What they don't fetch.
    left_out: Vec<Pattern>,
    /// How the names of those begin that come from elsewhere.
    foreign: Vec<String>,
}

impl Repository {
    /// Returns which references tell of the repository at an address. A configuration that can't be read has
    /// none that does.
    pub(in crate::source) fn tracking(&self, address: &str) -> Tracking {
        let Ok(Settings { remotes, rewrites, foreign }) = self.remotes() else {
            return Tracking::default();
        };
        let mut tracking = Tracking { foreign, ..Tracking::default() };
        for remote in remotes.into_values() {
            match remote.is_at(address, &rewrites) {
                true => remote.fetch.iter().for_each(|refspec| tracking.add(refspec)),
                false => tracking.foreign.extend(remote.fetch.iter().filter_map(|it| written(it))),
            }
        }
        tracking
    }

    /// Reads what is configured of remotes.
    fn remotes(&self) -> Result<Settings, git2::Error> {
        let mut settings = Settings::default();
        let (config, _) = self.config()?;
        config.entries(None)?.for_each(|entry| {
            if let (Ok(name), true) = (entry.name(), entry.has_value()) {
                settings.add(name, &String::from_utf8_lossy(entry.value_bytes()));
            }
        })?;
        Ok(settings)
    }
}

impl Tracking {
    /// Returns which references of the remote one here stands for; none where it tells nothing.
    pub(in crate::source) fn of(&self, reference: &str) -> Vec<String> {
        if self.foreign.iter().any(|start| reference.starts_with(start)) {
            return Vec::new();
        }
        let of = |(from, into): &(Pattern, Pattern)| Some(from.filled(into.part(reference)?));
        let mut names: Vec<String> = self.fetched.iter().filter_map(of).collect();
        names.retain(|name| !self.left_out.iter().any(|pattern| pattern.part(name).is_some()));
        names
    }

    /// Adds a `fetch` setting, where it maps references of the remote to some that only git writes, and only
    /// when it fetches or pushes.
    fn add(&mut self, refspec: &str) {
        if let Some(left_out) = refspec.strip_prefix('^') {
            return self.left_out.push(Pattern::parse(left_out));
        }
        let Some((from, into)) = refspec.trim_start_matches('+').split_once(':') else { return };
        let is_mapped = from != into && from.contains('*') == into.contains('*');
        if from.starts_with("refs/") && is_mapped && is_kept_apart(into) {
            self.fetched.push((Pattern::parse(from), Pattern::parse(into)));
        }
    }
}

/// Tells whether these references are in a folder that nobody works in.
fn is_kept_apart(references: &str) -> bool {
    let below = references.strip_prefix("refs/").and_then(|name| name.split_once('/'));
    below.is_some_and(|(folder, _)| !folder.contains('*') && !LOCAL.contains(&folder))
}

/// Returns how the names of the references begin that a setting has written, or none where it has none written.
fn written(refspec: &str) -> Option<String> {
    let (_, into) = refspec.split_once(':')?;
    let start = into.split(['*', '{']).next().unwrap_or(into);
    (!into.is_empty()).then(|| start.to_owned())
}

/// One side of a refspec: the name of a reference, or of all that have anything in the place of a star.
struct Pattern {
    before: String,
    after: Option<String>,
}

impl Pattern {
    fn parse(text: &str) -> Self {
        let (before, after) = match text.split_once('*') {
            Some((before, after)) => (before, Some(after.to_owned())),
            None => (text, None),
        };
        Self { before: before.to_owned(), after }
    }

    /// Returns what a name has in the place of the star, or none where it is another name.
    fn part<'n>(&self, name: &'n str) -> Option<&'n str> {
        let rest = name.strip_prefix(&self.before)?;
        match &self.after {
            Some(after) => rest.strip_suffix(after.as_str()),
            None => rest.is_empty().then_some(rest),
        }
    }

    /// Returns the name that has that in the place of the star.
    fn filled(&self, part: &str) -> String {
        [&self.before, part, self.after.as_deref().unwrap_or_default()].concat()
    }
}

/// What is configured of remotes.
#[derive(Default)]
struct Settings {
    remotes: BTreeMap<String, Remote>,
    rewrites: Rewrites,
    /// How the names of references begin that are written from what is no git repository.
    foreign: Vec<String>,
}

impl Settings {
    /// Adds a setting, with the name of which all but the middle is in lower case.
    fn add(&mut self, name: &str, value: &str) {
        let parts = name.split_once('.').and_then(|(section, rest)| {
            let (middle, key) = rest.rsplit_once('.')?;
            Some((section, middle, key))
        });
        let Some((section, middle, key)) = parts else { return };
        let rewrite = || (value.to_owned(), middle.to_owned());
        match (section, key) {
            ("remote", "url") => self.remote(middle).urls.push(value.to_owned()),
            ("remote", "pushurl") => self.remote(middle).push_urls.push(value.to_owned()),
            ("remote", "fetch") => self.remote(middle).fetch.push(value.to_owned()),
            ("url", "insteadof") => self.rewrites.all.push(rewrite()),
            ("url", "pushinsteadof") => self.rewrites.pushing.push(rewrite()),
            ("svn-remote", "fetch" | "branches" | "tags") => self.foreign.extend(written(value)),
            _ => {}
        }
    }

    fn remote(&mut self, name: &str) -> &mut Remote {
        self.remotes.entry(name.to_owned()).or_default()
    }
}

/// A remote as it is configured.
#[derive(Default)]
struct Remote {
    urls: Vec<String>,
    push_urls: Vec<String>,
    fetch: Vec<String>,
}

impl Remote {
    /// Returns whether all that is fetched from it and pushed to it is at one place, and that is the one at this
    /// address. A push to one of several places moves the references that tell of another.
    fn is_at(&self, address: &str, rewrites: &Rewrites) -> bool {
        let of = |urls: &[String]| -> Vec<String> {
            urls.iter().map(|url| rewritten(url, &rewrites.all)).collect()
        };
        let mut all = [of(&self.urls), of(&self.push_urls)].concat();
        // As git has it: only where no address for pushes is given is one made of the other.
        if self.push_urls.is_empty() {
            all.extend(self.urls.iter().filter_map(|url| rewritten_by(url, &rewrites.pushing)));
        }
        !self.urls.is_empty() && all.iter().all(|url| is_same_place(url, address))
    }
}

/// What addresses begin with, and what is put in its place.
#[derive(Default)]
struct Rewrites {
    all: Vec<(String, String)>,
    pushing: Vec<(String, String)>,
}

/// Returns the address that git takes for one.
fn rewritten(url: &str, rewrites: &[(String, String)]) -> String {
    rewritten_by(url, rewrites).unwrap_or_else(|| url.to_owned())
}

/// Returns what the longest beginning that fits makes of an address.
fn rewritten_by(url: &str, rewrites: &[(String, String)]) -> Option<String> {
    let fitting = rewrites.iter().filter(|(start, _)| url.starts_with(start));
    let (start, base) = fitting.max_by_key(|(start, _)| start.len())?;
    Some([base, &url[start.len()..]].concat())
}
