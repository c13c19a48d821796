//! Connects to pods: to the standard streams of a program, or to a port.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::api::{AttachParams, Portforwarder};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, ReadBuf};
use tokio_util::task::AbortOnDropHandle;

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
    let Some(ended) = process.take_status() else {
        return Err(explain::refused(&what, "its end cannot be followed", Leftover::Removable));
    };
    let pod = pod.to_owned();
    let logging = tokio::spawn(async move {
        let mut lines = BufReader::new(errors).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            tracing::debug!(pod, "{line}");
        }
    });
    let kept = (process, AbortOnDropHandle::new(logging));
    let output = Attached { inner: output, ended: Ended::Later(Box::pin(ended)), _kept: kept };
    Ok(AgentLink { input: Box::pin(input), output: Box::pin(output) })
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
    let output = Attached { inner: output, ended: Ended::WithStream, _kept: forwarder };
    Ok(AgentLink { input: Box::pin(input), output: Box::pin(output) })
}

/// A reader that keeps its connection alive, and ends with it.
struct Attached<R, K> {
    inner: R,
    ended: Ended,
    _kept: K,
}

/// How the end of a connection shows.
enum Ended {
    /// Its stream ends.
    WithStream,
    /// This resolves: with the program's status, or without one if the connection broke. Then the stream does not end.
    Later(BoxFuture<'static, Option<Status>>),
    /// The connection broke.
    Broken,
}

impl<R: AsyncRead + Unpin, K: Unpin> AsyncRead for Attached<R, K> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        if let Poll::Ready(read) = Pin::new(&mut self.inner).poll_read(cx, buf) {
            return Poll::Ready(read);
        }
        if let Ended::Later(end) = &mut self.ended {
            match end.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                // The rest of the stream follows, and its end.
                Poll::Ready(Some(_)) => self.ended = Ended::WithStream,
                Poll::Ready(None) => self.ended = Ended::Broken,
            }
            // It may have got its last piece just before the end.
            if let Poll::Ready(read) = Pin::new(&mut self.inner).poll_read(cx, buf) {
                return Poll::Ready(read);
            }
        }
        match self.ended {
            Ended::Broken => Poll::Ready(Err(std::io::ErrorKind::ConnectionAborted.into())),
            _ => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use futures::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A stream that got this, and stays open; its connection ends with this status.
    async fn read_after(text: &[u8], status: Option<Status>) -> (Vec<u8>, Option<std::io::ErrorKind>) {
        let (inner, mut writer) = tokio::io::simplex(64);
        writer.write_all(text).await.unwrap();
        if status.is_some() {
            writer.shutdown().await.unwrap();
        }
        let ended = Ended::Later(std::future::ready(status).boxed());
        let mut read = vec![];
        let end = Attached { inner, ended, _kept: writer }.read_to_end(&mut read).await;
        (read, end.err().map(|e| e.kind()))
    }

    #[tokio::test]
    async fn a_broken_connection_ends_the_stream_after_what_arrived() {
        assert_eq!(
            read_after(b"half a li", None).await,
            (b"half a li".into(), Some(std::io::ErrorKind::ConnectionAborted))
        );
    }

    #[tokio::test]
    async fn a_program_that_ended_ends_the_stream_in_order() {
        assert_eq!(read_after(b"all", Some(Status::default())).await, (b"all".into(), None));
    }
}
