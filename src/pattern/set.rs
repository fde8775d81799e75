//! The loaded patterns: what the files say, checked and ready for the scanner.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::file::File;
use super::load::{load, load_trusted};
use super::regex::LazyRegex;
use super::sample::find_group;
use super::{Check, Confidence, Opening, Severity, Signs, regex};

/// Every provider file under `patterns/`: its name and its content as JSON, sorted by name.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/provider_files.rs"));

/// Who issues the credentials of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Kebab-case, the file's name: `openrouter`.
    pub id: String,
    /// As the provider writes itself: `OpenRouter`.
    pub name: String,
    /// The folder's name: `llm`, `cloud`.
    pub class: String,
    /// Where a person manages these keys.
    pub console: String,
    /// The driver in `provider` that can act on them, if there is one.
    pub driver: Option<String>,
}

/// What one kind of credential looks like.
#[derive(Debug)]
pub struct Pattern {
    /// Kebab-case, begins with the provider's id. The same in reports, SARIF and allowlists.
    pub id: String,
    /// Who issues it.
    pub provider: Arc<Provider>,
    /// What was found and what its holder can do, in one sentence.
    pub description: String,
    /// Its regex.
    pub regex: LazyRegex,
    /// Literals, one of which every match contains, in any case.
    pub anchors: Vec<String>,
    /// The group that is the finding.
    pub secret: String,
    /// The groups that give no power by themselves.
    pub public: Vec<String>,
    /// What the holder of such a key could do.
    pub severity: Severity,
    /// How sure a match is.
    pub confidence: Confidence,
    /// How many first bytes every such key shares.
    pub prefix: usize,
    /// The offline proof.
    pub check: Option<Check>,
    /// Shannon entropy, in bits a character, below which a match is dropped.
    pub min_entropy: Option<f64>,
    /// A person may have chosen the secret, so that it may be words.
    pub human: bool,
    /// Its keys are UUIDs.
    pub uuid: bool,
    /// Where the signs of its secret come from, once that was asked.
    pub(super) signs: OnceLock<Signs>,
    /// Ids of patterns that yield to this one where both claim the same bytes.
    pub overlaps: Vec<String>,
    /// The other parts, found near the match.
    pub parts: Vec<Part>,
    /// Texts with gaps in which it must be found.
    pub examples: Vec<String>,
    /// Texts in which it must not.
    pub counterexamples: Vec<String>,
    /// The file it was read from.
    pub file: String,
}

/// A part of a credential that stands near the match.
#[derive(Debug)]
pub struct Part {
    /// The group that is the part.
    pub name: String,
    /// Its own regex.
    pub regex: LazyRegex,
    /// How many lines away it may stand.
    pub within_lines: usize,
    /// Whether the finding needs it.
    pub required: bool,
}

/// All patterns of all files, sorted by id.
#[derive(Clone, Debug)]
pub struct PatternSet {
    patterns: Vec<Arc<Pattern>>,
    by_id: BTreeMap<String, usize>,
}

/// Why provider files could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be read.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file says something that can't be.
    #[error("{file}: {why}")]
    Invalid {
        /// Which file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Pattern {
    /// Returns the names of all groups that may be parts of the credential: those of its regex first.
    pub fn groups(&self) -> Vec<&str> {
        let own = self.regex.groups();
        own.chain(self.parts.iter().flat_map(|part| part.regex.groups())).collect()
    }

    /// Returns how its matches begin that hold this anchor, as it stands in a text; or `None` where the
    /// anchor may stand anywhere in them.
    pub fn openings(&self, anchor: &[u8]) -> Option<&[Opening]> {
        let is_it = |known: &String| known.as_bytes().eq_ignore_ascii_case(anchor);
        self.regex.openings(&self.anchors, self.anchors.iter().position(is_it)?)
    }

    /// Returns whether a match may begin at an offset of a text: cheaper to ask than the regex.
    pub fn may_begin(&self, bytes: &[u8], start: usize) -> bool {
        self.regex.may_begin(&self.anchors, bytes, start)
    }

    /// Returns whether one of its anchors that ends at an offset of a text may be the one of a match: cheaper to
    /// ask than the regex.
    pub fn may_hold(&self, bytes: &[u8], anchor_end: usize) -> bool {
        self.regex.may_hold(&self.anchors, bytes, anchor_end)
    }

    /// Returns where the signs of its secret come from.
    pub fn signs(&self) -> Signs {
        let parts = self.parts.iter().map(|part| &part.regex);
        let group =
            |regex: &LazyRegex| find_group(&regex::parse(regex.as_str()).ok()?, &self.secret);
        *self.signs.get_or_init(|| {
            let group = std::iter::once(&self.regex).chain(parts).find_map(group);
            group.map(|group| Signs::of(&group, self.prefix)).unwrap_or_default()
        })
    }

    /// Tells whether it knows a form of secret and no issuer: what it finds may be an issuer's key.
    pub fn is_generic(&self) -> bool {
        self.provider.class == "generic"
    }

    /// Tells whether the part of that name gives no power by itself.
    pub fn is_public(&self, group: &str) -> bool {
        self.public.iter().any(|public| public == group)
    }

    /// Returns the group the check looks at: the secret where the pattern's own regex has it, else the
    /// first group of that regex.
    pub fn checked_group(&self) -> &str {
        let mut groups = self.regex.groups();
        let first = groups.next().unwrap_or(&self.secret);
        let is_own = first == self.secret || groups.any(|group| group == self.secret);
        if is_own { &self.secret } else { first }
    }
}

