//! `dayfly up`: starts an environment and leaves it running.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;

use super::policy::PolicyArgs;
use super::progress::Screen;
use super::signals::{self, Answers};
use super::wanted::Wanted;
use super::{ChangeArgs, Common, DescriptionArgs, Output, OwnerArgs, description, request, stdio, target};
use crate::engine::{ClaimPolicy, ReplacePolicy};
use crate::lease::Lease;
use crate::lifecycle::{Journal, RunEvent, facts, up};
use crate::report::exit_code;
use crate::report::facts::CauseKind;
use crate::run;
use crate::spec::quantity;

/// Arguments of `up`.
#[derive(Debug, Args)]
pub struct UpArgs {
    #[command(flatten)]
    description: DescriptionArgs,
    #[command(flatten)]
    change: ChangeArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    owner: OwnerArgs,
}

impl UpArgs {
    /// The description and the change under test.
    pub fn parts(&self) -> (&DescriptionArgs, &ChangeArgs) {
        (&self.description, &self.change)
    }

    /// What it takes from the settings.
    pub fn wants<'a>(&'a mut self, wanted: &mut Wanted<'a>) {
        self.description.wants(wanted);
        self.change.wants(wanted);
        self.policy.wants(wanted);
        wanted.starts = true;
    }
}

/// Starts the environment, or updates it if it runs. A failure leaves it for inspection; a signal removes it, unless it ran
/// before.
pub async fn run(args: UpArgs, common: &Common) -> anyhow::Result<u8> {
    let (change_args, change, runner) = request::change(&args.change, &args.description.file, false)?;
    let overrides = description::overrides(&args.description, Some(&change_args));
    let json = common.output == Output::Json;
    let repository = change.repository.as_deref();
    let (valid, policy) = args.policy.load_description(&args.description, &overrides, repository, json)?;
    description::print_warnings(&valid, json);
    let plan = description::plan(&valid, change.pr)?;
    let engine = target::engine(common).await?;
    let lease = request::owned_lease(plan, &change, engine.as_ref()).await?;
    request::check_number(&lease, &change, &policy, engine.as_ref(), common).await?;
    let screen = Screen::new(common.output, &lease.plan);
    let answers = Answers::removing(&lease.environment, &target::flags(common));
    // Whoever interrupts the update of a running environment does not want to lose it.
    let updates = Arc::new(AtomicBool::new(false));
    let (tell, updating) = (screen.answer(), updates.clone());
    let stays = format!("stopping: leaving {} as it is now; interrupt again to exit at once", lease.environment);
    let stop = signals::watch(answers, move |text| {
        tell(if updating.load(Ordering::Relaxed) { &stays } else { text });
    })?;
    let mut facts = facts::initial(&lease, &args.description.file, change, runner, engine.kind());
    facts.policy = policy.reference().cloned();
    let (mut report, updating) = (screen.reporter(&lease.run.to_string()), updates.clone());
    let report = move |event: &RunEvent| {
        updating.fetch_or(matches!(event, RunEvent::Update { .. }), Ordering::Relaxed);
        report(event);
    };
    let journal = Journal::new(facts, None, Box::new(report));
    let claim = ClaimPolicy { older: ReplacePolicy::InPlace, take_over: args.owner.take_over, compared: None };
    let cause = match up::bring_up(engine.clone(), lease.clone(), claim, journal.clone(), stop).await {
        Ok(session) => {
            session.release_agents().await;
            screen.end();
            if common.output == Output::Text {
                stdio::err(&welcome(&lease, jiff::Timestamp::now(), &target::flags(common)));
            }
            screen.ended(&lease.run.to_string(), None, exit_code::PASSED);
            return Ok(exit_code::PASSED);
        }
        Err(cause) => cause,
    };
    journal.record(RunEvent::Cause { cause: cause.clone() });
    match cause.kind {
        CauseKind::Interrupted if updates.load(Ordering::Relaxed) => {
            say_what_stays(engine.as_ref(), &lease.environment, &target::flags(common)).await;
        }
        CauseKind::Interrupted | CauseKind::Superseded => run::remove(engine.as_ref(), &journal, &lease).await,
        CauseKind::OwnedByOther => {}
        _ => say_what_stays(engine.as_ref(), &lease.environment, &target::flags(common)).await,
    }
    let code = exit_code::from_facts(&journal.facts());
    screen.ended(&lease.run.to_string(), None, code);
    Ok(code)
}

async fn say_what_stays(engine: &dyn crate::engine::Engine, environment: &str, flags: &str) {
    match engine.observe(environment).await {
        Ok(None) => errln!("nothing was left behind"),
        Ok(Some(_)) => {
            errln!(
                "the environment is kept for inspection:\n  dayfly logs {environment}{flags}\n  dayfly down {environment}{flags}"
            )
        }
        Err(e) => errln!("objects may have been left behind (failed to {e}); see: dayfly list{flags}"),
    }
}

/// Commands to use with the running environment.
fn welcome(lease: &Lease, now: jiff::Timestamp, flags: &str) -> String {
    let plan = &lease.plan;
    let environment = &plan.environment;
    let early = plan.units.iter().filter(|u| !u.start_late);
    let ports = early.flat_map(|u| u.open_ports().into_iter().map(|p| format!("  {}:{}", u.name, u.port_text(p))));
    let example = plan.units.iter().find(|u| u.port.is_some()).map_or("SERVICE", |u| u.name.as_str());
    // `extend` counts from now on: as long again as the environment has.
    let longer = (plan.ttl_secs * 2).div_ceil(3600).min(quantity::LONGEST_LIFE_MS / 3_600_000);
    format!(
        "\n{environment} is up. Inside, services reach each other as\n{}\n\nIt expires {}; `dayfly extend {environment} {longer}h{flags}` lets it live longer.\n\nnext:\n  dayfly test {environment}{flags}\n  dayfly logs {environment} -f{flags}\n  dayfly forward {environment} {example}{flags}\n  dayfly down {environment}{flags}\n",
        ports.collect::<Vec<_>>().join("\n"),
        super::list::expiry(now, lease.expires)
    )
}
