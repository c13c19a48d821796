//! `dayfly deps diff`.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use crate::advisories::scan::Opened;
use crate::base::{BaseError, Process, Snapshot};
use crate::cli::error::usage_error;
use crate::cli::scan::{JudgedByArgs, exit_code_of, replace};
use crate::cli::{Common, Output, stdio};
use crate::dependencies::{self, DiffRequest};

/// Arguments of `deps diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// Where the change goes: a git revision, or a folder (as ./FOLDER)
    base: String,
    /// The change: a git revision, or a folder (as ./FOLDER)
    #[arg(default_value = "HEAD")]
    head: String,
    /// A policy and waivers inside the repository, or inside of HEAD, are read from BASE
    #[command(flatten)]
    pub judged_by: JudgedByArgs,
    /// Write the change as Markdown for a pull request, too
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// Compares; the exit code is 0, 6 (failed) or 7 (inconclusive).
pub fn run(args: &DiffArgs, common: &Common) -> anyhow::Result<u8> {
    let json = common.output == Output::Json;
    let usage = |e: &dyn std::fmt::Display| anyhow::Error::from(usage_error(&e.to_string()));
    let process = process()?;
    let open = |name: &str| Snapshot::open(name, &process);
    let base = open(&args.base).map_err(|e| usage(&e))?;
    let head = open(&args.head).map_err(|e| usage(&e))?;
    let from = head.begin(&base).map_err(|e: BaseError| usage(&e))?;
    let limits = args.judged_by.policy.limits_of_base(&base, &head, &process, json)?.dependencies;
    let waivers = args.judged_by.waivers.load_of_base(&base, &head, &process, json)?;
    let opened = args.judged_by.advisories.open().map_err(|e| usage(&format!("{e:#}")))?;
    let bundle = match &opened {
        Opened::Bundle(bundle) => Some(Ok(&**bundle)),
        Opened::None => None,
        Opened::Unusable(why) => Some(Err(why.clone())),
    };
    let request = DiffRequest {
        base: &base,
        from: from.as_ref(),
        head: &head,
        limits: &limits,
        now: Timestamp::now(),
        bundle,
        waivers: &waivers,
    };
    let diff = dependencies::diff(&request).map_err(|e| usage(&e))?;
    if let Some(file) = &args.markdown {
        replace(file, &dependencies::markdown(&diff)).map_err(|e| usage(&format!("{e:#}")))?;
    }
    if json {
        outln!("{:#}", serde_json::to_value(&diff)?);
    } else {
        stdio::out(&dependencies::text(&diff));
    }
    Ok(exit_code_of(diff.verdict))
}

fn process() -> anyhow::Result<Process> {
    let unknown = |e: std::io::Error| usage_error(&format!("the working folder is unknown: {e}"));
    let folder = std::env::current_dir().map_err(unknown)?;
    Ok(Process { folder, path: std::env::var_os("PATH").unwrap_or_default() })
}
