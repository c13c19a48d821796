//! `dayfly run`: up, suites, report, sign, down; the CI acceptance stage.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::{ChangeArgs, Common, DescriptionArgs, Output, connect, exit, screen, signals, target};
use crate::controller::crd::KeepPolicy;
use crate::engine::Lease;
use crate::evidence::store;
use crate::lifecycle::Journal;
use crate::lifecycle::record;
use crate::lifecycle::run::{self, Run};
use crate::report::Facts;

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    description: DescriptionArgs,
    #[command(flatten)]
    change: ChangeArgs,
    /// Run only this suite (may be given several times)
    #[arg(long, value_name = "NAME")]
    suite: Vec<String>,
    /// Private key that signs the report (make one with `dayfly key generate`)
    #[arg(long, value_name = "FILE", env = "DAYFLY_KEY", hide_env_values = true)]
    key: PathBuf,
    /// File that holds the key's passphrase (or set DAYFLY_KEY_PASSPHRASE)
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Folder for reports and signed statements
    #[arg(long, value_name = "FOLDER", env = "DAYFLY_EVIDENCE", hide_env_values = true)]
    evidence: PathBuf,
    /// When the environment stays after the run
    #[arg(long, value_enum, default_value = "never", value_name = "WHEN")]
    keep: Keep,
}

/// When an environment stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Keep {
    /// It is always removed
    Never,
    /// It stays when the result is not passed
    OnFailure,
    /// It always stays
    Always,
}

/// Performs the run. Whatever happens after the claim, a report is signed and what was made is removed.
pub async fn run(args: RunArgs, common: &Common) -> anyhow::Result<u8> {
    let (change_args, change, runner_fact) = connect::change(&args.change, true)?;
    let overrides = connect::overrides(&args.description, Some(&change_args));
    let valid = connect::load(&args.description.file, &overrides, common.output == Output::Json)?;
    let plan = connect::plan(&valid, change.pr)?;
    if let Some(lack) = plan.lacks(&args.suite) {
        anyhow::bail!(connect::usage(&format!("--suite: {lack}")));
    }
    let key = super::wiring::signing_key(&args.key, args.passphrase_file.clone())?;
    let lease = Lease { repository: change.repository.clone(), ..connect::lease(plan, &change.commit)? };
    let engine = connect::engine(common).await?;
    let stop = signals::watch(format!("dayfly down {}{}", lease.environment, target::flags(common)))?;
    let facts = record::beginning(&lease, &args.description.file, change, runner_fact, engine.kind());
    if let Err(e) = run::open(&facts, &lease, &key, &args.evidence) {
        eprintln!("error: failed to {e}; nothing was started");
        return Ok(exit::NO_EVIDENCE);
    }
    let journal = Journal::new(facts, Some(args.evidence.clone()), screen::choose(common.output, &lease.plan));
    let kept = format!(
        "--keep {}; remove it with: dayfly down {}{}",
        if args.keep == Keep::Always { "always" } else { "on-failure" },
        lease.environment,
        target::flags(common)
    );
    let keep = args.keep.into();
    let key = std::sync::Arc::new(key);
    let run = Run { engine, lease, journal, key, evidence: args.evidence.clone(), shelf: None, keep, kept };
    run.perform(&args.suite, &run::sources(&valid), stop).await;
    let facts = run.journal.facts();
    tell(&facts, common, &store::run_dir(&args.evidence, &facts)?);
    Ok(exit::of(&facts))
}

impl From<Keep> for KeepPolicy {
    fn from(keep: Keep) -> Self {
        match keep {
            Keep::Never => Self::Never,
            Keep::OnFailure => Self::OnFailure,
            Keep::Always => Self::Always,
        }
    }
}

impl From<Keep> for run::Keep {
    fn from(keep: Keep) -> Self {
        match keep {
            Keep::Never => Self::Never,
            Keep::OnFailure => Self::OnFailure,
            Keep::Always => Self::Always,
        }
    }
}

/// The report on the screen, and what CI systems show.
pub fn tell(facts: &Facts, common: &Common, folder: &Path) {
    if common.output == Output::Text {
        let colour = std::io::IsTerminal::is_terminal(&std::io::stdout());
        print!("{}", crate::report::text::render(facts, colour));
        println!("\nreport    {}", folder.join("report.json").display());
        println!("signed    {}", folder.display());
    }
    if let Err(e) = super::ci::publish(facts, &connect::variables()) {
        eprintln!("warning: failed to tell the CI system: {e}");
    }
}
