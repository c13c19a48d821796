//! `dayfly logs`: prints the logs of one service or of all, of an environment or of a past run.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use futures::StreamExt;

use super::error::{engine_error, usage_error};
use super::{Common, Output, ci, environment, process_env, report, stdio, target};
use crate::evidence::store;
use crate::lifecycle::usage::{self, InUse};
use crate::model::sanitize;
use crate::report::exit_code;

pub mod past;

/// Arguments of `logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Name of the environment, such as `hello-pr-1`; not with the folder of one run
    #[arg(required_unless_present = "evidence")]
    environment: Option<String>,
    /// Name of the service (default: all services); of a past run also of a container suite
    service: Option<String>,
    /// Show what a past run stored: the folder of the run, or that of all evidence for the newest run of the environment
    #[arg(long, value_name = "FOLDER")]
    evidence: Option<PathBuf>,
    /// Print new lines as they arrive
    #[arg(long, short, conflicts_with = "evidence")]
    follow: bool,
    /// Number of recent lines to show of each service (default: all)
    #[arg(long, value_name = "LINES")]
    tail: Option<usize>,
}

/// Prints log lines until they end, or until Ctrl-C while following.
pub async fn run(args: LogsArgs, common: &Common) -> anyhow::Result<u8> {
    match (&args.evidence, &args.environment) {
        (Some(folder), environment) => of_evidence(folder, environment.as_deref(), &args, common),
        (None, Some(environment)) => of_environment(environment, &args, common).await,
        (None, None) => anyhow::bail!(usage_error("name an environment, or a folder with --evidence")),
    }
}

/// Prints the logs of a past run. The first name is that of an environment if there is a folder of that name, and otherwise
/// that of a service of the only run.
fn of_evidence(evidence: &Path, first: Option<&str>, args: &LogsArgs, common: &Common) -> anyhow::Result<u8> {
    let below = first.filter(|name| store::check_name("environment", name).is_ok()).map(|name| evidence.join(name));
    let is_folder = |path: &PathBuf| std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    let of_environment = below.filter(|folder| is_folder(folder) && !evidence.join(report::FILE).is_file());
    if let (None, Some(name), Some(_)) = (&of_environment, first, &args.service) {
        let why = format!("there is no run of {name} in {}", evidence.display());
        anyhow::bail!(usage_error(&why));
    }
    let service = if of_environment.is_some() { args.service.as_deref() } else { first };
    let folder = match of_environment {
        Some(folder) => {
            past::newest_run(&folder).ok_or_else(|| usage_error(&format!("there is no run in {}", folder.display())))?
        }
        None => {
            let report = report::find(evidence).map_err(|e| usage_error(&format!("{e:#}")))?;
            report.parent().unwrap_or(evidence).to_owned()
        }
    };
    past_logs(&folder, service, args, common)
}

fn past_logs(folder: &Path, service: Option<&str>, args: &LogsArgs, common: &Common) -> anyhow::Result<u8> {
    let logs = past::logs(folder, service)?;
    errln!("note: logs of the run in {}, which is over; they are not verified", folder.display());
    // Names in a report are anybody's.
    let name = |log: &past::PastLog| sanitize::one_line(&log.of, 80);
    let width = logs.iter().map(|log| name(log).chars().count()).max().unwrap_or(0);
    for log in &logs {
        let of = name(log);
        let from = args.tail.map_or(0, |tail| log.lines.len().saturating_sub(tail));
        let lines = log.lines[from..].iter().map(|line| match (common.output, logs.len()) {
            (Output::Json, _) => format!("{}\n", serde_json::json!({"service": of, "text": line})),
            (Output::Text, 1) => format!("{line}\n"),
            (Output::Text, _) => format!("{of:<width$} | {line}\n"),
        });
        stdio::out(&lines.collect::<String>());
    }
    Ok(exit_code::PASSED)
}

/// Prints the logs of an environment; if it is gone, of its last run where DAYFLY_EVIDENCE says.
async fn of_environment(name: &str, args: &LogsArgs, common: &Common) -> anyhow::Result<u8> {
    let engine = target::engine(common).await?;
    let Some(observed) = engine.observe(name).await.map_err(|e| engine_error(common, &e))? else {
        let variables = process_env::variables();
        let evidence = variables.get("DAYFLY_EVIDENCE").map(Path::new);
        // A name with a slash would lead out of the folder, and is no environment's.
        let last = evidence.filter(|_| store::check_name("environment", name).is_ok()).map(|e| e.join(name));
        if let Some(folder) = last.and_then(|folder| past::newest_run(&folder)).filter(|_| !args.follow) {
            return past_logs(&folder, args.service.as_deref(), args, common);
        }
        errln!("note: logs of past runs are in their evidence: dayfly logs {name} --evidence FOLDER");
        anyhow::bail!(environment::not_found_error(name, engine.as_ref(), common).await);
    };
    if let Some(unknown) = args.service.as_ref().filter(|s| !observed.units.contains_key(*s)) {
        let known = observed.units.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        anyhow::bail!(usage_error(&format!("{name} has no service {unknown}; it has: {known}")));
    }
    let in_use = observed.lease.as_ref().filter(|_| args.follow);
    if let Some(lease) = in_use {
        usage::record_use(engine.as_ref(), lease).await;
    }
    let _in_use = in_use.map(|lease| InUse::start(engine.clone(), lease.clone()));
    let mut lines = engine
        .logs(name, args.service.as_deref(), args.tail, args.follow)
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
