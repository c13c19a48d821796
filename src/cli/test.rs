//! `dayfly test`: runs suites in a running environment.

use clap::Args;

use super::error::{engine_error, usage_error};
use super::progress::Screen;
use super::signals::{self, Answers};
use super::{Common, Output, environment, stdio, target};
use crate::lifecycle::session::Session;
use crate::lifecycle::{Journal, RunEvent, facts, usage};
use crate::report::facts::{Change, Runner};
use crate::report::{exit_code, text};
use crate::suite::executor;

/// Arguments of `test`.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Name of the environment, such as `hello-pr-1`
    environment: String,
    /// Run only this suite (repeatable)
    #[arg(long, value_name = "NAME")]
    suite: Vec<String>,
}

/// Runs the suites; the environment stays.
pub async fn run(args: TestArgs, common: &Common) -> anyhow::Result<u8> {
    let engine = target::engine(common).await?;
    let Some(lease) = engine.lease(&args.environment).await.map_err(|e| engine_error(common, &e))? else {
        anyhow::bail!(environment::not_found_error(&args.environment, engine.as_ref(), common).await);
    };
    if let Some(lack) = lease.plan.lacks(&args.suite) {
        anyhow::bail!(usage_error(&format!("--suite: {lack}")));
    }
    usage::record_use(engine.as_ref(), &lease).await;
    let secrets = engine.secrets(&args.environment).await.map_err(|e| engine_error(common, &e))?;
    let screen = Screen::new(common.output, &lease.plan);
    let stop = signals::watch(Answers::stopping(), screen.answer())?;
    let change = Change { repository: lease.repository.clone(), pr: lease.plan.pr, commit: lease.commit.clone() };
    let mut facts = facts::initial(&lease, std::path::Path::new(""), change, Runner::default(), engine.kind());
    // The suites begin now, however old the environment is.
    facts.started = jiff::Timestamp::now();
    let run = facts.run.to_string();
    let journal = Journal::new(facts, None, screen.reporter(&run));
    journal.redact(secrets.redactor().map_err(|e| anyhow::anyhow!("failed to {e}"))?);
    let session = Session::new(engine, lease, secrets, journal.clone(), stop);
    if let Err(cause) = executor::execute(&session, &args.suite, &executor::Sources::new()).await {
        journal.record(RunEvent::Cause { cause });
    }
    session.release_agents().await;
    journal.update(|f| f.finished = Some(jiff::Timestamp::now()));
    let facts = journal.facts();
    if common.output == Output::Text {
        let colour = stdio::stdout_look().colour;
        stdio::out_styled(&text::render_closing(&facts, colour, &screen.end()), colour);
    }
    let code = exit_code::from_facts(&facts);
    screen.ended(&run, Some(facts.outcome()), code);
    Ok(code)
}
