//! `dayfly run`: up, suites, report, sign, down; the CI acceptance stage.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use clap::Args;

use super::advisories::AdvisoriesArgs;
use super::error::usage_error;
use super::log::LogSigningArgs;
use super::policy::PolicyArgs;
use super::progress::Screen;
use super::signals::{self, Answers};
use super::terminal::Look;
use super::waivers::WaiverArgs;
use super::wanted::{Slot, Wanted};
use super::{Common, Output, OwnerArgs, RequestArgs, identity_token, key, process_env, request, stdio, target};
use crate::evidence::store;
use crate::lifecycle::{Journal, facts};
use crate::model::Keep;
use crate::report::facts::CauseKind;
use crate::report::{Facts, exit_code, text};
use crate::run;
use crate::run::{Run, RunRequest};
use crate::suite::dependencies::ScanInput;

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    request: RequestArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    advisories: AdvisoriesArgs,
    #[command(flatten)]
    waivers: WaiverArgs,
    #[command(flatten)]
    owner: OwnerArgs,
    /// Private key that signs the report (default outside of CI: the one that `dayfly key generate` writes without FILE)
    #[arg(long, value_name = "FILE", env = "DAYFLY_KEY", hide_env_values = true, conflicts_with = "unsigned")]
    key: Option<PathBuf>,
    /// Sign nothing: the report says UNSIGNED and proves nothing. For pull requests that must not have a key, such as those
    /// of forks. Refused together with --key or the variable DAYFLY_KEY
    #[arg(long)]
    unsigned: bool,
    /// File with the key's passphrase (or set DAYFLY_KEY_PASSPHRASE)
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    log: LogSigningArgs,
    /// Folder for reports and signed statements (default: `evidence` in the working folder)
    #[arg(long, value_name = "FOLDER", env = "DAYFLY_EVIDENCE", hide_env_values = true)]
    evidence: Option<PathBuf>,
}

impl RunArgs {
    /// What it takes from the settings.
    pub fn wants<'a>(&'a mut self, wanted: &mut Wanted<'a>) {
        self.request.description.wants(wanted);
        self.request.change.wants(wanted);
        self.policy.wants(wanted);
        self.advisories.wants(wanted);
        if !self.unsigned {
            wanted.slots.push(("key", Slot::Path(&mut self.key)));
        }
        self.log.wants(wanted);
        wanted.slots.push(("evidence", Slot::Path(&mut self.evidence)));
        wanted.starts = true;
    }

    /// The key that signs; none for an unsigned run.
    fn key(&self) -> anyhow::Result<Option<PathBuf>> {
        if self.unsigned || self.key.is_some() {
            return Ok(self.key.clone());
        }
        match key::default_file().filter(|_| !request::is_job()) {
            Some(file) if file.exists() => Ok(Some(file)),
            Some(_) => bail!(usage_error(
                "a run needs a key that signs its report: generate one with `dayfly key generate`, name one with --key, or run --unsigned"
            )),
            None => bail!(usage_error(
                "--key FILE (or DAYFLY_KEY) is required in a CI job; --unsigned runs without a key, and proves nothing"
            )),
        }
    }
}

/// Performs the run. After the claim, every outcome is reported, signed and cleaned up.
pub async fn run(args: RunArgs, common: &Common) -> anyhow::Result<u8> {
    let key = args.key()?;
    let evidence = args.evidence.clone().unwrap_or_else(|| request::DEFAULT_EVIDENCE.into());
    let (run_request, policy) = request::run_request(&args.request, Some(&args.policy), common)?;
    let RunRequest { valid, plan, change, runner, policy: reference, dependencies, .. } = run_request;
    let RequestArgs { description, identity_token, suite, keep, .. } = args.request;
    let proof =
        identity_token::proof(identity_token.as_deref(), &description, &args.policy, &policy, &change, &runner).await?;
    let read = |file: &PathBuf| key::signing_key(file, args.passphrase_file.clone());
    let key = key.as_ref().map(read).transpose()?.map(Arc::new);
    let log = if key.is_some() { args.log.open(&evidence)? } else { None };
    let advisories = args.advisories.open_for(&plan, &suite)?;
    let from = description.suites_from.as_deref();
    let waivers = args.waivers.load(from, "--suites-from", common.output == Output::Json)?;
    let scans = Arc::new(ScanInput::of_run(&valid, advisories, dependencies, waivers));
    let engine = target::engine(common).await?;
    let lease = request::owned_lease(plan, &change, engine.as_ref()).await?;
    request::check_number(&lease, &change, &policy, engine.as_ref(), common).await?;
    let screen = Screen::new(common.output, &lease.plan);
    let answers = if keep == Keep::Never { Answers::removing } else { Answers::keeping };
    let stop = signals::watch(answers(&lease.environment, &target::flags(common)), screen.answer())?;
    let mut facts = facts::initial(&lease, &description.file, change, runner, engine.kind());
    facts.policy = reference;
    facts.unsigned = key.is_none();
    facts.not_selected = lease.plan.not_selected(&suite);
    facts.requester.iter_mut().for_each(|r| r.proven.clone_from(&proof));
    if let Err(e) = run::open(&facts, &lease, key.as_deref(), log.as_deref(), &evidence) {
        errln!("error: failed to {e}; nothing was started");
        return Ok(exit_code::NO_EVIDENCE);
    }
    let journal = Journal::new(facts, Some(evidence.clone()), screen.reporter(&lease.run.to_string()));
    let kept_reason = format!(
        "--keep {}; remove it with: dayfly down {}{}",
        if keep == Keep::Always { "always" } else { "on-failure" },
        lease.environment,
        target::flags(common)
    );
    let run = Run {
        engine,
        lease,
        journal,
        key,
        log,
        evidence: evidence.clone(),
        configmap_store: None,
        scans,
        take_over: args.owner.take_over,
        keep,
        kept_reason,
    };
    run.perform(&suite, &valid.sources(), stop).await;
    let facts = run.journal.facts();
    print_report(&facts, common, &store::run_dir(&evidence, &facts)?, &screen);
    let code = exit_code::from_facts(&facts);
    screen.ended(&facts.run.to_string(), Some(facts.outcome()), code);
    Ok(code)
}

/// Prints the report below the progress, and publishes it to the CI system.
pub fn print_report(facts: &Facts, common: &Common, folder: &Path, screen: &Screen) {
    let told = screen.end();
    if common.output == Output::Text {
        let Look { colour, live, .. } = stdio::stdout_look();
        if live {
            outln!("");
        }
        stdio::out_styled(&text::render_closing(facts, colour, &told), colour);
        outln!("\nreport    {}", folder.join("report.json").display());
        let failed = facts.causes.iter().any(|c| c.kind == CauseKind::NoEvidence);
        match facts.unsigned {
            true => outln!("UNSIGNED  {}", folder.display()),
            false if failed => {}
            false => outln!("signed    {}", folder.display()),
        }
    }
    if let Err(e) = super::ci::publish(facts, &process_env::variables()) {
        errln!("warning: failed to tell the CI system: {e}");
    }
}
