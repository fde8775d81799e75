#![no_main]

#[path = "../bodies.rs"]
#[allow(dead_code, reason = "each target uses its own part")]
mod bodies;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static SCANNER: LazyLock<stanch::scan::Scanner> = LazyLock::new(bodies::scanner);

fuzz_target!(|bytes: &[u8]| bodies::edges(&SCANNER, bytes));
