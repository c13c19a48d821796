//! `dayfly test`: runs suites in a running environment.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;

use super::advisories::AdvisoriesArgs;
use super::error::{engine_error, usage_error};
use super::policy::PolicyArgs;
use super::progress::Screen;
use super::signals::{self, Answers};
use super::waivers::{FROM, WaiverArgs};
use super::wanted::Wanted;
use super::{Common, Output, environment, report, stdio, target};
use crate::lease::Lease;
use crate::lifecycle::session::Session;
use crate::lifecycle::{Journal, RunEvent, facts, usage};
use crate::plan::{Plan, SuiteExecutor};
use crate::report::facts::{Change, Runner};
use crate::report::{Facts, Format, display, exit_code, render, text};
use crate::spec;
use crate::suite::case_selection::{ChosenCase, choose_cases, choose_failed};
use crate::suite::dependencies::ScanInput;
use crate::suite::executor;

/// Most suites and cases that a message names.
const MAX_NAMED: usize = 10;

/// Arguments of `test`.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Name of the environment, such as `hello-pr-1`
    environment: String,
    /// Run only this suite (repeatable)
    #[arg(long, value_name = "NAME")]
    suite: Vec<String>,
    /// Run only this case, and earlier ones that it builds on; `SUITE/ID` where several suites have it (repeatable)
    #[arg(long, value_name = "ID", conflicts_with_all = ["suite", "failed"])]
    case: Vec<String>,
    /// Run only what did not pass in this report (a file, or the folder of a run)
    #[arg(long, value_name = "REPORT", conflicts_with = "suite")]
    failed: Option<PathBuf>,
    /// List suites and cases instead of running them
    #[arg(long, conflicts_with = "out")]
    list: bool,
    #[command(flatten)]
    advisories: AdvisoriesArgs,
    #[command(flatten)]
    waivers: WaiverArgs,
    /// Revision, or folder (as ./FOLDER), of the protected base that waivers inside of the repository are read from
    #[arg(long, value_name = "BASE", requires = "waivers")]
    waivers_from: Option<String>,
    #[command(flatten)]
    policy: PolicyArgs,
    /// Folder of the description, whose lock files suites of kind `dependencies` scan
    #[arg(long, value_name = "FOLDER")]
    lockfiles: Option<PathBuf>,
    /// Write a report in JSON to this file, unsigned, for `--failed` and `dayfly report`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl TestArgs {
    /// What it takes from the settings.
    pub fn wants<'a>(&'a mut self, wanted: &mut Wanted<'a>) {
        self.advisories.wants(wanted);
        self.policy.wants(wanted);
    }

    /// What scans of dependencies go by.
    fn scans(&self, lease: &Lease, json: bool) -> anyhow::Result<ScanInput> {
        let paths = || lease.plan.scans(&self.suite).flat_map(|scan| scan.lock_files.iter().map(String::as_str));
        Ok(ScanInput {
            advisories: self.advisories.open_for(&lease.plan, &self.suite)?,
            waivers: self.waivers.load(self.waivers_from.as_deref(), FROM, json)?,
            limits: self.policy.limits(lease.repository.as_deref(), json)?.dependencies,
            lock_files: self.lockfiles.as_ref().map(|folder| spec::lock_files(folder, paths())),
            folder: self.lockfiles.as_ref().map(|folder| folder.display().to_string()).unwrap_or_default(),
        })
    }
}

