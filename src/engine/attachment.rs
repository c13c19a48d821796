//! A command inside a unit whose streams are attached.

use std::pin::Pin;

use bytes::Bytes;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use tokio::io::AsyncWrite;
use tokio::sync::mpsc::UnboundedSender;

use super::{EngineError, ExecutionEnd};

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// Rows.
    pub rows: u16,
    /// Columns.
    pub columns: u16,
}

/// A piece of a command's output. A terminal has only standard output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputPiece {
    /// Standard output.
    Stdout(Bytes),
    /// Standard error.
    Stderr(Bytes),
}

/// A command that runs. It may run on if this is dropped: engines cannot end a command.
pub struct AttachedCommand {
    /// Its standard input; a shutdown is its end.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
    /// Its output, until it has ended.
    pub output: BoxStream<'static, Result<OutputPiece, EngineError>>,
    /// How it ended, once the output has.
    pub end: BoxFuture<'static, Result<ExecutionEnd, EngineError>>,
    /// Receives the sizes of its terminal, if it has one.
    pub sizes: UnboundedSender<TerminalSize>,
}

impl AttachedCommand {
    /// A command that was never started, for this reason.
    pub fn not_started(reason: String) -> Self {
        Self {
            input: Box::pin(tokio::io::sink()),
            output: futures::stream::empty().boxed(),
            end: Box::pin(std::future::ready(Ok(ExecutionEnd::NotStarted(reason)))),
            sizes: tokio::sync::mpsc::unbounded_channel().0,
        }
    }
}
