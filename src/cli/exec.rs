//! `dayfly exec`: runs a command inside a service, with this process's standard streams and the command's exit code.
//!
//! At a terminal, the session is the user's own: Ctrl-C belongs to the command, and its output is passed on as it is. Elsewhere
//! it is foreign text, and made inert where a terminal or a CI system would obey it.

use std::io::{IsTerminal, Read};

use bytes::Bytes;
use clap::Args;
use futures::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::signal::unix::{SignalKind, signal};

use super::error::{ReportedError, engine_error, usage_error};
use super::stdio::session::{RawTerminal, Shown};
use super::{Common, ci, environment, process_env, signals, target};
use crate::engine::{AttachedCommand, Engine, ExecutionEnd, OutputPiece, TerminalSize};
use crate::lease::Lease;
use crate::lifecycle::usage::{self, InUse};
use crate::report::exit_code;

/// The exit code for a command that could not be started, as shells have it.
const NOT_STARTED: u8 = 126;
/// Bytes that are read from standard input at once.
const PIECE: usize = 64 * 1024;
/// The best shell that a service has.
const SHELL: [&str; 3] =
    ["sh", "-c", "TERM=${TERM:-xterm}; export TERM; command -v bash >/dev/null && exec bash; exec sh"];

/// Arguments of `exec`.
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// Name of the environment, such as `hello-pr-1`
    environment: String,
    /// Service, broker, database or backing service
    service: String,
    /// Command and its arguments (default at a terminal: a shell)
    #[arg(last = true)]
    command: Vec<String>,
}

/// Runs the command; its exit code is that of this process.
pub async fn run(args: ExecArgs, common: &Common) -> anyhow::Result<u8> {
    let engine = target::engine(common).await?;
    let lease = lease_with(&args.environment, &args.service, engine.as_ref(), common).await?;
    let at_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let command = match args.command.is_empty() {
        false => args.command,
        true if at_terminal => SHELL.map(str::to_owned).to_vec(),
        true => anyhow::bail!(usage_error("name a command after `--`; a shell needs a terminal")),
    };
    usage::record_use(engine.as_ref(), &lease).await;
    let _in_use = InUse::start(engine.clone(), lease.clone());
    // Before the terminal changes, which a signal would leave as it is then.
    let stop = signals::ask()?;
    let terminal = if at_terminal { Some(RawTerminal::enter()?) } else { None };
    let size = terminal.as_ref().map(RawTerminal::size);
    let mut is_started = false;
    let running = async {
        let mut attached = engine.attach(&lease, &args.service, &command, size).await?;
        is_started = true;
        pass(&mut attached, terminal.as_ref()).await?;
        attached.end.await
    };
    let ended = stop.run_until_cancelled(running).await;
    drop(terminal);
    let may_run = format!("the command may still run in {}, because no engine can end it", args.service);
    match ended {
        Some(Ok(ExecutionEnd::Exited(code))) => Ok(u8::try_from(code).unwrap_or(exit_code::UNEXPECTED)),
        Some(Ok(ExecutionEnd::NotStarted(why))) => {
            errln!("error: failed to run a command in {}: {why}", args.service);
            Err(ReportedError(NOT_STARTED).into())
        }
        Some(Ok(ExecutionEnd::TimedOut)) => {
            errln!("error: the time for it is over; {may_run}");
            Ok(exit_code::UNEXPECTED)
        }
        Some(Err(e)) => {
            let error = engine_error(common, &e);
            if is_started {
                errln!("note: {may_run}");
            }
            Err(error)
        }
        None => {
            errln!("\ninterrupted: {may_run}");
            Ok(exit_code::INTERRUPTED)
        }
    }
}

/// The lease of an environment that has this service.
pub async fn lease_with(name: &str, service: &str, engine: &dyn Engine, common: &Common) -> anyhow::Result<Lease> {
    let lease = environment::lease_or_not_found(name, engine, common).await?;
    if lease.plan.unit(service).is_none() {
        let known = lease.plan.units.iter().map(|u| u.name.as_str()).collect::<Vec<_>>().join(", ");
        anyhow::bail!(usage_error(&format!("{name} has no service {service}; it has: {known}")));
    }
    Ok(lease)
}

/// Passes the streams on until the output ends.
async fn pass(
    attached: &mut AttachedCommand,
    terminal: Option<&RawTerminal>,
) -> Result<(), crate::engine::EngineError> {
    let mut typed = standard_input();
    let mut resized = signal(SignalKind::window_change()).ok();
    let in_ci = ci::in_ci(&process_env::variables());
    let (mut stdout, mut stderr) = (Shown::stdout(terminal.is_some(), in_ci), Shown::stderr(in_ci));
    let mut open = true;
    loop {
        tokio::select! {
            piece = attached.output.next() => match piece {
                None => break,
                Some(Ok(OutputPiece::Stdout(bytes))) => stdout.show(&bytes),
                Some(Ok(OutputPiece::Stderr(bytes))) => stderr.show(&bytes),
                Some(Err(e)) => return Err(e),
            },
            bytes = typed.recv(), if open => {
                // A command that reads no more is no failure; its end says what happened.
                open = match bytes {
                    Some(bytes) => attached.input.write_all(&bytes).await.is_ok() && attached.input.flush().await.is_ok(),
                    None => {
                        attached.input.shutdown().await.ok();
                        false
                    }
                };
            }
            Some(()) = changed(&mut resized) => if let Some(terminal) = terminal {
                let size: TerminalSize = terminal.size();
                attached.sizes.send(size).ok();
            },
        }
    }
    stdout.end();
    stderr.end();
    Ok(())
}

async fn changed(signals: &mut Option<tokio::signal::unix::Signal>) -> Option<()> {
    match signals {
        Some(signals) => signals.recv().await,
        None => std::future::pending().await,
    }
}

/// Standard input, read by a thread that does not keep the process alive.
fn standard_input() -> tokio::sync::mpsc::Receiver<Bytes> {
    let (send, receive) = tokio::sync::mpsc::channel(4);
    std::thread::spawn(move || {
        let mut buffer = vec![0; PIECE];
        while let Ok(length @ 1..) = std::io::stdin().lock().read(&mut buffer) {
            if send.blocking_send(Bytes::copy_from_slice(&buffer[..length])).is_err() {
                return;
            }
        }
    });
    receive
}
