//! The `dayfly` binary: parse, trace, perform the verb, exit with its code.

use std::process::ExitCode;

use clap::Parser;
use dayfly::cli::connect::Ended;
use dayfly::cli::{Cli, exit};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    trace(cli.common.verbose);
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            eprintln!("error: failed to start: {e}");
            return ExitCode::from(exit::UNEXPECTED);
        }
    };
    let result = runtime.block_on(cli.perform());
    // Threads that still wait for standard input (the agent's, a forward's) must not hold the end up.
    runtime.shutdown_background();
    match result {
        Ok(code) => ExitCode::from(code),
        Err(e) => match e.downcast_ref::<Ended>() {
            Some(Ended(code)) => ExitCode::from(*code),
            None => {
                eprintln!("error: {e:#}");
                ExitCode::from(exit::UNEXPECTED)
            }
        },
    }
}

/// Logs go to standard error: warnings, more with `-v`, or as `RUST_LOG` says.
fn trace(verbose: u8) {
    let level = ["warn", "dayfly=debug,warn", "debug"][usize::from(verbose.min(2))];
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
}
