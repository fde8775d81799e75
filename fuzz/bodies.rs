//! What must hold for every input: shared by the fuzz targets and the property tests.

use std::path::Path;

use stanch::pattern::import::import;
use stanch::pattern::{Check, PatternSet};
use stanch::policy::{Allowlist, Baseline};
use stanch::scan::{Limits, Report, Scanner, scan};
use stanch::source::{CELL_BYTES, Source, Stdin};

/// Small enough that a run which exceeds them is seen at once.
pub(crate) const LIMITS: Limits = Limits {
    disguises: 3,
    archives: 4,
    decoded_ratio: 16,
    entry_bytes: 1 << 20,
    archive_bytes: 4 << 20,
    entries: 64,
    entry_ratio: 250,
};

/// How each kind of archive begins.
pub(crate) const BEGINNINGS: [&[u8]; 9] = [
    b"",
    b"\x1f\x8b\x08",
    b"BZh91AY&SY",
    b"\xfd7zXZ\0",
    b"\x28\xb5\x2f\xfd",
    b"PK\x03\x04",
    b"!<arch>\n",
    b"SQLite format 3\0\x02\0\x01\x01\0\x40\x20\x20",
    b"\xff\xfe",
];

/// Returns the scanner that every body uses.
pub(crate) fn scanner() -> Scanner {
    Scanner::new(PatternSet::embedded().expect("the embedded patterns load")).limits(LIMITS)
}

/// Whatever is encoded, every detection stands within the bytes and says where.
pub(crate) fn decoders(scanner: &Scanner, bytes: &[u8]) {
    for found in scanner.scan_bytes(bytes) {
        let (span, position) = (&found.span, &found.position);
        assert!(span.start < span.end && span.end <= bytes.len(), "{span:?} of {}", bytes.len());
        assert!(found.parts.values().all(|part| part.start <= part.end && part.end <= bytes.len()));
        assert_eq!((position.start, position.end), (span.start, span.end));
        assert!(position.line >= 1 && position.column >= 1);
        assert!(found.disguises.len() <= LIMITS.disguises + 2);
    }
}

/// Whatever an archive holds, scanning it ends, and says what was left out.
pub(crate) fn archives(scanner: &Scanner, bytes: &[u8]) -> Report {
    let report = scan(scanner, &[&Stdin::new(bytes) as &dyn Source], &|_| ())
        .expect("a stream can always be scanned");
    assert!(report.coverage.gaps.iter().all(|gap| !gap.why.is_empty() && !gap.remedy.is_empty()));
    report
}

/// Whatever a file of patterns, of allowances or of another scanner's rules says, it is read or refused with a
/// reason, and what was read can be searched with.
pub(crate) fn files(text: &str) {
    let file = ("patterns/llm/fuzz.toml".to_owned(), text.to_owned());
    match PatternSet::from_files([(file.0.as_str(), file.1.as_str())]) {
        Ok(set) => drop(Scanner::new(set).limits(LIMITS).scan_bytes(text.as_bytes())),
        Err(error) => assert!(error.to_string().contains("fuzz.toml"), "{error}"),
    }
    let refused = |why: String| assert!(!why.is_empty());
    let _ =
        Allowlist::parse("stanch.toml", Path::new("."), text).map_err(|e| refused(e.to_string()));
    let _ = Baseline::parse("stanch.baseline", text).map_err(|e| refused(e.to_string()));
    let _ = import("rules.toml", text).map_err(refused);
}

/// Wherever the end of a window cuts a text, the same is found as in the whole.
pub(crate) fn edges(scanner: &Scanner, bytes: &[u8]) {
    let (place, bytes) = bytes.split_first().unwrap_or((&0, &[]));
    let before = CELL_BYTES.saturating_sub(usize::from(*place) * bytes.len() / 256);
    let filler = b"a line of text, and another one\n";
    let mut text: Vec<u8> = filler.iter().copied().cycle().take(before).collect();
    text.extend_from_slice(bytes);
    text.extend(filler.iter().copied().cycle().take(3 * CELL_BYTES));
    let found = |own: usize| {
        let stream = Stdin::new(text.as_slice()).window_bytes(own);
        let report = scan(scanner, &[&stream as &dyn Source], &|_| ())
            .expect("a stream can always be scanned");
        let findings = report.findings.into_iter();
        findings.map(|found| (found.fingerprint, found.locations)).collect::<Vec<_>>()
    };
    assert_eq!(found(CELL_BYTES), found(64 * CELL_BYTES));
}

/// Whatever claims to be a key, each check has a verdict on it.
pub(crate) fn checks(bytes: &[u8]) {
    for check in Check::ALL {
        let _ = check.judge(bytes);
    }
}
