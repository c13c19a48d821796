//! `dayfly run`: up, suites, report, sign, down; the CI acceptance stage.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::policy::PolicyArgs;
use super::progress::Screen;
use super::signals::{self, Answers};
use super::terminal::Look;
use super::{Common, Output, OwnerArgs, RequestArgs, identity_token, process_env, request, stdio, target};
use crate::evidence::store;
use crate::lifecycle::{Journal, facts};
use crate::model::Keep;
use crate::report::facts::CauseKind;
use crate::report::{Facts, exit_code, text};
use crate::run;
use crate::run::{Run, RunRequest};

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    request: RequestArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    owner: OwnerArgs,
    /// Private key that signs the report (generate one with `dayfly key generate`)
    #[arg(
        long,
        value_name = "FILE",
        env = "DAYFLY_KEY",
        hide_env_values = true,
        required_unless_present = "unsigned",
        conflicts_with = "unsigned"
    )]
    key: Option<PathBuf>,
    /// Sign nothing: the report says UNSIGNED and proves nothing. For pull requests that must not have a key, such as those
    /// of forks
    #[arg(long)]
    unsigned: bool,
    /// File with the key's passphrase (or set DAYFLY_KEY_PASSPHRASE)
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Folder for reports and signed statements
    #[arg(long, value_name = "FOLDER", env = "DAYFLY_EVIDENCE", hide_env_values = true)]
    evidence: PathBuf,
}

/// Performs the run. After the claim, every outcome is reported, signed and cleaned up.
pub async fn run(args: RunArgs, common: &Common) -> anyhow::Result<u8> {
    let (run_request, policy) = request::run_request(&args.request, Some(&args.policy), common)?;
    let RunRequest { valid, plan, change, runner, policy: reference, .. } = run_request;
    let RequestArgs { description, identity_token, suite, keep, .. } = args.request;
    let proof =
        identity_token::proof(identity_token.as_deref(), &description, &args.policy, &policy, &change, &runner).await?;
    let read = |file: &PathBuf| super::key::signing_key(file, args.passphrase_file.clone());
    let key = args.key.as_ref().map(read).transpose()?.map(Arc::new);
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
    if let Err(e) = run::open(&facts, &lease, key.as_deref(), &args.evidence) {
        errln!("error: failed to {e}; nothing was started");
        return Ok(exit_code::NO_EVIDENCE);
    }
    let journal = Journal::new(facts, Some(args.evidence.clone()), screen.reporter(&lease.run.to_string()));
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
        evidence: args.evidence.clone(),
        configmap_store: None,
        take_over: args.owner.take_over,
        keep,
        kept_reason,
    };
    run.perform(&suite, &valid.sources(), stop).await;
    let facts = run.journal.facts();
    print_report(&facts, common, &store::run_dir(&args.evidence, &facts)?, &screen);
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
