#![no_main]

#[path = "../bodies.rs"]
#[allow(dead_code, reason = "each target uses its own part")]
mod bodies;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| bodies::checks(bytes));
