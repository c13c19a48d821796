//! Runs a command inside a unit's first copy with its streams attached.

use std::sync::{Arc, Mutex, PoisonError};

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, ResizeExecOptions, StartExecOptions, StartExecResults};
use futures::StreamExt;

use super::client::LocalEngine;
use super::{command, explain};
use crate::engine::words::reason;
use crate::engine::{AttachedCommand, EngineError, ExecutionEnd, Leftover, OutputPiece, TerminalSize};
use crate::lease::Lease;
use crate::render::labels;

/// Most bytes of the output that may say why the command could not be started.
const MAX_BEGUN: usize = 4096;

/// Starts the command as the unit's user.
pub async fn attach(
    engine: &LocalEngine,
    lease: &Lease,
    unit: &str,
    command: &[String],
    terminal: Option<TerminalSize>,
) -> Result<AttachedCommand, EngineError> {
    let name = labels::container_name(lease, unit, 1);
    let what = format!("run a command in {unit}");
    let refused = |words: &str| explain::failed(&what, words, Leftover::None);
    let found = match command::running(engine, lease, unit, &name).await? {
        Ok(found) => found,
        Err(reason) => return Ok(AttachedCommand::not_started(reason)),
    };
    let options = CreateExecOptions {
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        tty: Some(terminal.is_some()),
        cmd: Some(command.to_vec()),
        ..CreateExecOptions::default()
    };
    let failed = |e: bollard::errors::Error| refused(&reason(&explain::words(&e)));
    let id = engine.docker.create_exec(&found.id, options).await.map_err(failed)?.id;
    let start = StartExecOptions { detach: false, tty: terminal.is_some(), output_capacity: None };
    let StartExecResults::Attached { output, input } =
        engine.docker.start_exec(&id, Some(start)).await.map_err(failed)?
    else {
        return Err(refused("the engine did not attach its streams"));
    };
    let (sizes, mut wanted) = tokio::sync::mpsc::unbounded_channel::<TerminalSize>();
    let (docker, resized) = (engine.docker.clone(), id.clone());
    tokio::spawn(async move {
        while let Some(TerminalSize { rows, columns }) = wanted.recv().await {
            if let Err(e) = docker.resize_exec(&resized, ResizeExecOptions { height: rows, width: columns }).await {
                tracing::debug!("could not resize a terminal: {e}");
            }
        }
    });
    if let Some(size) = terminal {
        // The other end is the task above.
        sizes.send(size).ok();
    }
    let broken = what.clone();
    // What the container runtime says in place of the command.
    let begun = Arc::new(Mutex::new(vec![]));
    let noted = begun.clone();
    let output = output.map(move |piece| {
        let piece = match piece {
            Ok(LogOutput::StdErr { message }) => OutputPiece::Stderr(message),
            Ok(other) => OutputPiece::Stdout(other.into_bytes()),
            Err(e) => return Err(explain::failed(&broken, &explain::words(&e), Leftover::None)),
        };
        let (OutputPiece::Stdout(bytes) | OutputPiece::Stderr(bytes)) = &piece;
        let mut begun = noted.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_BEGUN - begun.len();
        begun.extend_from_slice(&bytes[..bytes.len().min(room)]);
        drop(begun);
        Ok(piece)
    });
    let engine = engine.clone();
    let end = async move {
        let code = command::exit_code(&engine, &id).await;
        let code = code.map_err(|words| explain::failed(&what, &words, Leftover::None))?;
        let reason = command::not_started(code, &begun.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(reason.map_or(ExecutionEnd::Exited(code), ExecutionEnd::NotStarted))
    };
    Ok(AttachedCommand { input, output: output.boxed(), end: Box::pin(end), sizes })
}
