//! Scanning a history where it is new finds exactly what scanning every version whole finds.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use stanch::pattern::PatternSet;
use stanch::scan::{Scanner, scan};
use stanch::source::{Gap, History, Kind, Source};

use crate::repo::{Repo, blob_id};

/// How many versions a history has.
const VERSIONS: usize = 60;

/// How the versions are stored: the options of `git repack`, or as `git fast-import` leaves them.
const STORAGES: [&[&str]; 6] = [
    &[],
    &["-c", "pack.threads=1", "repack", "-adfq", "--depth=50", "--window=100"],
    &["repack", "-adfq", "--depth=1", "--window=4"],
    &["repack", "-adfq", "--depth=400", "--window=300"],
    // Bases by id, not by distance.
    &["-c", "repack.useDeltaBaseOffset=false", "repack", "-adfq", "--depth=20", "--window=20"],
    &["-c", "repack.packKeptObjects=false", "repack", "-adfq", "--max-pack-size=1m", "--window=9"],
];

/// Where a credential stands: blob, offsets, pattern, fingerprint.
type Seen = BTreeSet<(String, usize, usize, String, String)>;

/// The embedded patterns, and some made to stand at the edges of what is looked at.
fn scanner() -> &'static Scanner {
    static SCANNER: OnceLock<Scanner> = OnceLock::new();
    let folder = tempfile::tempdir().unwrap();
    SCANNER.get_or_init(|| {
        std::fs::write(folder.path().join("edge.toml"), EDGES).unwrap();
        Scanner::new(PatternSet::with_folder(folder.path()).unwrap())
    })
}

/// One that only a text's end or a strange byte ends, one that only a text's beginning or a line's
/// begins, one of a single anchor, one with a part far away.
const EDGES: &str = r#"
[provider]
id = "edge"
name = "Edge"
class = "test"
console = "https://edge.example"

[[pattern]]
id = "edge-end"
description = "A key that must not be followed by its own letters: it opens nothing."
regex = '\b(?<key>end_[a-z0-9]{8,12})(?:[^\w-]|$)'
anchors = ["end_"]
severity = "low"
examples = ['«key»']
counterexamples = ['end_']

[[pattern]]
id = "edge-start"
description = "A key at the beginning of a line or text: it opens nothing."
regex = '(?m:^)(?<key>sta_[a-z0-9]{8})\z|(?m:^)(?<key2>sta_[a-z0-9]{9})'
secret = "key2"
anchors = ["sta_"]
severity = "low"
examples = ['«key2»']
counterexamples = ['sta_']

[[pattern]]
id = "edge-part"
description = "A key in two parts: it opens nothing."
regex = '(?<id>par_[a-z]{3})'
secret = "other"
public = ["id"]
anchors = ["par_"]
severity = "low"
examples = ['«id» «other»']
counterexamples = ['par_']
[[pattern.part]]
name = "other"
regex = '(?<other>oth_[a-z0-9]{7})'
within_lines = 3
required = true
"#;

/// Makes versions of a text, each from one before, with credentials planted, torn and put together.
struct Author {
    rng: StdRng,
    secrets: Vec<Vec<u8>>,
    /// Where a torn credential ended, and the rest that was left out.
    torn: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether the first version holds none, and later ones few.
    is_sparse: bool,
}

