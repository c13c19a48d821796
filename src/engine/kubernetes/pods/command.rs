//! Runs a command inside a unit's first copy: an `exec` in the unit's own container.

use std::time::Duration;

use k8s_openapi::api::core::v1::ContainerStatus;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::api::AttachParams;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::container_status::{self, UNIT_CONTAINER};
use super::ephemeral;
use crate::engine::kubernetes::client::KubernetesEngine;
use crate::engine::kubernetes::explain;
use crate::engine::words::{self, reason};
use crate::engine::{CommandOutput, EngineError, Execution, ExecutionEnd, Leftover};
use crate::lease::Lease;

/// Bytes between the API server and the reader, and of one piece.
const BUFFER: usize = 64 * 1024;

/// Runs the command as the unit's user until it ends or the limit is over. The request is not repeated.
pub async fn run(
    engine: &KubernetesEngine,
    lease: &Lease,
    unit: &str,
    command: &[String],
    limit: Duration,
) -> Result<Execution, EngineError> {
    if let Some(reason) = not_running(engine, lease, unit).await? {
        return Ok(Execution::not_started(reason));
    }
    let what = format!("run a command in {unit}");
    let (mut stdout, mut stderr) = (CommandOutput::default(), CommandOutput::default());
    let running = attached(engine, lease, unit, command, (&mut stdout, &mut stderr));
    let end = match timeout(limit, running).await {
        Err(_) => ExecutionEnd::TimedOut,
        Ok(Err(e)) => return Err(explain::failed(&what, &e, Leftover::None)),
        Ok(Ok(None)) => return Err(explain::refused(&what, "the connection broke", Leftover::None)),
        Ok(Ok(Some(status))) => end(&status).map_err(|words| explain::refused(&what, &words, Leftover::None))?,
    };
    Ok(Execution { end, stdout, stderr })
}

/// Why no command can run in a unit; none if it runs.
pub async fn not_running(engine: &KubernetesEngine, lease: &Lease, unit: &str) -> Result<Option<String>, EngineError> {
    let is_late = lease.plan.unit(unit).is_some_and(|u| u.start_late);
    let pod = match ephemeral::pod(engine, &lease.environment, unit).await {
        Err(EngineError::Missing(_)) if is_late => return Ok(Some(words::not_running(unit, None))),
        pod => pod?,
    };
    let container = container_status::container(&pod, UNIT_CONTAINER);
    if container.is_some_and(ephemeral::runs) {
        return Ok(None);
    }
    let ended = |c: &ContainerStatus| {
        [&c.state, &c.last_state].iter().any(|s| s.as_ref().is_some_and(|s| s.terminated.is_some()))
    };
    let state = if container.is_some_and(ended) { "exited" } else { "waiting" };
    Ok(Some(words::not_running(unit, Some(state))))
}

/// The cluster's word about the end, if its connection did not break.
async fn attached(
    engine: &KubernetesEngine,
    lease: &Lease,
    unit: &str,
    command: &[String],
    (stdout, stderr): (&mut CommandOutput, &mut CommandOutput),
) -> Result<Option<Status>, kube::Error> {
    let params = AttachParams {
        container: Some(UNIT_CONTAINER.to_owned()),
        stdin: false,
        stdout: true,
        stderr: true,
        tty: false,
        max_stdin_buf_size: None,
        max_stdout_buf_size: Some(BUFFER),
        max_stderr_buf_size: Some(BUFFER),
    };
    let mut process = engine.pods(&lease.environment).exec(unit, command.iter().cloned(), &params).await?;
    let (output, errors, ended) = (process.stdout(), process.stderr(), process.take_status());
    // After a broken connection the streams do not end.
    let broken = CancellationToken::new();
    let reading = broken.run_until_cancelled(async { tokio::join!(keep(output, stdout), keep(errors, stderr)) });
    let ending = async {
        let status = match ended {
            Some(ended) => ended.await,
            None => None,
        };
        if status.is_none() {
            broken.cancel();
        }
        status
    };
    Ok(tokio::join!(reading, ending).1)
}

async fn keep(stream: Option<impl AsyncRead + Unpin>, output: &mut CommandOutput) {
    let Some(mut stream) = stream else { return };
    let mut piece = vec![0; BUFFER];
    while let Ok(length @ 1..) = stream.read(&mut piece).await {
        output.push(&piece[..length]);
    }
}

/// What the status at the end of an `exec` means; the error is what the cluster says about its own failure.
pub fn end(status: &Status) -> Result<ExecutionEnd, String> {
    if status.status.as_deref() == Some("Success") {
        return Ok(ExecutionEnd::Exited(0));
    }
    let causes = status.details.iter().flat_map(|d| d.causes.iter().flatten());
    let code =
        causes.filter(|c| c.reason.as_deref() == Some("ExitCode")).find_map(|c| c.message.as_ref()?.parse().ok());
    if let Some(code) = code {
        return Ok(ExecutionEnd::Exited(code));
    }
    let words = status.message.clone().unwrap_or_else(|| "it does not say how the command ended".into());
    let of_runtime = ["failed to start exec", "exec failed", "failed to create exec"];
    if of_runtime.iter().any(|sign| words.contains(sign)) {
        Ok(ExecutionEnd::NotStarted(reason(&words)))
    } else {
        Err(words)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn ended(status: serde_json::Value) -> Result<ExecutionEnd, String> {
        end(&serde_json::from_value(status).unwrap())
    }

    #[test]
    fn tells_exit_codes_commands_that_were_not_started_and_failures_of_the_cluster_apart() {
        assert_eq!(ended(json!({"status": "Success"})), Ok(ExecutionEnd::Exited(0)));
        let code = json!({"status": "Failure", "reason": "NonZeroExitCode", "message": "command terminated with non-zero exit code",
            "details": {"causes": [{"reason": "ExitCode", "message": "3"}]}});
        assert_eq!(ended(code), Ok(ExecutionEnd::Exited(3)));
        let absent = json!({"status": "Failure", "reason": "InternalError", "message": "Internal error occurred: error executing command in container: failed to exec in container: failed to start exec \"5e\": OCI runtime exec failed: exec failed: unable to start container process: exec: \"nope\": executable file not found in $PATH: unknown"});
        let Ok(ExecutionEnd::NotStarted(why)) = ended(absent) else { unreachable!() };
        assert!(why.starts_with("its command is not in the image"), "{why}");
        assert!(ended(json!({"status": "Failure", "message": "the kubelet is away"})).is_err());
    }
}
