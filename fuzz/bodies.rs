//! What must hold for every input: shared by the fuzz targets and the property tests.

use stanch::pattern::PatternSet;
use stanch::scan::{Limits, Report, Scanner, scan};
use stanch::source::{Source, Stdin};

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