impl Author {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut secrets = Vec::new();
        for pattern in scanner().patterns().patterns() {
            let example = pattern.examples.choose(&mut rng).unwrap();
            secrets.push(pattern.fill(example, &mut rng).unwrap().text.into_bytes());
        }
        let edges =
            ["end_abcdefgh", "sta_abcdefghi", "sta_abcdefgh", "par_abc", "oth_abcdefg", "end_"];
        for edge in edges.iter().cycle().take(60) {
            secrets.push(edge.as_bytes().to_vec());
        }
        Self { rng, secrets, torn: Vec::new(), is_sparse: false }
    }

    /// Returns an author whose every credential is in disguise, and who begins with none.
    fn in_disguise(seed: u64) -> Self {
        let mut author = Self::new(seed);
        type Form = fn(&[u8]) -> Vec<u8>;
        let forms: [Form; 5] = [
            |text| STANDARD.encode(text).into_bytes(),
            |text| {
                let encoded = STANDARD.encode([&b"a line of text\n".repeat(9)[..], text].concat());
                encoded.as_bytes().chunks(60).collect::<Vec<_>>().join(&b"\n"[..])
            },
            |text| text.iter().flat_map(|byte| format!("\\x{byte:02x}").into_bytes()).collect(),
            |text| text.iter().flat_map(|byte| format!("%{byte:02X}").into_bytes()).collect(),
            |text| text.chunks(9).collect::<Vec<_>>().join(&b"\" +\n  \""[..]),
        ];
        author.secrets.truncate(40);
        let forms = forms.iter().cycle();
        for (secret, form) in author.secrets.iter_mut().zip(forms) {
            *secret = [b"\n\"", &form(secret)[..], b"\"\n"].concat();
        }
        author.is_sparse = true;
        author
    }

    fn up_to(&mut self, end: usize) -> usize {
        self.rng.random_range(0..=end)
    }

    fn text(&mut self, lines: usize) -> Vec<u8> {
        let mut text = Vec::new();
        for _ in 0..lines {
            let number: u32 = self.rng.random();
            let line = format!("    let value = compute({number}, sk-{});\n", number % 97);
            text.extend(line.bytes());
        }
        text
    }

    /// Returns some place; mostly within or at an end of what looks like a credential.
    fn place(&mut self, text: &[u8]) -> usize {
        let found = scanner().scan_bytes(text);
        match found.choose(&mut self.rng) {
            Some(detection) if self.rng.random_bool(0.7) => {
                let span = detection.span.clone();
                let at = span.start.saturating_sub(2) + self.rng.random_range(0..span.len() + 4);
                at.min(text.len())
            }
            _ => self.up_to(text.len()),
        }
    }

    fn stretch(&mut self, text: &[u8]) -> std::ops::Range<usize> {
        let start = self.place(text);
        let length = *[1, 3, 20, 80, 400].choose(&mut self.rng).unwrap();
        let end = if self.rng.random_bool(0.3) { self.place(text) } else { start + length };
        start.min(end).min(text.len())..start.max(end).min(text.len())
    }

    fn edit(&mut self, text: &mut Vec<u8>) {
        match self.rng.random_range(0..9) {
            0 | 1 if self.is_sparse && self.rng.random_bool(0.2) => {}
            0 | 1 => {
                let mut secret = self.secrets.choose(&mut self.rng).unwrap().clone();
                if self.rng.random_bool(0.4) {
                    let rest = secret.split_off(secret.len() / 2);
                    self.torn.push((secret.clone(), rest));
                }
                let at = self.up_to(text.len());
                text.splice(at..at, secret);
            }
            2 => {
                let Some((begun, rest)) = self.torn.pop() else { return };
                let found = text.windows(begun.len()).position(|window| window == begun);
                let end = found.map_or(text.len(), |start| start + begun.len());
                text.splice(end..end, rest);
            }
            3 => {
                let stretch = self.stretch(text);
                text.drain(stretch);
            }
            4 => {
                let stretch = self.stretch(text);
                let moved: Vec<u8> = text.drain(stretch).collect();
                let at = self.up_to(text.len());
                text.splice(at..at, moved);
            }
            5 => {
                let stretch = self.stretch(text);
                let copy = text[stretch].to_vec();
                let at = self.place(text);
                text.splice(at..at, copy);
            }
            6 => {
                let at = self.place(text);
                text.insert(at, *b" x\n_".choose(&mut self.rng).unwrap());
            }
            7 => {
                let lines = self.up_to(6);
                let (new, at) = (self.text(lines), self.up_to(text.len()));
                text.splice(at..at, new);
            }
            _ => {
                // A cut at the end or the beginning: what was in the middle is at an edge now.
                let at = self.place(text);
                match self.rng.random_range(0..9) {
                    0 => text.truncate(at),
                    1 => drop(text.drain(..at)),
                    _ => text.insert(at, b'-'),
                }
            }
        }
        if text.len() < 1500 {
            let more = self.text(40);
            text.extend(more);
        }
    }

    fn versions(&mut self) -> Vec<Vec<u8>> {
        let mut first = Vec::new();
        for _ in 0..25 {
            first.extend(self.text(2));
            if !self.is_sparse {
                first.extend(self.secrets.choose(&mut self.rng).unwrap());
            }
            first.push(b'\n');
        }
        let mut versions = vec![first];
        while versions.len() < VERSIONS {
            let mut next = match self.rng.random_bool(0.8) {
                true => versions[versions.len() - 1].clone(),
                false => versions.choose(&mut self.rng).unwrap().clone(),
            };
            for _ in 0..self.rng.random_range(1..4) {
                self.edit(&mut next);
            }
            versions.push(next);
        }
        versions
    }
}

