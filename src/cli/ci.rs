//! Integration with CI systems: reads the job, publishes annotations and summaries.
//!
//! Everything but `publish` and `event` is pure: the environment is a map, files are texts.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::report::facts::Facts;
use crate::report::markdown;

mod annotate;
mod job;
mod system;

#[cfg(test)]
mod tests;

pub use annotate::annotations;
pub use job::{CiJob, job};
pub use system::{CiSystem, detect, in_ci};

/// GitHub's limit of a step summary, in bytes.
const SUMMARY_BYTES: u64 = 1024 * 1024;

/// The event that started a GitHub job; only it names the head commit of a pull request.
pub fn event(env: &BTreeMap<String, String>) -> Option<String> {
    fs::read_to_string(env.get("GITHUB_EVENT_PATH")?).ok()
}

/// Publishes the result to the CI system, if any: annotations on standard error (standard output is for data), and on
/// GitHub the Markdown report as the step summary. The caller turns errors into warnings.
pub fn publish(facts: &Facts, env: &BTreeMap<String, String>) -> io::Result<()> {
    let Some(ci) = detect(env) else { return Ok(()) };
    super::stdio::err_ci_commands(&annotations(facts, ci));
    match (ci, env.get("GITHUB_STEP_SUMMARY").filter(|p| !p.is_empty())) {
        (CiSystem::GitHub, Some(path)) => summarise(Path::new(path), &markdown::render(facts)),
        _ => Ok(()),
    }
}

/// Appends to the step summary, up to GitHub's limit.
fn summarise(path: &Path, text: &str) -> io::Result<()> {
    let size = fs::metadata(path).map_or(0, |m| m.len());
    if size + text.len() as u64 + 1 > SUMMARY_BYTES {
        return Err(io::Error::other("the summary of this step is full (1 MiB); the report is in the evidence folder"));
    }
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(format!("{text}\n").as_bytes())
}
