//! `dayfly logs`: prints the logs of one service or of all.

use std::io::Write;

use clap::Args;
use futures::StreamExt;

use super::error::{engine_error, usage_error};
use super::{Common, Output, ci, environment, process_env, target};
use crate::lifecycle::usage::{self, InUse};
use crate::model::sanitize;
use crate::report::exit_code;

/// Arguments of `logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Name of the environment, such as `hello-pr-1`
    environment: String,
    /// Name of the service (default: all services)
    service: Option<String>,
    /// Print new lines as they arrive
    #[arg(long, short)]
    follow: bool,
    /// Number of recent lines to show of each service (default: all)
    #[arg(long, value_name = "LINES")]
    tail: Option<usize>,
}

/// Prints log lines until they end, or until Ctrl-C while following.
pub async fn run(args: LogsArgs, common: &Common) -> anyhow::Result<u8> {
    let engine = target::engine(common).await?;
    let Some(observed) = engine.observe(&args.environment).await.map_err(|e| engine_error(common, &e))? else {
        anyhow::bail!(environment::not_found_error(&args.environment, common));
    };
    if let Some(unknown) = args.service.as_ref().filter(|s| !observed.units.contains_key(*s)) {
        let known = observed.units.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        anyhow::bail!(usage_error(&format!("{} has no service {unknown}; it has: {known}", args.environment)));
    }
    let in_use = observed.lease.as_ref().filter(|_| args.follow);
    if let Some(lease) = in_use {
        usage::record_use(engine.as_ref(), lease).await;
    }
    let _in_use = in_use.map(|lease| InUse::start(engine.clone(), lease.clone()));
    let mut lines = engine
        .logs(&args.environment, args.service.as_deref(), args.tail, args.follow)
        .await
        .map_err(|e| engine_error(common, &e))?;
    let width = observed.units.keys().map(String::len).max().unwrap_or(0);
    // Logs are shown as they are, except where the CI system would obey them.
    let in_ci = ci::in_ci(&process_env::variables());
    let shown = |text: String| if in_ci { sanitize::inert(&text) } else { text };
    let mut out = std::io::stdout();
    while let Some(line) = lines.next().await {
        let line = line.map_err(|e| engine_error(common, &e))?;
        let written = match (common.output, &args.service) {
            (Output::Json, _) => writeln!(
                out,
                "{}",
                sanitize::inert(&serde_json::json!({"service": line.unit, "text": line.text}).to_string())
            ),
            (_, Some(_)) => writeln!(out, "{}", shown(line.text)),
            (_, None) => writeln!(out, "{:<width$} | {}", line.unit, shown(line.text)),
        };
        // The reader went away (`| head`): that is the normal end.
        if written.is_err() {
            break;
        }
    }
    Ok(exit_code::PASSED)
}
