//! Connects to the standard streams of a container. They are attached before it starts, so that nothing is missed.

use std::pin::Pin;
use std::task::{Context, Poll};

use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error;
use bollard::query_parameters::{AttachContainerOptionsBuilder, StartContainerOptions};
use futures::{Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio_util::task::AbortOnDropHandle;

use super::client::LocalEngine;
use crate::agent::AgentLink;

/// Size of the buffer between the engine and the reader, in bytes.
const BUFFER: usize = 64 * 1024;

/// Attaches to a created container and starts it.
pub async fn start(engine: &LocalEngine, container: &str) -> Result<AgentLink, Error> {
    let options = AttachContainerOptionsBuilder::new().stream(true).stdin(true).stdout(true).stderr(true).build();
    let AttachContainerResults { output, input } = engine.docker.attach_container(container, Some(options)).await?;
    engine.docker.start_container(container, None::<StartContainerOptions>).await?;
    let (near, far) = tokio::io::duplex(BUFFER);
    let carrying = AbortOnDropHandle::new(tokio::spawn(copy_output(output, near, container.to_owned())));
    Ok(AgentLink { input, output: Box::pin(Output { far, _carrying: carrying }) })
}

/// Closes the engine's connection when dropped; the container ends when its input is dropped too.
struct Output {
    far: DuplexStream,
    _carrying: AbortOnDropHandle<()>,
}

impl AsyncRead for Output {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.far).poll_read(cx, buf)
    }
}

/// Copies standard output to the reader and standard error to the debug log, until one side ends.
async fn copy_output(
    mut from: Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>,
    mut to: DuplexStream,
    container: String,
) {
    while let Some(Ok(piece)) = from.next().await {
        match piece {
            LogOutput::StdErr { message } => {
                tracing::debug!(container, "{}", String::from_utf8_lossy(&message).trim_end())
            }
            other => {
                if to.write_all(&other.into_bytes()).await.is_err() {
                    return;
                }
            }
        }
    }
}
