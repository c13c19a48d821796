//! Collects the diagnostics of an environment before its removal: logs of its units, and the engine's own files.
//!
//! They are collected after the suites, whatever the verdict. Unavailable ones are logged and never hide a result.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use tokio::time::timeout;

use super::{Journal, RunEvent};
use crate::engine::lines::DROPPED;
use crate::engine::{Engine, EngineError};
use crate::report::Facts;
use crate::report::facts::RawFile;

/// Maximum number of lines of a log; the last ones are kept.
const LINES: usize = 5000;
/// Maximum size of the log of one copy, in bytes; its beginning is dropped.
const MAX_LOG: usize = 4 << 20;
/// Ending of the names of logs.
pub const LOG: &str = ".log";
/// Time limit: an environment that does not answer must still be removed.
const LIMIT: Duration = Duration::from_secs(30);

/// Collects and records the files. Secrets are replaced by their names.
pub async fn collect(engine: &dyn Engine, journal: &Journal, environment: &str) {
    // Separate time limits, so that a log that does not end loses only the logs.
    let (logs, states) =
        futures::join!(timeout(LIMIT, logs(engine, environment)), timeout(LIMIT, engine.diagnostics(environment)));
    let mut files = vec![];
    for collected in [logs, states] {
        match collected {
            Ok(Ok(collected)) => files.extend(collected.iter().map(|(name, bytes)| file(journal, name, bytes))),
            // Nothing was created, or it is gone.
            Ok(Err(EngineError::Missing(_))) => {}
            Err(_) => {
                tracing::warn!("some diagnostics of {environment} were not available within {} s", LIMIT.as_secs());
            }
            Ok(Err(e)) => tracing::warn!("some diagnostics of {environment} are missing: failed to {e}"),
        }
    }
    if !files.is_empty() {
        journal.record(RunEvent::Diagnostics { files });
    }
}

fn file(journal: &Journal, name: &str, bytes: &[u8]) -> RawFile {
    let media_type = if name.ends_with(".json") { "application/json" } else { "text/plain" };
    let unit = name.strip_suffix(LOG).and_then(|copy| unit_of(copy, &journal.facts()));
    journal.raw_file(name, media_type, unit.as_deref(), bytes)
}

/// The unit that a copy belongs to, such as `api` for `api-2`.
fn unit_of(copy: &str, facts: &Facts) -> Option<String> {
    let is_unit = |name: &str| facts.units.iter().any(|u| u.name == name);
    let numbered = || copy.rsplit_once('-').filter(|(_, n)| n.parse::<u8>().is_ok()).map(|(name, _)| name);
    Some(copy).filter(|c| is_unit(c)).or_else(|| numbered().filter(|name| is_unit(name))).map(str::to_owned)
}

/// Returns a file with the log of each copy of each unit.
async fn logs(engine: &dyn Engine, environment: &str) -> Result<BTreeMap<String, Vec<u8>>, EngineError> {
    let mut lines = engine.logs(environment, None, Some(LINES), false).await?;
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    while let Some(line) = lines.next().await {
        let line = match line {
            Ok(line) => line,
            Err(e) => {
                tracing::warn!("a log of {environment} is incomplete: failed to {e}");
                continue;
            }
        };
        let file = files.entry(format!("{}{LOG}", line.unit)).or_default();
        file.extend_from_slice(line.text.as_bytes());
        file.push(b'\n');
        if file.len() > 2 * MAX_LOG {
            drop_beginning(file);
        }
    }
    files.values_mut().filter(|file| file.len() > MAX_LOG).for_each(drop_beginning);
    Ok(files)
}

/// Drops whole lines, so that none begins within a secret, and says so.
fn drop_beginning(file: &mut Vec<u8>) {
    let from = file.len().saturating_sub(MAX_LOG);
    let line_end = file[from..].iter().position(|b| *b == b'\n').map_or(file.len(), |at| from + at + 1);
    file.splice(..line_end, DROPPED.bytes());
}
