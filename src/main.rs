//! The `dayfly` binary: parse, trace, perform the verb, exit with its code.
#![deny(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use clap::FromArgMatches as _;
use dayfly::cli::error::ReportedError;
use dayfly::cli::origin::sources;
use dayfly::cli::{Cli, Verb, stdio};
use dayfly::model::sanitize;
use dayfly::report::exit_code;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let parsed = Cli::explained().try_get_matches().and_then(|m| Ok((Cli::from_arg_matches(&m)?, sources(&m))));
    let (cli, sources) = match parsed {
        Ok(parsed) => parsed,
        Err(e) => return ExitCode::from(usage(&e)),
    };
    trace(&cli);
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            stdio::err(&format!("error: failed to start: {e}\n"));
            return ExitCode::from(exit_code::UNEXPECTED);
        }
    };
    let result = runtime.block_on(cli.perform(&sources));
    // Threads that still wait for standard input (the agent's, a forward's) must not delay the exit.
    runtime.shutdown_background();
    ExitCode::from(printed(code(result)))
}

/// Prints an error of the command line, or the help that was asked for. Arguments may be names of branches.
fn usage(error: &clap::Error) -> u8 {
    let look = if error.use_stderr() { stdio::stderr_look() } else { stdio::stdout_look() };
    let plain = error.render().to_string();
    let foreign = sanitize::inert(&plain) != plain;
    let coloured = !foreign && look.colour;
    let text = if coloured { error.render().ansi().to_string() } else { plain };
    if error.use_stderr() {
        stdio::err_styled(&text, coloured)
    } else {
        stdio::out_styled(&text, coloured)
    }
    u8::try_from(error.exit_code()).unwrap_or(exit_code::USAGE)
}

fn code(result: anyhow::Result<u8>) -> u8 {
    match result {
        Ok(code) => code,
        Err(e) => match e.downcast_ref::<ReportedError>() {
            Some(ReportedError(code)) => *code,
            None => {
                stdio::err(&format!("error: {e:#}\n"));
                exit_code::UNEXPECTED
            }
        },
    }
}

/// Turns a failed write to standard output into a failure, so that truncated data never looks complete.
fn printed(code: u8) -> u8 {
    let Some(e) = stdio::failure() else { return code };
    stdio::err(&format!("error: failed to write to standard output: {e}\n"));
    if code == exit_code::PASSED { exit_code::UNEXPECTED } else { code }
}

/// Sets up logs on standard error: warnings, more with `-v` or `RUST_LOG`. Controller and runner log JSON lines at level
/// info.
fn trace(cli: &Cli) {
    let in_cluster = matches!(cli.verb, Verb::Controller(_) | Verb::Runner(_));
    // The client tells of each attempt of a request; dayfly tells what came of them all.
    let quiet = if in_cluster { "dayfly=info,warn,kube_client::client=off" } else { "warn,kube_client::client=off" };
    let levels = [quiet, "dayfly=debug,warn", "debug"];
    let level = levels[usize::from(cli.common.verbose.min(2))];
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| stdio::LogWriter).with_ansi(false);
    if in_cluster {
        logs.json().flatten_event(true).with_current_span(true).with_span_list(false).init();
    } else {
        logs.init();
    }
}
