//! `dayfly validate`: every fault of a description at once, without touching an engine.

use std::io::{IsTerminal, Write};
use std::path::Path;

use serde_json::json;

use crate::spec::{self, Faults, Overrides, Valid};

/// Exit code of an invalid description.
const INVALID: u8 = 2;

/// Checks a description; returns the exit code: 0, or 2 when there is a fault.
///
/// Faults go to stderr; with `json` they go to stdout as `[{path, line, column, message, help}]`, `[]` when valid.
pub fn run(file: &Path, overrides: &Overrides, json: bool) -> u8 {
    match spec::load(file, overrides) {
        Ok(_) if json => output("[]\n"),
        Ok(valid) => output(&summary(&valid)),
        Err(faults) => refuse(&faults, json),
    }
}

/// Prints faults where they belong; returns the exit code.
pub fn refuse(faults: &Faults, json: bool) -> u8 {
    if json {
        output(&format!("{:#}\n", json!(faults.list)));
    } else {
        eprint!("{}", faults.render(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()));
    }
    INVALID
}

fn summary(valid: &Valid) -> String {
    let e = &valid.environment;
    let counted = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    let mut parts = vec![counted(e.services.len(), "service"), counted(e.databases.len(), "database")];
    parts.extend(e.broker.iter().map(|_| "a broker".to_owned()));
    parts.push(counted(e.suites.len(), "suite"));
    format!("{} is valid: {}\n", valid.path.display(), parts.join(", "))
}

/// Writes data to stdout; returns the exit code: 0 also when the reader went away early, as with `| head`.
pub(super) fn output(text: &str) -> u8 {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            eprintln!("dayfly: failed to write to stdout: {e}");
            1
        }
        _ => 0,
    }
}
