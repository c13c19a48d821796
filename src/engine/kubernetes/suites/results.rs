//! Fetches the results of a container suite through a container of dayfly's image in its pod, which runs until then.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::engine::kubernetes::client::{KubernetesEngine, exec};
use crate::render::archive::{self, Unpacked};

/// Maximum size of results, in bytes.
const MAX_RESULTS: usize = 32 << 20;
/// Maximum overhead of an archive, in bytes.
const OVERHEAD: usize = 4 << 20;
/// Time limit of one attempt.
const TIME_LIMIT: Duration = Duration::from_secs(120);
/// Bytes per read.
const READ_SIZE: usize = 64 * 1024;
/// Attempts when connections break.
const ATTEMPTS: u8 = 3;

/// Name of the container beside a suite's.
pub const CONTAINER: &str = "results";

/// The files of the folder, and a description of those that could not be fetched.
pub async fn fetch(engine: &KubernetesEngine, environment: &str, pod: &str, folder: &str) -> Unpacked {
    let mut why = String::new();
    for _ in 0..ATTEMPTS {
        match tokio::time::timeout(TIME_LIMIT, archive(engine, environment, pod, folder)).await {
            Ok(Ok((archive, too_much))) => {
                let (files, mut lost) = archive::unpack(&archive, MAX_RESULTS as u64);
                lost.extend(too_much);
                return (files, lost);
            }
            Ok(Err(words)) => why = words,
            Err(_) => why = format!("they did not arrive within {} s", TIME_LIMIT.as_secs()),
        }
    }
    (Default::default(), vec![format!("{folder}: {why}")])
}

/// The archive, and a message if it was truncated.
async fn archive(
    engine: &KubernetesEngine,
    environment: &str,
    pod: &str,
    folder: &str,
) -> Result<(Vec<u8>, Option<String>), String> {
    let command = ["/dayfly", "agent", "pack", folder];
    let mut link =
        exec::run(engine, environment, pod, CONTAINER, &command).await.map_err(|e| format!("failed to {e}"))?;
    link.input.shutdown().await.ok();
    let (mut all, mut piece) = (vec![], vec![0; READ_SIZE]);
    loop {
        match link.output.read(&mut piece).await.map_err(|e| e.to_string())? {
            0 => break,
            n => all.extend_from_slice(&piece[..n]),
        }
        if all.len() > MAX_RESULTS + OVERHEAD {
            let words =
                format!("{folder}: holds more than {} MiB; only its beginning was collected", MAX_RESULTS >> 20);
            return Ok((all, Some(words)));
        }
    }
    // A complete archive ends with two empty blocks.
    if all.len() < 1024 || all[all.len() - 1024..].iter().any(|b| *b != 0) {
        return Err("the connection broke before all of it had arrived".into());
    }
    Ok((all, None))
}
