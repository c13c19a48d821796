//! `dayfly run`: up, suites, report, sign, down; the CI acceptance stage.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::{ChangeArgs, Common, DescriptionArgs, Output, connect, down, exit, screen, signals, target};
use crate::engine::{Engine, EngineKind, Lease, Older};
use crate::evidence::{EvidenceError, SigningKey, store};
use crate::lifecycle::{Journal, Notice, traces, up};
use crate::report::Facts;
use crate::report::facts::{Cause, CauseKind};
use crate::suite::runner;

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

/// A run with everything that its parts share.
struct Run {
    engine: Arc<dyn Engine>,
    lease: Lease,
    journal: Journal,
    key: SigningKey,
    /// Where the evidence of all runs lies.
    evidence: PathBuf,
    /// By which a further command means the same place.
    flags: String,
}

/// Performs the run. Whatever happens after the claim, a report is signed and what was made is removed.
pub async fn run(args: RunArgs, common: &Common) -> anyhow::Result<u8> {
    let (change_args, change, runner_fact) = connect::change(&args.change, true)?;
    let overrides = connect::overrides(&args.description, Some(&change_args));
    let valid = connect::load(&args.description.file, &overrides, common.output == Output::Json)?;
    let plan = connect::plan(&valid, change.pr)?;
    if let Some(unknown) = args.suite.iter().find(|s| !plan.suites.contains_key(*s)) {
        anyhow::bail!(connect::usage(&format!("--suite: the description has no suite {unknown}")));
    }
    let key = super::wiring::signing_key(&args.key, args.passphrase_file.clone())?;
    let lease = Lease { repository: change.repository.clone(), ..connect::lease(plan, &change.commit)? };
    let engine = connect::engine(common).await?;
    let stop = signals::watch(format!("dayfly down {}{}", lease.environment, target::flags(common)))?;
    let facts = connect::beginning(&lease, &args.description.file, change, runner_fact, engine.kind());
    if let Err(e) = open(&facts, &lease, &key, &args.evidence) {
        eprintln!("error: failed to {e}; nothing was started");
        return Ok(exit::NO_EVIDENCE);
    }
    let journal = Journal::new(facts, Some(args.evidence.clone()), screen::choose(common.output, &lease.plan));
    let run = Run { engine, lease, journal, key, evidence: args.evidence.clone(), flags: target::flags(common) };
    run.perform(&args, &sources(&valid), stop).await;
    run.finish(args.keep).await;
    let facts = run.journal.facts();
    tell(&facts, common, &store::run_dir(&args.evidence, &facts)?);
    Ok(exit::of(&facts))
}

impl Run {
    async fn perform(
        &self,
        args: &RunArgs,
        sources: &BTreeMap<String, String>,
        stop: tokio_util::sync::CancellationToken,
    ) {
        let result =
            match up::bring_up(self.engine.clone(), self.lease.clone(), Older::Removed, self.journal.clone(), stop)
                .await
            {
                Ok(session) => {
                    let (result, ()) = tokio::join!(runner::run(&session, &args.suite, sources), self.note_gaps());
                    session.release_agents().await;
                    result
                }
                Err(cause) => {
                    self.note_gaps().await;
                    Err(cause)
                }
            };
        if let Err(cause) = result {
            self.journal.note(Notice::Cause { cause });
        }
    }

    async fn note_gaps(&self) {
        let unknown = |e| vec![format!("It could not be asked what it does not enforce: failed to {e}.")];
        let cannot = self.engine.gaps().await.unwrap_or_else(unknown);
        self.journal.note(Notice::Gaps { cannot });
    }

    /// Seals before anything is removed, removes, and seals again what the removal added.
    async fn finish(&self, keep: Keep) {
        self.journal.amend(|f| f.finished = Some(jiff::Timestamp::now()));
        // What a newer run has is not this run's to tell of.
        if !self.superseded() {
            traces::take(self.engine.as_ref(), &self.journal, &self.lease.environment).await;
        }
        self.seal(false);
        let passed = self.journal.facts().causes.is_empty();
        if !self.superseded() && (keep == Keep::Always || (keep == Keep::OnFailure && !passed)) {
            let reason = format!(
                "--keep {}; remove it with: dayfly down {}{}",
                if keep == Keep::Always { "always" } else { "on-failure" },
                self.lease.environment,
                self.flags
            );
            self.journal.note(Notice::Kept { reason });
        } else {
            down::remove(self.engine.as_ref(), &self.journal, &self.lease.environment, Some(self.lease.run)).await;
        }
        self.seal(true);
    }

    fn superseded(&self) -> bool {
        self.journal.facts().causes.iter().any(|c| c.kind == CauseKind::Superseded)
    }

    fn seal(&self, last: bool) {
        if self.engine.kind() == EngineKind::Fake {
            return;
        }
        self.journal.stop_saving();
        match crate::evidence::seal(&self.journal.facts(), &self.journal.raw(), &self.key, &self.evidence) {
            Ok(sealed) if last => self
                .journal
                .note(Notice::Sealed { folder: sealed.dir.display().to_string(), statements: sealed.statements.len() }),
            Ok(_) => {}
            Err(e) => {
                let text = format!("failed to {e}");
                if !self.journal.facts().causes.iter().any(|c| c.kind == CauseKind::NoEvidence) {
                    self.journal.note(Notice::Cause { cause: Cause { kind: CauseKind::NoEvidence, text } });
                }
            }
        }
    }
}

fn open(facts: &Facts, lease: &Lease, key: &SigningKey, evidence: &Path) -> Result<(), EvidenceError> {
    if facts.engine == EngineKind::Fake {
        return Ok(());
    }
    let planned = lease.plan.suites.values().map(|s| (s.name.clone(), s.digest.clone())).collect();
    crate::evidence::open(facts, &planned, key, evidence).map(drop)
}

/// `path:line` of every place of the description that a report may point at.
fn sources(valid: &crate::spec::Valid) -> BTreeMap<String, String> {
    valid
        .locations
        .iter()
        .map(|(place, (line, _))| (place.clone(), format!("{}:{line}", valid.path.display())))
        .collect()
}

/// The report on the screen, and what CI systems show.
fn tell(facts: &Facts, common: &Common, folder: &Path) {
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
