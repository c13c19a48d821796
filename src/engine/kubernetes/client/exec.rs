//! Connects to pods: to the standard streams of a program, or to a port.

use std::pin::Pin;
use std::task::{Context, Poll};

use kube::api::{AttachParams, Portforwarder};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, ReadBuf};

use super::engine::KubernetesEngine;
use crate::agent::AgentLink;
use crate::engine::kubernetes::explain;
use crate::engine::{EngineError, Leftover};
use crate::lease::Lease;

/// Bytes between the API server and the reader or writer.
const BUFFER: usize = 64 * 1024;
/// The command of an agent.
pub const AGENT: [&str; 2] = ["/dayfly", "agent"];

/// Runs a program in a container. The link consists of its standard streams; the program ends with the link.
pub async fn run(
    engine: &KubernetesEngine,
    environment: &str,
    pod: &str,
    container: &str,
    command: &[&str],
) -> Result<AgentLink, EngineError> {
    let params = AttachParams {
        container: Some(container.to_owned()),
        stdin: true,
        stdout: true,
        stderr: true,
        tty: false,
        max_stdin_buf_size: Some(BUFFER),
        max_stdout_buf_size: Some(BUFFER),
        max_stderr_buf_size: Some(BUFFER),
    };
    let what = format!("reach {container} in pod {pod}");
    let mut process = engine
        .pods(environment)
        .exec(pod, command.iter().copied(), &params)
        .await
        .map_err(|e| explain::failed(&what, &e, Leftover::Removable))?;
    let (Some(input), Some(output), Some(errors)) = (process.stdin(), process.stdout(), process.stderr()) else {
        return Err(explain::refused(&what, "its streams are missing", Leftover::Removable));
    };
    let pod = pod.to_owned();
    tokio::spawn(async move {
        let mut lines = BufReader::new(errors).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            tracing::debug!(pod, "{line}");
        }
    });
    Ok(AgentLink { input: Box::pin(input), output: Box::pin(Attached { inner: output, _kept: process }) })
}

/// A raw connection to a port of a unit's first copy.
pub async fn port_forward(
    engine: &KubernetesEngine,
    lease: &Lease,
    unit: &str,
    port: u16,
) -> Result<AgentLink, EngineError> {
    let what = format!("reach {unit}:{port}");
    let mut forwarder: Portforwarder = engine
        .pods(&lease.environment)
        .portforward(unit, &[port])
        .await
        .map_err(|e| explain::failed(&what, &e, Leftover::None))?;
    let stream = forwarder
        .take_stream(port)
        .ok_or_else(|| explain::refused(&what, "the cluster returned no connection", Leftover::None))?;
    let (output, input) = tokio::io::split(stream);
    Ok(AgentLink { input: Box::pin(input), output: Box::pin(Attached { inner: output, _kept: forwarder }) })
}

/// A reader that keeps its connection alive.
struct Attached<R, K> {
    inner: R,
    _kept: K,
}

impl<R: AsyncRead + Unpin, K: Unpin> AsyncRead for Attached<R, K> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}
