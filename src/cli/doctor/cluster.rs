//! Checks of a cluster: connection, permissions, trial environment, images.

use std::sync::Arc;

use super::check::Check;
use super::trial;
use crate::engine::Engine;
use crate::engine::kubernetes::KubernetesEngine;
use crate::spec::ValidDescription;

/// Performs all checks of a cluster; also returns what it does not enforce.
pub async fn all(engine: Arc<KubernetesEngine>, description: Option<ValidDescription>) -> (Vec<Check>, Vec<String>) {
    let info = engine.info();
    let mut checks = vec![
        Check::passed("cluster", format!("{} {} at {}", info.product, info.version, info.endpoint)),
        permissions(&engine).await,
    ];
    if checks.iter().all(|c| c.passed) {
        let image = engine.agent_image().to_owned();
        checks.extend(trial::run(engine.clone(), &image, Some(&engine)).await);
    }
    if let Some(valid) = description {
        checks.push(images(&engine, &valid).await);
    }
    (checks, engine.gaps().await.unwrap_or_default())
}

async fn permissions(engine: &KubernetesEngine) -> Check {
    let todo = "kubectl apply -f manifests/install/rbac-cli.yaml, and bind its role to this user";
    match engine.lacking().await {
        Ok(lacking) if lacking.is_empty() => Check::passed("permissions", "everything that dayfly does is allowed"),
        Ok(lacking) => Check::failed("permissions", format!("this user may not {}", lacking.join(", ")), todo),
        Err(e) => Check::failed("permissions", format!("failed to {e}"), ""),
    }
}

async fn images(engine: &KubernetesEngine, valid: &ValidDescription) -> Check {
    let plan = match crate::plan::build::build(valid, 1) {
        Ok(plan) => plan,
        Err(e) => return Check::failed("images", format!("failed to {e}"), ""),
    };
    let wanted: Vec<String> = plan.images().into_iter().collect();
    match engine.resolve_images(&wanted, &|_, _| ()).await {
        Ok(found) => {
            let roots = crate::plan::image_user::check(&plan, &found);
            let on_nodes = found.values().filter(|f| f.digest.is_empty()).count();
            let asked = found.len() - on_nodes;
            let saw = format!("{asked} have digests in their registries; {on_nodes} can only be checked on the nodes");
            if roots.is_empty() { Check::passed("images", saw) } else { Check::failed("images", roots.join("\n"), "") }
        }
        Err(e) => Check::failed("images", format!("failed to {e}"), "check names, tags and --pull-secret"),
    }
}
