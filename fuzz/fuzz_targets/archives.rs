#![no_main]

#[path = "../bodies.rs"]
#[allow(dead_code, reason = "each target uses its own part")]
mod bodies;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static SCANNER: LazyLock<stanch::scan::Scanner> = LazyLock::new(bodies::scanner);

fuzz_target!(|bytes: &[u8]| {
    // The first byte chooses how the archive begins.
    let (choice, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let beginning = bodies::BEGINNINGS[usize::from(*choice) % bodies::BEGINNINGS.len()];
    bodies::archives(&SCANNER, &[beginning, rest].concat());
});