fn committed(versions: &[Vec<u8>]) -> Repo {
    let repo = Repo::new();
    for (part, versions) in versions.chunks(VERSIONS / 2).enumerate() {
        let mut stream = Vec::new();
        for (number, version) in versions.iter().enumerate() {
            let name = format!("file{}", number % 2);
            let from = if number == 0 && part > 0 { "from refs/heads/main^0\n" } else { "" };
            let time = 1_700_000_000 + number;
            let head =
                format!("commit refs/heads/main\ncommitter A <a> {time} +0000\ndata 0\n{from}");
            stream.extend(head.bytes());
            stream.extend(format!("M 644 inline {name}\ndata {}\n", version.len()).bytes());
            stream.extend(version);
            stream.push(b'\n');
        }
        repo.fast_import(&stream);
    }
    repo
}

fn expected(versions: &[Vec<u8>]) -> Seen {
    let mut seen = Seen::new();
    for version in versions {
        let blob = blob_id(version);
        seen.extend(scanner().scan_bytes(version).into_iter().map(|found| {
            let fingerprint = found.credential.fingerprint().to_string();
            let pattern = found.pattern.id.clone();
            (blob.clone(), found.span.start, found.span.end, pattern, fingerprint)
        }));
    }
    seen
}

fn seen(history: &History) -> Seen {
    let report = scan(scanner(), &[history as &dyn Source], &|_| {}).unwrap();
    // Pieces of disguises that edits moved into one another.
    let is_deep = |gap: &Gap| gap.why.contains("disguised more than");
    assert!(report.coverage.gaps.iter().all(is_deep), "{:?}", report.coverage.gaps);
    let mut seen = Seen::new();
    for finding in report.findings {
        seen.extend(finding.locations.iter().map(|location| {
            let blob = location.place.blob.clone().unwrap();
            let (start, end) = (location.span.start, location.span.end);
            let pattern = finding.pattern.id.clone();
            (blob, start, end, pattern, finding.fingerprint.to_string())
        }));
    }
    seen
}

/// Returns how many blobs come with what was remembered of their base.
fn with_a_base(history: &History) -> usize {
    let count = AtomicUsize::new(0);
    let coverage = history.walk(&|blob| {
        // It comes again when it is known where it stands.
        if blob.trial.is_some() {
            return;
        }
        let id = blob_id(blob.bytes);
        let first = &blob.places[0];
        assert!(first.kind != Kind::Blob || first.blob == Some(id));
        let Some(lineage) = blob.lineage else { return };
        count.fetch_add(usize::from(lineage.base.is_some()), Ordering::Relaxed);
        lineage.remember(Box::new(()));
    });
    coverage.unwrap();
    count.into_inner()
}

#[test]
fn what_is_found_is_the_same_whole_or_by_differences_however_it_is_packed() {
    for seed in 0..2 {
        assert_same(seed, &Author::new(seed).versions());
    }
}

#[test]
fn what_is_disguised_is_the_same_whole_or_by_differences() {
    for seed in 0..4 {
        assert_same(seed, &Author::in_disguise(seed).versions());
    }
}

fn assert_same(seed: u64, versions: &[Vec<u8>]) {
    let repo = committed(versions);
    let expected = expected(versions);
    assert!(expected.len() > 5, "seed {seed}: {} are too little to find", expected.len());
    for storage in STORAGES {
        if !storage.is_empty() {
            repo.git(storage);
        }
        let history = History::new(repo.path());
        assert!(with_a_base(&history) > VERSIONS / 3, "{storage:?}");
        for history in [history.clone(), history.whole_blobs(true)] {
            let seen = seen(&history);
            let (more, less): (Vec<_>, Vec<_>) =
                (seen.difference(&expected).collect(), expected.difference(&seen).collect());
            assert!(
                more.is_empty() && less.is_empty(),
                "seed {seed}, {storage:?}, {history:?}: {more:#?} too much, {less:#?} missing"
            );
        }
    }
}
