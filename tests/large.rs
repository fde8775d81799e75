//! What is too large to hold at once is scanned in windows: the same is found as in the whole.

use std::fmt::Write as _;

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use stanch::finding::{Finding, Location};
use stanch::pattern::PatternSet;
use stanch::scan::{Report, Scanner, holds_files, scan};
use stanch::source::{CELL_BYTES, Source, Stdin, Worktree};

/// Returns everything a report says, in an order of its own.
fn said(report: &Report) -> String {
    let mut said = format!("{:?}\n", report.coverage);
    for Finding { pattern, fingerprint, redacted, severity, locations, .. } in &report.findings {
        writeln!(said, "{} {fingerprint} {redacted} {severity}", pattern.id).unwrap();
        for Location { span, excerpt, .. } in locations {
            writeln!(said, "  {span:?} {excerpt}").unwrap();
        }
    }
    said
}

fn scan_one(scanner: &Scanner, source: &dyn Source) -> Report {
    scan(scanner, &[source], &|_| {}).unwrap()
}

/// Asserts that a text is scanned in windows as it is scanned whole, and returns how much was found.
fn assert_same(scanner: &Scanner, text: &[u8]) -> usize {
    let whole = scan_one(scanner, &Stdin::new(text).window_bytes(256 * CELL_BYTES));
    for own in [CELL_BYTES, 3 * CELL_BYTES] {
        let windows = scan_one(scanner, &Stdin::new(text).window_bytes(own));
        assert!(said(&windows) == said(&whole), "windows of {own} bytes");
    }
    whole.findings.len()
}

/// Returns one filled example of every pattern.
fn examples(set: &PatternSet) -> Vec<String> {
    let mut rng = StdRng::seed_from_u64(1);
    let filled = set.patterns().iter().flat_map(|pattern| {
        let examples = pattern.examples.iter().take(2);
        let examples: Vec<_> = examples.map(|text| pattern.fill(text, &mut rng)).collect();
        examples.into_iter().map(|filled| filled.unwrap().text)
    });
    filled.collect()
}

/// Returns lines of about that many bytes, some with characters of several bytes.
fn lines(bytes: usize) -> String {
    "let größe = compute(&input, 42) + offset; // €\n".repeat(bytes / 49 + 1)
}

#[test]
fn a_finding_is_whole_wherever_a_window_ends() {
    let scanner = Scanner::new(PatternSet::embedded().unwrap());
    let examples = examples(scanner.patterns());
    let mut text = String::new();
    // One in four: the property below takes all of them in turn.
    for (number, example) in examples.iter().step_by(4).enumerate() {
        // Its middle stands at the edge of a cell, or so; every third one in a line without end.
        let middle = (number % 9 + 1) * CELL_BYTES - example.len() / 2;
        let missing = middle.saturating_sub(text.len());
        text.push_str(&if number % 3 == 0 { "x ".repeat(missing / 2) } else { lines(missing) });
        writeln!(text, "\n{example}").unwrap();
        if number % 9 == 8 {
            assert!(assert_same(&scanner, text.as_bytes()) > 0);
            text.clear();
        }
    }
}

#[test]
fn what_is_dense_is_found_in_windows_as_in_the_whole() {
    let scanner = Scanner::new(PatternSet::embedded().unwrap());
    let mut rng = StdRng::seed_from_u64(2);
    let aws = scanner.patterns().get("aws-access-key").unwrap();
    let pair = aws.fill(&aws.examples[0], &mut rng).unwrap().text;
    for block in ["AKIA", "sk-", "eyJ", "-----BEGIN PRIVATE KEY-----", "password=abc ", &pair] {
        let text = block.repeat(3 * CELL_BYTES / block.len());
        assert_same(&scanner, text.as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..Default::default() })]

    #[test]
    fn windows_find_what_the_whole_has(
        seeds in proptest::collection::vec((0..3_usize, -300..300_isize, any::<prop::sample::Index>()), 40),
    ) {
        let scanner = Scanner::new(PatternSet::embedded().unwrap());
        let examples = examples(scanner.patterns());
        let mut text = lines(4 * CELL_BYTES).into_bytes();
        for (cell, beside, example) in seeds {
            let example = example.get(&examples).as_bytes();
            let at = ((cell + 1) * CELL_BYTES).strict_add_signed(beside);
            text[at..at + example.len()].copy_from_slice(example);
        }
        assert_same(&scanner, &text);
    }
}

#[test]
fn a_large_file_is_read_in_windows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.log");
    let scanner = Scanner::new(PatternSet::embedded().unwrap());
    let key = &examples(scanner.patterns())[0];
    let text = [lines(80 * CELL_BYTES), key.clone()].join("\n");
    std::fs::write(&path, &text).unwrap();
    let report = scan_one(&scanner, &Worktree::new(vec![path]));
    assert_eq!((report.coverage.blobs, report.coverage.bytes), (1, text.len() as u64));
    let line = report.findings[0].locations[0].span.line;
    assert_eq!(line, 1 + text[..text.find(key.as_str()).unwrap()].matches('\n').count());
}

#[test]
fn a_large_archive_is_opened_nevertheless() {
    let scanner = Scanner::new(PatternSet::embedded().unwrap());
    let key = &examples(scanner.patterns())[0];
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in [("filler.txt", lines(10 * CELL_BYTES)), ("deploy/key.env", key.clone())]
    {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_cksum();
        tar.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    let tar = tar.into_inner().unwrap();
    let stream = || Stdin::new(tar.as_slice()).window_bytes(CELL_BYTES);
    let opened = scan_one(&scanner, &stream().indivisible(holds_files));
    assert_eq!(opened.findings[0].locations[0].within.as_deref(), Some("deploy/key.env"));
    assert_eq!(opened.coverage.gaps, []);
    // In windows it is searched as it stands, and that is said.
    let unopened = scan_one(&scanner, &stream());
    assert_eq!(unopened.findings.len(), opened.findings.len());
    assert!(unopened.coverage.gaps[0].why.contains("too large"), "{:?}", unopened.coverage);
}
