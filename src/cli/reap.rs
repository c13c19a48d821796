//! `dayfly reap`: removes environments for the given reasons, and signs a record of each removal.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{ArgGroup, Args};
use futures::StreamExt;
use jiff::SignedDuration;

use super::error::{engine_error, usage_error};
use super::log::LogSigningArgs;
use super::{Common, Output, identity, target};
use crate::engine::{Engine, ObservedEnvironment};
use crate::evidence::SigningKey;
use crate::evidence::removal_store::RemovalStore;
use crate::reaper::batch::{self, Decided};
use crate::reaper::decide::{Criteria, Decision, is_selected};
use crate::reaper::removal::{Outcome, RemovalLog};
use crate::report::exit_code;
use crate::spec::quantity;
use crate::tlog::Log;

mod open_pull_requests;
mod output;

/// Arguments of `reap`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("reasons").multiple(true).required(true))]
pub struct ReapArgs {
    /// Remove environments past their `ttl`
    #[arg(long, group = "reasons")]
    expired: bool,
    /// Remove environments without an owner, and those whose creation was interrupted or whose run was killed
    #[arg(long, group = "reasons")]
    orphans: bool,
    /// Remove environments unused for this long, such as 2h; use is recorded at most once a minute
    #[arg(long, group = "reasons", value_name = "DURATION")]
    idle: Option<String>,
    /// Consider only environments of this description (repeatable); a list of open pull requests then also covers
    /// environments without a recorded repository
    #[arg(long, value_name = "NAME")]
    description: Vec<String>,
    /// Print what would be removed and why, without removing anything
    #[arg(long)]
    dry_run: bool,
    /// Private key that signs the record of each removal (not needed with --dry-run)
    #[arg(long, value_name = "FILE", env = "DAYFLY_KEY", hide_env_values = true, required_unless_present = "dry_run")]
    key: Option<PathBuf>,
    /// File with the key's passphrase (or set DAYFLY_KEY_PASSPHRASE)
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    log: LogSigningArgs,
    /// Folder for the records (not needed with --dry-run)
    #[arg(
        long,
        value_name = "FOLDER",
        env = "DAYFLY_EVIDENCE",
        hide_env_values = true,
        required_unless_present = "dry_run"
    )]
    evidence: Option<PathBuf>,
    /// Also store each record as a ConfigMap in this namespace of the cluster
    #[arg(long, value_name = "NAMESPACE", env = "DAYFLY_RECORDS_IN", hide_env_values = true)]
    records_in: Option<String>,
    #[command(flatten)]
    open: open_pull_requests::OpenPullRequestArgs,
}

/// Removes the environments that are due. Continues after errors; the first cause decides the exit code.
pub async fn run(args: ReapArgs, common: &Common) -> anyhow::Result<u8> {
    let mut criteria = criteria(&args)?;
    let source = args.open.source(!args.description.is_empty())?;
    let signing = signing(&args)?;
    let mut causes = vec![];
    if let Some(source) = source {
        match source.read().await {
            Ok(open) => criteria.open = Some(open),
            Err(why) => {
                output::no_list(common, &why);
                causes.push(exit_code::INCONCLUSIVE);
            }
        }
    }
    let (engine, store) = reached(&args, common).await?;
    let log = match signing {
        Some((key, evidence, entries)) => {
            Some(RemovalLog { remover: identity::on_engine(engine.as_ref()).await, key, evidence, entries, store })
        }
        None => None,
    };
    causes.extend(each(engine.as_ref(), &criteria, log.as_ref(), common).await?);
    Ok(causes.first().copied().unwrap_or(exit_code::PASSED))
}

/// Connects to the engine and, with --records-in, to the store of records.
async fn reached(args: &ReapArgs, common: &Common) -> anyhow::Result<(Arc<dyn Engine>, Option<RemovalStore>)> {
    let Some(namespace) = args.records_in.clone() else { return Ok((target::engine(common).await?, None)) };
    let target::Target::Kubernetes(context) = target::one(common)? else {
        return Err(usage_error("--records-in needs a cluster: --engine kubernetes, or --context NAME").into());
    };
    let engine = target::cluster(context, common).await?.map_err(|e| engine_error(common, &e))?;
    let store = RemovalStore { client: engine.client(), namespace, label: None };
    Ok((engine, Some(store)))
}

/// Decides about each environment and, with a log, removes those that are due. Returns an exit code for each failure.
async fn each(
    engine: &dyn Engine,
    criteria: &Criteria,
    log: Option<&RemovalLog>,
    common: &Common,
) -> anyhow::Result<Vec<u8>> {
    let all = engine.list().await.map_err(|e| engine_error(common, &e))?;
    let all: Vec<ObservedEnvironment> = all.into_iter().filter(|o| is_selected(criteria, o)).collect();
    let (mut due, mut causes) = (0, vec![]);
    let mut decided = std::pin::pin!(batch::each(engine, &all, criteria, log));
    while let Some(Decided { observed, decision, outcome }) = decided.next().await {
        due += usize::from(matches!(decision, Decision::Due(_)));
        output::print(common, observed, &decision, outcome.as_ref(), log.is_none());
        causes.extend(outcome.as_ref().and_then(code));
    }
    if due == 0 && common.output == Output::Text {
        outln!("nothing is due; {} environment(s) stay", all.len());
    }
    Ok(causes)
}

/// The signing key, the folder of the records, and its log.
type Signing = (SigningKey, PathBuf, Option<Arc<Log>>);

/// The signing key, the folder of the records, and its log; `None` with --dry-run.
fn signing(args: &ReapArgs) -> anyhow::Result<Option<Signing>> {
    let (Some(key), Some(evidence), false) = (&args.key, &args.evidence, args.dry_run) else { return Ok(None) };
    let signing = super::key::signing_key(key, args.passphrase_file.clone())?;
    Ok(Some((signing, evidence.clone(), args.log.open(evidence)?)))
}

fn criteria(args: &ReapArgs) -> anyhow::Result<Criteria> {
    let limit = |text: &String| {
        let ms = quantity::duration_ms(text, quantity::LONGEST_LIFE_MS);
        let ms = ms.map_err(|why| usage_error(&format!("--idle {text:?}: {why}")))?;
        anyhow::Ok(SignedDuration::from_millis(i64::try_from(ms)?))
    };
    Ok(Criteria {
        expired: args.expired,
        orphans: args.orphans,
        idle: args.idle.as_ref().map(limit).transpose()?,
        open: None,
        descriptions: args.description.clone(),
    })
}

fn code(outcome: &Outcome) -> Option<u8> {
    match outcome {
        Outcome::Removed { .. } | Outcome::NotDue => None,
        Outcome::Left { .. } | Outcome::Failed { .. } => Some(exit_code::TEARDOWN),
        Outcome::Unrecorded(_) | Outcome::Unfinished { .. } => Some(exit_code::NO_EVIDENCE),
    }
}
