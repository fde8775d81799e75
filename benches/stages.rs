//! The stages of a scan on generated text: what clean text costs, and what findings add.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use stanch::pattern::PatternSet;
use stanch::scan::Scanner;

const MEGABYTE: usize = 1 << 20;

/// Returns source-like text of about that size, the same every time.
fn clean_text(bytes: usize) -> String {
    let lines =
        (0..).map(|n| format!("    let value_{n} = compute(&input, {n}) + offset; // step {n}\n"));
    let mut text = String::with_capacity(bytes + 80);
    for line in lines {
        text.push_str(&line);
        if text.len() >= bytes {
            return text;
        }
    }
    text
}

/// Returns the sources of this project, over and over.
fn source_text(bytes: usize) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let mut folders = vec![std::path::PathBuf::from(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the sources can be listed").flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    let texts = files.iter().map(|path| std::fs::read(path).expect("sources are readable"));
    let text: Vec<u8> = texts.flatten().collect();
    text.into_iter().cycle().take(bytes).collect()
}

/// Returns the embedded patterns and so many more, each with a prefix of its own as vendors have them.
fn with_more_patterns(count: usize) -> PatternSet {
    let mut rng = StdRng::seed_from_u64(2);
    let letters = |rng: &mut StdRng, count: usize| -> String {
        (0..count).map(|_| char::from(rng.random_range(b'a'..=b'z'))).collect()
    };
    let file = |number: usize| {
        let (name, kind) = (letters(&mut rng, 3 + number % 3), letters(&mut rng, 2));
        let sign = ['_', '-'][number % 2];
        let (prefix, id) = (format!("{name}{sign}{kind}{sign}"), format!("vendor{number}"));
        let toml = format!(
            "[provider]\nid = \"{id}\"\nname = \"{id}\"\nclass = \"llm\"\nconsole = \"https://{id}.test\"\n\
             [[pattern]]\nid = \"{id}-key\"\ndescription = \"Key: its holder can use it.\"\n\
             regex = '\\b{prefix}(?<key>[A-Za-z0-9]{{40}})\\b'\nanchors = [\"{prefix}\"]\nsecret = \"key\"\n\
             severity = \"high\"\nconfidence = \"high\"\nexamples = [\"{prefix}«key»\"]\n\
             counterexamples = [\"{prefix}short\"]\n"
        );
        (format!("patterns/llm/{id}.toml"), toml)
    };
    let files: Vec<_> = (0..count).map(file).collect();
    PatternSet::with_files(&files).expect("made after the embedded ones")
}

/// Returns clean text with one example of every pattern in each so many lines.
fn text_with_findings(set: &PatternSet, bytes: usize) -> String {
    let mut rng = StdRng::seed_from_u64(1);
    let clean = clean_text(bytes);
    let examples: Vec<String> = set
        .patterns()
        .iter()
        .filter_map(|pattern| pattern.fill(pattern.examples.first()?, &mut rng).ok())
        .map(|example| example.text)
        .collect();
    let mut examples = examples.iter().cycle();
    let mut text = String::with_capacity(bytes * 2);
    for (number, line) in clean.lines().enumerate() {
        text.push_str(line);
        text.push('\n');
        if number % 500 == 0 {
            text.extend(examples.next().map(String::as_str));
            text.push('\n');
        }
    }
    text
}

fn stages(criterion: &mut Criterion) {
    let set = PatternSet::embedded().expect("embedded provider files load");
    let (clean, found) = (clean_text(4 * MEGABYTE), text_with_findings(&set, 4 * MEGABYTE));
    let scanner = Scanner::new(set);

    let mut group = criterion.benchmark_group("scan");
    for (name, text) in [("clean", &clean), ("with findings", &found)] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| scanner.scan_bytes(black_box(text.as_bytes())));
        });
    }
    group.finish();

    let source = source_text(16 * MEGABYTE);
    let mut group = criterion.benchmark_group("source text");
    group.throughput(Throughput::Bytes(source.len() as u64));
    for more in [0, 500] {
        let scanner = Scanner::new(with_more_patterns(more));
        group.bench_function(format!("prefilter, {more} more patterns"), |bencher| {
            bencher.iter(|| scanner.count_anchors(black_box(&source)));
        });
        group.bench_function(format!("scan, {more} more patterns"), |bencher| {
            bencher.iter(|| scanner.scan_bytes(black_box(&source)));
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("start");
    group.bench_function("load embedded patterns", |bencher| bencher.iter(PatternSet::embedded));
    group.bench_function("make the scanner", |bencher| {
        bencher.iter(|| PatternSet::embedded().map(Scanner::new));
    });
    group.finish();
}

/// Times two scanners in turn, so that what else the machine does hits both, and prints what the second
/// takes in units of the first.
#[expect(clippy::print_stdout, reason = "a bench says what it measured")]
fn ratios(_: &mut Criterion) {
    const ROUNDS: usize = 31;
    let source = source_text(16 * MEGABYTE);
    let scanners = [0, 500].map(|more| Scanner::new(with_more_patterns(more)));
    let mut quotients = Vec::new();
    for _ in 0..ROUNDS {
        let [few, many] = [&scanners[0], &scanners[1]].map(|scanner| {
            let start = std::time::Instant::now();
            black_box(scanner.scan_bytes(black_box(&source)));
            start.elapsed().as_secs_f64()
        });
        quotients.push(many / few);
    }
    quotients.sort_by(f64::total_cmp);
    println!(
        "with 500 more patterns a scan takes {:.2} times as long (median of {ROUNDS} pairs)",
        quotients[ROUNDS / 2]
    );
}

criterion_group!(benches, stages, ratios);
criterion_main!(benches);
