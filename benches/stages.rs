//! The stages of a scan on generated text: what clean text costs, and what findings add.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rand::SeedableRng;
use rand::rngs::StdRng;
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

    let mut group = criterion.benchmark_group("start");
    group.bench_function("load embedded patterns", |bencher| bencher.iter(PatternSet::embedded));
    group.bench_function("make the scanner", |bencher| {
        bencher.iter(|| PatternSet::embedded().map(Scanner::new));
    });
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