impl PatternSet {
    /// Returns the patterns that are part of the program.
    ///
    /// # Errors
    /// Where a provider file is wrong, which the tests rule out for the embedded ones.
    pub fn embedded() -> Result<Self, Error> {
        Self::from_parsed(EMBEDDED.iter().map(|(name, json)| (*name, load_trusted(name, json))))
    }

    /// Returns the embedded patterns and those of every `*.toml` below `folder`. A file there replaces
    /// the embedded one of the same provider.
    ///
    /// # Errors
    /// Where the folder can't be read, or a file in it is wrong.
    pub fn with_folder(folder: &Path) -> Result<Self, Error> {
        Self::with_files(&read_folder(folder)?)
    }

    /// Returns the embedded patterns and those of these provider files, given as name and text. A file
    /// replaces the embedded one of the same provider.
    ///
    /// # Errors
    /// Where a file is wrong.
    pub fn with_files(own: &[(String, String)]) -> Result<Self, Error> {
        let providers: Vec<_> = own.iter().filter_map(|(_, text)| provider_id(text)).collect();
        let is_replaced = |patterns: &[Pattern]| {
            patterns.iter().any(|pattern| providers.contains(&pattern.provider.id))
        };
        let embedded = EMBEDDED.iter().map(|(name, json)| (*name, load_trusted(name, json)));
        let embedded = embedded
            .filter(|(_, patterns)| !patterns.as_ref().is_ok_and(|patterns| is_replaced(patterns)));
        let own = own.iter().map(|(name, text)| (name.as_str(), load(name, text)));
        Self::from_parsed(embedded.chain(own))
    }

    /// Returns the patterns of these provider files, given as name and text.
    ///
    /// # Errors
    /// Where a file is wrong, or two patterns share an id.
    pub fn from_files<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Error> {
        let files = files.into_iter();
        Self::from_parsed(files.map(|(name, text)| (name, load(name, text))))
    }

    fn from_parsed<'a>(
        files: impl Iterator<Item = (&'a str, Result<Vec<Pattern>, String>)>,
    ) -> Result<Self, Error> {
        let mut patterns: Vec<Arc<Pattern>> = Vec::new();
        for (name, parsed) in files {
            let parsed = parsed.map_err(|why| Error::Invalid { file: name.to_owned(), why })?;
            patterns.extend(parsed.into_iter().map(Arc::new));
        }
        patterns.sort_by(|a, b| a.id.cmp(&b.id));
        if let Some(pair) = patterns.windows(2).find(|pair| pair[0].id == pair[1].id) {
            let why = format!("{} also stands in {}; give it another id", pair[1].id, pair[0].file);
            return Err(Error::Invalid { file: pair[1].file.clone(), why });
        }
        let by_id = patterns.iter().enumerate().map(|(i, p)| (p.id.clone(), i)).collect();
        Ok(Self { patterns, by_id })
    }

    /// Returns the pattern of that id.
    pub fn get(&self, id: &str) -> Option<&Arc<Pattern>> {
        self.by_id.get(id).map(|&index| &self.patterns[index])
    }

    /// Returns all patterns, sorted by id.
    pub fn patterns(&self) -> &[Arc<Pattern>] {
        &self.patterns
    }
}

/// Reads every `*.toml` below a folder, sorted by path.
fn read_folder(folder: &Path) -> Result<Vec<(String, String)>, Error> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Read { path, source }
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let path = entry.map_err(failed(folder))?.path();
        if path.is_dir() {
            files.extend(read_folder(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            let text = fs::read_to_string(&path).map_err(failed(&path))?;
            files.push((path.display().to_string(), text));
        }
    }
    files.sort();
    Ok(files)
}

/// Returns the provider's id, or `None` where the text isn't a provider file; `load` says why.
fn provider_id(text: &str) -> Option<String> {
    toml::from_str::<File>(text).ok().map(|file| file.provider.id)
}
