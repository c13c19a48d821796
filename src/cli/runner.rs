//! `dayfly runner`: performs one run for the controller, in its own pod (internal).

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use tracing::Instrument;

use super::error::engine_error;
use super::{Common, key, signals, target};
use crate::controller::runner::Runner;
use crate::engine::kubernetes::ServiceAccountRef;
use crate::lifecycle::RunEvent;
use crate::model::RunId;

/// Arguments of `runner`.
#[derive(Debug, Args)]
pub struct RunnerArgs {
    /// Namespace of the TestEnvironment
    #[arg(long)]
    namespace: String,
    /// Name of the TestEnvironment
    #[arg(long)]
    name: String,
    /// Id of the run
    #[arg(long)]
    run: RunId,
    /// Private key that signs the report
    #[arg(long)]
    key: PathBuf,
    /// Scratch folder for evidence
    #[arg(long)]
    evidence: PathBuf,
    /// Service account of this pod, as NAMESPACE/NAME, to bind to its role in the environment's namespace
    #[arg(long, value_parser = account)]
    account: ServiceAccountRef,
    /// UID of this pod
    #[arg(long, env = "DAYFLY_POD_UID", hide_env_values = true)]
    pod: String,
}

fn account(text: &str) -> Result<ServiceAccountRef, String> {
    let (namespace, name) = text.split_once('/').ok_or("expected NAMESPACE/NAME")?;
    Ok(ServiceAccountRef { namespace: namespace.to_owned(), name: name.to_owned() })
}

/// Performs the run, and prints each event as a line of JSON.
pub async fn run(args: RunnerArgs, common: &Common) -> anyhow::Result<u8> {
    let key = Arc::new(key::signing_key(&args.key, None)?);
    let namespace = args.account.namespace.clone();
    let engine = target::this_cluster(args.account, common).await?.map_err(|e| engine_error(common, &e))?;
    let runner = Runner {
        client: engine.client(),
        namespace,
        engine,
        object: (args.namespace.clone(), args.name.clone()),
        run: args.run,
        pod_uid: args.pod,
        key,
        evidence: args.evidence,
        stop: signals::ask()?,
    };
    let screen = |event: &RunEvent| {
        if let Ok(line) = serde_json::to_string(event) {
            outln!("{line}");
        }
    };
    let span = tracing::info_span!("run", run = %args.run, environment = tracing::field::Empty, object = format!("{}/{}", args.namespace, args.name));
    runner.perform(screen).instrument(span).await.map_err(|e| anyhow::anyhow!("failed to {e}"))
}
