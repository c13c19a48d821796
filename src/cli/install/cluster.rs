//! The cluster that `install` and `uninstall` work on.

use std::sync::Arc;

use crate::cli::error::{engine_error, usage_error};
use crate::cli::{Common, EngineChoice, target};
use crate::engine::Engine as _;
use crate::engine::kubernetes::KubernetesEngine;

/// Connects to the cluster; Kubernetes is the default engine here.
pub async fn connect(common: &Common) -> anyhow::Result<Arc<KubernetesEngine>> {
    let mut common = common.clone();
    if common.engine.is_empty() {
        common.engine = vec![EngineChoice::Kubernetes];
    }
    let target::Target::Kubernetes(context) = target::one(&common)? else {
        return Err(usage_error("this command needs a cluster: give --engine kubernetes or --context NAME").into());
    };
    let engine = target::cluster(context, &common).await?.map_err(|e| engine_error(&common, &e))?;
    errln!("cluster: {}", engine.info().endpoint);
    Ok(engine)
}
