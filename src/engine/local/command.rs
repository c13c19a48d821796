//! Runs a command inside a unit's first copy, with the engine's own means for it.

use std::time::Duration;

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use futures::StreamExt;
use tokio::time::{sleep, timeout};

use super::client::LocalEngine;
use super::containers::Inspected;
use super::explain;
use crate::engine::words::{not_running, reason};
use crate::engine::{CommandOutput, EngineError, Execution, ExecutionEnd, Leftover};
use crate::lease::Lease;
use crate::render::labels;

/// Pauses until the engine has noted the end of a command whose streams have ended, and their number.
const PAUSE: Duration = Duration::from_millis(25);
const PAUSES: u32 = 200;

/// Runs the command as the unit's user until it ends or the limit is over. Nothing is sent twice.
pub async fn run(
    engine: &LocalEngine,
    lease: &Lease,
    unit: &str,
    command: &[String],
    limit: Duration,
) -> Result<Execution, EngineError> {
    let name = labels::container_name(lease, unit, 1);
    let what = format!("run a command in {unit}");
    let found = match running(engine, lease, unit, &name).await? {
        Ok(found) => found,
        Err(reason) => return Ok(Execution::not_started(reason)),
    };
    let options = CreateExecOptions {
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        cmd: Some(command.to_vec()),
        ..CreateExecOptions::default()
    };
    let failed = |e: &bollard::errors::Error| explain::failed(&what, &explain::words(e), Leftover::None);
    let id = engine.docker.create_exec(&found.id, options).await.map_err(|e| failed(&e))?.id;
    let (mut stdout, mut stderr) = (CommandOutput::default(), CommandOutput::default());
    let running = async {
        let start = StartExecOptions { detach: false, tty: false, output_capacity: None };
        let mut pieces = match engine.docker.start_exec(&id, Some(start)).await? {
            StartExecResults::Attached { output, .. } => output,
            StartExecResults::Detached => return Ok(()),
        };
        while let Some(piece) = pieces.next().await {
            match piece? {
                LogOutput::StdErr { message } => stderr.push(&message),
                other => stdout.push(&other.into_bytes()),
            }
        }
        Ok(())
    };
    let end = match timeout(limit, running).await {
        Err(_) => ExecutionEnd::TimedOut,
        Ok(Ok(())) => {
            let code = exit_code(engine, &id).await.map_err(|words| explain::failed(&what, &words, Leftover::None))?;
            // Podman tells it on standard error, Docker on standard output.
            let said = [&stderr.bytes, &stdout.bytes].into_iter().find(|stream| !stream.is_empty());
            not_started(code, said.map_or(&[], |said| said))
                .map_or(ExecutionEnd::Exited(code), ExecutionEnd::NotStarted)
        }
        // An answer of the engine in place of the streams.
        Ok(Err(e)) if explain::status(&e).is_some() => ExecutionEnd::NotStarted(reason(&explain::words(&e))),
        Ok(Err(e)) => return Err(failed(&e)),
    };
    Ok(Execution { end, stdout, stderr })
}

/// A unit's container that runs, or why no command can run in it.
pub async fn running(
    engine: &LocalEngine,
    lease: &Lease,
    unit: &str,
    name: &str,
) -> Result<Result<Inspected, String>, EngineError> {
    let is_late = lease.plan.unit(unit).is_some_and(|u| u.start_late);
    match engine.container(name).await? {
        Some(found) if found.state.status == "running" => Ok(Ok(found)),
        Some(found) => Ok(Err(not_running(unit, Some(&found.state.status)))),
        None if is_late => Ok(Err(not_running(unit, None))),
        None => Err(EngineError::Missing(format!("the container of {unit}"))),
    }
}

/// The exit code of a command whose streams have ended.
pub async fn exit_code(engine: &LocalEngine, id: &str) -> Result<i64, String> {
    for _ in 0..PAUSES {
        let state = engine.docker.inspect_exec(id).await.map_err(|e| explain::words(&e))?;
        match state.exit_code {
            Some(code) if state.running != Some(true) => return Ok(code),
            _ => sleep(PAUSE).await,
        }
    }
    Err("the engine does not tell its exit code".into())
}

/// The reason why the container runtime could not start a command. It has only a stream of the command to tell it, so that a
/// command can pretend the same; both are no success.
pub fn not_started(code: i64, said: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(said);
    let first = text.lines().next()?;
    let first =
        first.strip_prefix("Error: ").or_else(|| first.starts_with("OCI runtime exec failed: ").then_some(first))?;
    let of_runtime = ["runc: ", "crun: ", "OCI runtime"].iter().any(|start| first.starts_with(start));
    (of_runtime && matches!(code, 126 | 127)).then(|| reason(first))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn tells_a_command_that_was_not_started_from_one_that_failed() {
        let said = b"Error: runc: exec failed: unable to start container process: exec: \"nope\": executable file not found in $PATH: OCI runtime attempted to invoke a command that was not found\nError: read unixpacket @->/proc/self/fd/14/attach: read: connection reset by peer\n";
        let why = not_started(127, said).unwrap();
        assert!(why.starts_with("its command is not in the image") && !why.contains("unixpacket"), "{why}");
        let docker = b"OCI runtime exec failed: exec failed: unable to start container process: exec: \"nope\": executable file not found in $PATH: unknown\r\n";
        let why = not_started(126, docker).unwrap();
        assert!(why.starts_with("its command is not in the image"), "{why}");
        for (code, said) in [(127, "sh: 1: nope: not found\n"), (1, "Error: runc: x\n"), (127, "")] {
            assert_eq!(not_started(code, said.as_bytes()), None);
        }
    }
}
