//! The fuzz targets; the environment variable `DAYFLY_FUZZ_TARGET` chooses one. `tests/fuzz/run` builds and runs them.
//!
//! A target panics where a rule is broken. libFuzzer itself notices panics, hangs and memory above its limit.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

mod targets;

use targets::Target;

fuzz_target!(|bytes: &[u8]| {
    static TARGET: OnceLock<Target> = OnceLock::new();
    TARGET.get_or_init(chosen)(bytes);
});

fn chosen() -> Target {
    let name = std::env::var("DAYFLY_FUZZ_TARGET").unwrap_or_default();
    let found = targets::ALL.iter().find(|(known, _)| *known == name);
    let names: Vec<&str> = targets::ALL.iter().map(|(name, _)| *name).collect();
    found.unwrap_or_else(|| panic!("DAYFLY_FUZZ_TARGET={name:?} is none of {names:?}")).1
}
