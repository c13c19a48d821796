//! `dayfly controller`: runs the TestEnvironment controller in a cluster; see docs/controller.md.

use std::net::SocketAddr;
use std::time::Instant;

use clap::Args;

use super::error::{engine_error, usage_error};
use super::{Common, identity, signals, target};
use crate::controller::{self, Settings};
use crate::engine::kubernetes::connect::plain;
use crate::install::manifests::IMAGE;
use crate::report::exit_code;
use crate::spec::quantity;

/// Longest --retain: ten years.
const LONGEST_MS: u64 = 10 * 365 * 24 * 3_600_000;

/// Arguments of `controller`.
#[derive(Debug, Args)]
pub struct ControllerArgs {
    /// Namespace of the controller, its runners and the signing key
    #[arg(
        long,
        value_name = "NAMESPACE",
        env = "DAYFLY_NAMESPACE",
        hide_env_values = true,
        default_value = "dayfly-system"
    )]
    namespace: String,
    /// Maximum number of environments at the same time: those of active runs, and kept ones
    #[arg(long, value_name = "NUMBER", env = "DAYFLY_RUNS", hide_env_values = true, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Delete TestEnvironments and their evidence this long after their runs, such as 90d (default: never)
    #[arg(long, value_name = "DURATION", env = "DAYFLY_RETAIN", hide_env_values = true, value_parser = duration)]
    retain: Option<jiff::SignedDuration>,
    /// Secret with the signing key (`key.pem`) and its passphrase, if encrypted (`passphrase`)
    #[arg(long, value_name = "NAME", default_value = "dayfly-signing-key")]
    key_secret: String,
    /// Secret of type kubernetes.io/dockerconfigjson with registry credentials
    #[arg(long, value_name = "NAME", env = "DAYFLY_REGISTRY_SECRET", hide_env_values = true)]
    registry_secret: Option<String>,
    /// Service account of the runner pods
    #[arg(long, value_name = "NAME", default_value = "dayfly-runner")]
    runner_account: String,
    /// Listen address of /healthz, /readyz and /metrics
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:8080")]
    address: SocketAddr,
    /// Name of this replica
    #[arg(long, value_name = "NAME", env = "DAYFLY_POD_NAME", hide = true)]
    identity: Option<String>,
}

fn duration(text: &str) -> Result<jiff::SignedDuration, String> {
    let ms = quantity::duration_ms(text, LONGEST_MS).map_err(|e| e.to_string())?;
    i64::try_from(ms).map(jiff::SignedDuration::from_millis).map_err(|e| e.to_string())
}

/// Runs until SIGTERM or SIGINT.
pub async fn run(args: ControllerArgs, common: &Common) -> anyhow::Result<u8> {
    let started = Instant::now();
    let context = match target::one(common)? {
        target::Target::Kubernetes(context) => context,
        target::Target::Local => {
            return Err(usage_error("the controller needs a cluster: --engine kubernetes, or --context NAME").into());
        }
    };
    let engine = target::cluster(context.clone(), common).await?.map_err(|e| engine_error(common, &e))?;
    let plain = plain(context.as_deref()).await.map_err(|e| engine_error(common, &e))?;
    let agent_image = match &args.identity {
        Some(pod) if common.cluster.agent_image == IMAGE => controller::own_image(&plain, &args.namespace, pod).await,
        _ => None,
    };
    let start = uuid::Uuid::now_v7().to_string();
    let settings = Settings {
        namespace: args.namespace,
        limit: usize::from(args.runs),
        retain: args.retain,
        agent_image: agent_image.unwrap_or_else(|| common.cluster.agent_image.clone()),
        runner_account: args.runner_account,
        key_secret: args.key_secret,
        pull_secret: args.registry_secret,
        registry_mirror: common.registry_mirror.clone(),
        address: args.address,
        // A restarted replica gets a new identity, so that it does not count on a lease it held before.
        identity: format!("{}-{}", args.identity.as_deref().unwrap_or("dayfly"), &start[start.len() - 8..]),
        remover: identity::current(),
    };
    let stop = signals::ask()?;
    let done = controller::run(engine.as_ref().clone(), plain, settings, started, stop).await;
    done?;
    Ok(exit_code::PASSED)
}
