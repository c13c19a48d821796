//! `dayfly validate`: reports all errors of a description at once. Needs no engine.

use std::path::Path;

use super::description::print_diagnostics;
use crate::report::exit_code;
use crate::spec::{self, Overrides, ValidDescription};

/// Checks a description; returns the exit code: 0, or 2 with errors.
///
/// Diagnostics go to stderr; with `json` they go to stdout as `[{path, line, column, message, help}]`, `[]` when valid.
pub fn run(file: &Path, overrides: &Overrides, json: bool) -> u8 {
    match spec::load(file, overrides) {
        Ok(_) if json => outln!("[]"),
        Ok(valid) => outln!("{}", summary(&valid)),
        Err(faults) => {
            print_diagnostics(&faults, json);
            return exit_code::USAGE;
        }
    }
    exit_code::PASSED
}

fn summary(valid: &ValidDescription) -> String {
    let e = &valid.environment;
    let counted = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    let mut parts = vec![counted(e.services.len(), "service"), counted(e.databases.len(), "database")];
    parts.extend(e.broker.iter().map(|_| "a broker".to_owned()));
    parts.push(counted(e.suites.len(), "suite"));
    format!("{} is valid: {}", valid.path.display(), parts.join(", "))
}
