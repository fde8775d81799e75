//! Where recent findings stand, so that `contain 3fa9c2e1` finds the secret again without a new scan.
//!
//! A file in the data folder with fingerprints and places, never a secret. It is a hint: without it the
//! path is scanned again.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::environment;
use crate::finding::Finding;
use crate::secret::{Fingerprint, FingerprintPrefix};
use crate::source::{self, Blob, Coverage, Kind, Place, Source};

/// More findings than this are forgotten, oldest first.
const MAX_LINES: usize = 10_000;
/// Places kept of one finding.
const MAX_PLACES: usize = 20;

/// One place of one finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    fingerprint: Fingerprint,
    /// The folder or repository the place is in.
    root: PathBuf,
    place: Place,
}

/// Adds the places of these findings: files as seen from the present folder, all else in the repository
/// that `repository` is in.
pub(super) fn remember(findings: &[Finding], repository: &Path) -> io::Result<()> {
    let (here, repository) =
        (environment::absolute(Path::new(".")), environment::absolute(repository));
    let root = |place: &Place| match place.kind {
        Kind::File | Kind::GitFile => here.clone(),
        _ => repository.clone(),
    };
    let folder =
        environment::data_folder().map_err(|_| io::Error::from(io::ErrorKind::NotFound))?;
    let new: Vec<Line> = findings.iter().flat_map(|finding| lines_of(finding, &root)).collect();
    let is_known = |line: &Line| new.contains(line);
    let mut lines: Vec<Line> = read(&folder).into_iter().filter(|line| !is_known(line)).collect();
    lines.extend(new);
    lines.drain(..lines.len().saturating_sub(MAX_LINES));
    write(&folder, &lines)
}

fn lines_of<'a>(
    finding: &'a Finding,
    root: &'a impl Fn(&Place) -> PathBuf,
) -> impl Iterator<Item = Line> + 'a {
    let places = finding.locations.iter().map(|location| &location.place);
    let again = places.filter(|place| place.kind != Kind::Stdin).take(MAX_PLACES);
    again.map(|place| Line {
        fingerprint: finding.fingerprint,
        root: root(place),
        place: place.clone(),
    })
}

/// Returns the remembered lines; one that can't be read is forgotten.
fn read(folder: &Path) -> Vec<Line> {
    let text = fs::read_to_string(folder.join(FILE)).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

const FILE: &str = "recent-findings.jsonl";

fn write(folder: &Path, lines: &[Line]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    // A temporary file is readable by its owner alone, and the rename is all or nothing.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    for line in lines {
        serde_json::to_writer(&mut file, line)?;
        writeln!(file)?;
    }
    file.persist(folder.join(FILE))?;
    Ok(())
}

/// The remembered places of the findings with that prefix, as a source.
pub(super) struct Remembered(Vec<Line>);

impl Remembered {
    /// Returns what is remembered of a finding.
    pub(super) fn of(prefix: &FingerprintPrefix) -> Self {
        let lines = environment::data_folder().map(|folder| read(&folder)).unwrap_or_default();
        Self(lines.into_iter().filter(|line| prefix.matches(&line.fingerprint)).collect())
    }

    /// Returns the folder or repository of the first place.
    pub(super) fn root(&self) -> Option<&Path> {
        self.0.first().map(|line| line.root.as_path())
    }
}

impl Source for Remembered {
    fn walk(&self, visit: &(dyn Fn(Blob<'_>) + Sync)) -> Result<Coverage, source::Error> {
        let mut coverage = Coverage::default();
        for line in &self.0 {
            // What is gone from its place is no gap: the other places or a scan will show it.
            if let Ok(bytes) = source::read_blob(&line.root, &line.place) {
                visit(Blob::new(&bytes, std::slice::from_ref(&line.place)));
                coverage.blobs += 1;
                coverage.bytes += bytes.len() as u64;
            }
        }
        Ok(coverage)
    }
}