/// Runs the suites; the environment stays.
pub async fn run(args: TestArgs, common: &Common) -> anyhow::Result<u8> {
    let engine = target::engine(common).await?;
    let mut lease = environment::lease_or_not_found(&args.environment, engine.as_ref(), common).await?;
    if let Some(lack) = lease.plan.lacks(&args.suite) {
        anyhow::bail!(usage_error(&format!("--suite: {lack}")));
    }
    if !choose(&args, &mut lease.plan)? {
        return Ok(exit_code::PASSED);
    }
    if args.list {
        list(&lease.plan, &args.suite, common.output)?;
        return Ok(exit_code::PASSED);
    }
    let scans = Arc::new(args.scans(&lease, common.output == Output::Json)?);
    usage::record_use(engine.as_ref(), &lease).await;
    let secrets = engine.secrets(&args.environment).await.map_err(|e| engine_error(common, &e))?;
    let screen = Screen::new(common.output, &lease.plan);
    let stop = signals::watch(Answers::stopping(), screen.answer())?;
    let change = Change {
        repository: lease.repository.clone(),
        pr: lease.plan.pr,
        commit: lease.commit.clone(),
        ..Change::default()
    };
    let mut facts = facts::initial(&lease, std::path::Path::new(""), change, Runner::default(), engine.kind());
    // The suites begin now, however old the environment is.
    facts.started = jiff::Timestamp::now();
    let run = facts.run.to_string();
    let journal = Journal::new(facts, None, screen.reporter(&run));
    journal.redact(secrets.redactor().map_err(|e| anyhow::anyhow!("failed to {e}"))?);
    let session = Session::new(engine, lease, secrets, journal.clone(), stop);
    if let Err(cause) = executor::execute(&session, &args.suite, &executor::Sources::new(), &scans).await {
        journal.record(RunEvent::Cause { cause });
    }
    session.release_agents().await;
    journal.update(|f| f.finished = Some(jiff::Timestamp::now()));
    let facts = journal.facts();
    if common.output == Output::Text {
        let colour = stdio::stdout_look().colour;
        stdio::out_styled(&text::render_closing(&facts, colour, &screen.end()), colour);
    }
    if let Some(out) = &args.out {
        let unsigned = Facts { unsigned: true, ..facts.clone() };
        let text = render(&unsigned, Format::Json, false)?;
        fs::write(out, text).with_context(|| format!("failed to write {}", out.display()))?;
    }
    let code = exit_code::from_facts(&facts);
    screen.ended(&run, Some(facts.outcome()), code);
    Ok(code)
}

/// Leaves only what the user chose in the plan; returns false if that is nothing.
fn choose(args: &TestArgs, plan: &mut Plan) -> anyhow::Result<bool> {
    if !args.case.is_empty() {
        let chosen: Vec<ChosenCase> = args.case.iter().map(|text| ChosenCase::parse(text, plan)).collect();
        choose_cases(plan, &chosen).map_err(|why| usage_error(&format!("--case: {why}")))?;
    }
    if let Some(path) = &args.failed {
        let facts = report::load(path).map_err(|e| usage_error(&format!("--failed: {e:#}")))?;
        if facts.environment != args.environment {
            let why = format!("the report is of {}, not of {}", facts.environment, args.environment);
            anyhow::bail!(usage_error(&format!("--failed: {why}")));
        }
        let found = choose_failed(plan, &facts);
        let more = if found.unknown.len() > MAX_NAMED { ", …" } else { "" };
        let unknown = found.unknown[..found.unknown.len().min(MAX_NAMED)].join(", ") + more;
        let path = path.display();
        match (found.any, unknown.is_empty()) {
            (true, true) => {}
            (true, false) => errln!("note: not run, because {path} does not show it: {unknown}"),
            (false, true) => {
                errln!("every suite of the environment passed in {path}: nothing to run");
                return Ok(false);
            }
            (false, false) => {
                let why =
                    format!("nothing failed in {path}, but it does not show {unknown}; run those without --failed");
                anyhow::bail!(usage_error(&why));
            }
        }
    }
    Ok(true)
}

/// Prints the suites and their cases. The cases of a container are known when it ran.
fn list(plan: &Plan, only: &[String], output: Output) -> anyhow::Result<()> {
    let mut rows = vec![];
    for (name, suite) in plan.suites.iter().filter(|(name, _)| only.is_empty() || only.contains(name)) {
        let kind = display::suite_kind(suite.kind);
        match &suite.executor {
            SuiteExecutor::Container(_) => rows.push([name.as_str(), kind, "", "(a container runs its cases)"]),
            SuiteExecutor::Dependencies(_) => {
                rows.push([name.as_str(), kind, "", "(a case for each image and lock file)"])
            }
            SuiteExecutor::Steps { cases } => {
                rows.extend(cases.iter().map(|case| [name.as_str(), kind, case.id.as_str(), case.name.as_str()]));
            }
        }
    }
    if output == Output::Json {
        let objects = rows.iter().map(|[suite, kind, id, name]| match id.is_empty() {
            true => serde_json::json!({ "suite": suite, "kind": kind }),
            false => serde_json::json!({ "suite": suite, "kind": kind, "id": id, "name": name }),
        });
        outln!("{}", serde_json::to_string_pretty(&objects.collect::<Vec<_>>())?);
        return Ok(());
    }
    let rows: Vec<[String; 4]> = rows.into_iter().map(|row| row.map(str::to_owned)).collect();
    stdio::out(&super::list::table(&["SUITE", "KIND", "CASE", "NAME"], &rows));
    Ok(())
}
