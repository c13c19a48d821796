//! What is taken from an environment before it is removed: the logs of its units, and what the engine keeps of it.
//!
//! It is taken after the suites, whatever came of them; what cannot be had is left out and said, and never hides a result.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use tokio::time::timeout;

use super::{Journal, RunEvent};
use crate::engine::{Engine, EngineError};
use crate::report::facts::RawFile;

/// How many of the last lines of each log are kept.
const LINES: usize = 5000;
/// How long it may take: an environment that does not answer must still be removed.
const LIMIT: Duration = Duration::from_secs(30);

/// Takes it, and notes the files. Secrets are replaced by their names, as everywhere.
pub async fn collect(engine: &dyn Engine, journal: &Journal, environment: &str) {
    // Apart, so that a log that does not end costs nothing but the logs.
    let (logs, states) =
        futures::join!(timeout(LIMIT, logs(engine, environment)), timeout(LIMIT, engine.diagnostics(environment)));
    let mut files = vec![];
    for taken in [logs, states] {
        match taken {
            Ok(Ok(taken)) => files.extend(taken.iter().map(|(name, bytes)| file(journal, name, bytes))),
            // Nothing was ever made, or it is gone.
            Ok(Err(EngineError::Missing(_))) => {}
            Err(_) => {
                tracing::warn!("a part of what {environment} leaves did not arrive within {} s", LIMIT.as_secs());
            }
            Ok(Err(e)) => tracing::warn!("a part of what {environment} leaves is not kept: failed to {e}"),
        }
    }
    if !files.is_empty() {
        journal.record(RunEvent::Diagnostics { files });
    }
}

fn file(journal: &Journal, name: &str, bytes: &[u8]) -> RawFile {
    let (sha256, size) = journal.add_raw(bytes);
    let media_type = if name.ends_with(".json") { "application/json" } else { "text/plain" };
    RawFile { name: name.to_owned(), media_type: media_type.to_owned(), sha256, size }
}

/// A file for the log of each copy of each unit.
async fn logs(engine: &dyn Engine, environment: &str) -> Result<BTreeMap<String, Vec<u8>>, EngineError> {
    let mut lines = engine.logs(environment, None, Some(LINES), false).await?;
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    while let Some(line) = lines.next().await {
        let line = match line {
            Ok(line) => line,
            Err(e) => {
                tracing::warn!("a log of {environment} is kept only as far as it could be read: failed to {e}");
                continue;
            }
        };
        let file = files.entry(format!("{}.log", line.unit)).or_default();
        file.extend_from_slice(line.text.as_bytes());
        file.push(b'\n');
    }
    Ok(files)
}
