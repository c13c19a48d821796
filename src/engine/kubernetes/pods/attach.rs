//! Runs a command inside a unit's first copy with its streams attached: an `exec` in the unit's own container.

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use kube::api::{AttachParams, TerminalSize as Size};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc::{Sender, channel, unbounded_channel};
use tokio_util::sync::CancellationToken;

use super::command;
use super::container_status::UNIT_CONTAINER;
use crate::engine::kubernetes::client::KubernetesEngine;
use crate::engine::kubernetes::explain;
use crate::engine::{AttachedCommand, EngineError, Leftover, OutputPiece, TerminalSize};
use crate::lease::Lease;

/// Bytes between the API server and the reader or writer, and of one piece.
const BUFFER: usize = 64 * 1024;
/// Pieces that are read ahead.
const AHEAD: usize = 16;

/// Starts the command as the unit's user.
pub async fn attach(
    engine: &KubernetesEngine,
    lease: &Lease,
    unit: &str,
    command: &[String],
    terminal: Option<TerminalSize>,
) -> Result<AttachedCommand, EngineError> {
    let what = format!("run a command in {unit}");
    if let Some(reason) = command::not_running(engine, lease, unit).await? {
        return Ok(AttachedCommand::not_started(reason));
    }
    let params = AttachParams {
        container: Some(UNIT_CONTAINER.to_owned()),
        stdin: true,
        stdout: true,
        stderr: terminal.is_none(),
        tty: terminal.is_some(),
        max_stdin_buf_size: Some(BUFFER),
        max_stdout_buf_size: Some(BUFFER),
        max_stderr_buf_size: Some(BUFFER),
    };
    let started = engine.pods(&lease.environment).exec(unit, command.iter().cloned(), &params).await;
    let mut process = started.map_err(|e| explain::failed(&what, &e, Leftover::None))?;
    let missing = || explain::refused(&what, "its streams are missing", Leftover::None);
    let (input, ended) = (process.stdin().ok_or_else(missing)?, process.take_status().ok_or_else(missing)?);
    // After a broken connection the streams do not end.
    let broken = CancellationToken::new();
    let (send, pieces) = channel(AHEAD);
    let streams = (process.stdout(), process.stderr());
    let (out, err) = (send.clone(), send);
    tokio::spawn(broken.clone().run_until_cancelled_owned(async move {
        tokio::join!(pass(streams.0, out, OutputPiece::Stdout), pass(streams.1, err, OutputPiece::Stderr))
    }));
    let (sizes, mut wanted) = unbounded_channel::<TerminalSize>();
    if let (Some(size), Some(mut resize)) = (terminal, process.terminal_size()) {
        sizes.send(size).ok();
        tokio::spawn(async move {
            while let Some(TerminalSize { rows, columns }) = wanted.recv().await {
                if resize.send(Size { width: columns, height: rows }).await.is_err() {
                    return;
                }
            }
        });
    }
    let status = tokio::spawn(async move {
        let status = ended.await;
        if status.is_none() {
            broken.cancel();
        }
        drop(process);
        status
    });
    let end = async move {
        let words = match status.await.ok().flatten() {
            Some(status) => match command::end(&status) {
                Ok(end) => return Ok(end),
                Err(words) => words,
            },
            None => "the connection broke".to_owned(),
        };
        Err(explain::refused(&what, &words, Leftover::None))
    };
    let output = futures::stream::unfold(pieces, |mut pieces| async move { Some((Ok(pieces.recv().await?), pieces)) });
    Ok(AttachedCommand { input: Box::pin(input), output: output.boxed(), end: Box::pin(end), sizes })
}

async fn pass(stream: Option<impl AsyncRead + Unpin>, to: Sender<OutputPiece>, piece: impl Fn(Bytes) -> OutputPiece) {
    let Some(mut stream) = stream else { return };
    let mut buffer = vec![0; BUFFER];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        if to.send(piece(Bytes::copy_from_slice(&buffer[..length]))).await.is_err() {
            return;
        }
    }
}
