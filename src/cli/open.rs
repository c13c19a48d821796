//! `dayfly open`: shows the report of a past run in a browser.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use tokio::process::Command;
use tokio::time::timeout;

use super::error::usage_error;
use super::logs::past::newest_run;
use super::wanted::{Slot, Wanted};
use super::{process_env, report, request};
use crate::evidence::store;
use crate::model::RunId;
use crate::report::{Format, exit_code, render};

/// Program that opens a page where `BROWSER` names none.
const OPENER: &str = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
/// Time in which a program that cannot show the page says so. A browser may run for as long as its windows.
const PATIENCE: Duration = Duration::from_secs(5);

/// Arguments of `open`.
#[derive(Debug, Args)]
pub struct OpenArgs {
    /// Environment, folder of a run, or `report.json` (default: the newest run of all evidence)
    of: Option<PathBuf>,
    /// Folder of the evidence (default: `evidence` in the working folder)
    #[arg(long, value_name = "FOLDER", env = "DAYFLY_EVIDENCE", hide_env_values = true)]
    evidence: Option<PathBuf>,
}

impl OpenArgs {
    /// What it takes from the settings.
    pub fn wants<'a>(&'a mut self, wanted: &mut Wanted<'a>) {
        wanted.slots.push(("evidence", Slot::Path(&mut self.evidence)));
    }
}

/// Writes the report as a page beside other temporary files, where it stays, and opens it.
pub async fn run(args: OpenArgs) -> anyhow::Result<u8> {
    let evidence = args.evidence.unwrap_or_else(|| request::DEFAULT_EVIDENCE.into());
    let found = find(args.of.as_deref(), &evidence)
        .and_then(|found| report::find(&found))
        .map_err(|e| usage_error(&format!("{e:#}")))?;
    let facts = report::load(&found).map_err(|e| usage_error(&format!("{e:#}")))?;
    let page = render(&facts, Format::Html, false)?;
    let file = tempfile::Builder::new().prefix("dayfly-").suffix(".html").tempfile();
    let mut file = file.context("failed to write the page")?;
    std::io::Write::write_all(&mut file, page.as_bytes()).context("failed to write the page")?;
    let (_, path) = file.keep().context("failed to write the page")?;
    outln!("{}", path.display());
    errln!("the report of run {} in {}", facts.run, facts.environment);
    report::note(&facts, &found);
    show(&path, &process_env::variables()).await?;
    Ok(exit_code::PASSED)
}

/// A run by its path, or by its environment; otherwise the newest one.
fn find(of: Option<&Path>, evidence: &Path) -> anyhow::Result<PathBuf> {
    let Some(of) = of else {
        return newest(evidence).with_context(|| format!("there is no run in {}", evidence.display()));
    };
    if of.exists() {
        return Ok(of.to_owned());
    }
    let name = of.to_str().filter(|name| store::check_name("environment", name).is_ok());
    let run = name.and_then(|name| newest_run(&evidence.join(name)));
    run.with_context(|| format!("there is no run of {} in {}, and no such file", of.display(), evidence.display()))
}

/// The newest run of all environments. Links are not followed: they may lead to folders of others.
fn newest(evidence: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(evidence).ok()?.filter_map(Result::ok);
    let folders = entries.filter(|e| e.file_type().is_ok_and(|t| t.is_dir()));
    let runs = folders.filter_map(|e| newest_run(&e.path()));
    runs.max_by_key(|path| path.file_name().and_then(|name| name.to_str()?.parse::<RunId>().ok()))
}

/// Starts the browser, and reports it if that fails at once.
async fn show(page: &Path, variables: &BTreeMap<String, String>) -> anyhow::Result<()> {
    // The variable holds a command line, or several after one another.
    let named = variables.get("BROWSER").and_then(|browsers| browsers.split(':').find(|b| !b.trim().is_empty()));
    let mut words = named.unwrap_or(OPENER).split_whitespace();
    let program = words.next().unwrap_or(OPENER);
    let help = format!("open {} yourself, or set BROWSER", page.display());
    let mut command = Command::new(program);
    command.args(words).arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Ctrl-C in this terminal is not meant for the browser.
    let mut child = match command.process_group(0).spawn() {
        Ok(child) => child,
        Err(e) => bail!("failed to start {program}: {e}; {help}"),
    };
    match timeout(PATIENCE, child.wait()).await {
        Ok(Ok(ended)) if !ended.success() => bail!("{program} failed ({ended}); {help}"),
        _ => Ok(()),
    }
}
