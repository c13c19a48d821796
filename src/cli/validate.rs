//! `dayfly validate`: reports all errors of a description at once. Needs no engine.

use super::{DescriptionArgs, description};
use crate::report::exit_code;
use crate::spec::ValidDescription;

/// Checks a description; returns the exit code: 0, or 2 with errors.
///
/// Diagnostics go to stderr; with `json` they go to stdout as `[{path, line, column, message, help}]`, `[]` when valid.
pub fn run(args: &DescriptionArgs, json: bool) -> anyhow::Result<u8> {
    let valid = description::load_with_base(args, description::overrides(args, None), json)?;
    if json {
        outln!("[]")
    } else {
        outln!("{}", summary(&valid))
    }
    Ok(exit_code::PASSED)
}

fn summary(valid: &ValidDescription) -> String {
    let e = &valid.environment;
    let counted = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    let mut parts = vec![counted(e.services.len(), "service"), counted(e.databases.len(), "database")];
    parts.extend(e.broker.iter().map(|_| "a broker".to_owned()));
    parts.push(counted(e.suites.len(), "suite"));
    format!("{} is valid: {}", valid.path.display(), parts.join(", "))
}
