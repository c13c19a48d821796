//! The terms of an environment, as an annotation of its namespace. It is changed only in the version that was read, so
//! that nothing is lost when two change it, and nothing is written into another run's time.

use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use uuid::Uuid;

use super::{KubernetesEngine, claim, explain};
use crate::engine::{Amended, Amendment, EngineError, Leftover};
use crate::render::kubernetes::lease;

/// Attempts while others change the namespace.
const ATTEMPTS: usize = 20;

/// Changes the terms while this run has the environment.
pub async fn amend(
    engine: &KubernetesEngine,
    environment: &str,
    run: Uuid,
    change: &Amendment,
) -> Result<Amended, EngineError> {
    let what = format!("change the terms of {environment}");
    let failed = |e| explain::failed(&what, &e, Leftover::None);
    for _ in 0..ATTEMPTS {
        let Some(namespace) = engine.namespaces().get_opt(environment).await.map_err(failed)? else {
            return Ok(Amended::Gone);
        };
        claim::own(&namespace)?;
        if namespace.metadata.deletion_timestamp.is_some() {
            return Ok(Amended::Leaving);
        }
        let Some(found) = lease::parse(environment, namespace.annotations()) else {
            let why = "nobody has it, or another version of dayfly made it; look with `dayfly status`";
            return Err(explain::refused(&what, why, Leftover::None));
        };
        if found.run != run {
            return Ok(Amended::Taken(found.run));
        }
        let terms = lease::terms(&found, namespace.annotations());
        if !terms.lack(change) {
            return Ok(Amended::Now(terms));
        }
        let terms = terms.with(change);
        let text = lease::amended(run, &terms).map_err(|e| explain::refused(&what, &e, Leftover::None))?;
        let version = namespace.resource_version();
        let patch = json!({"metadata": {"resourceVersion": version, "annotations": {(lease::TERMS): text}}});
        match engine.namespaces().patch(environment, &PatchParams::default(), &Patch::Merge(&patch)).await {
            Ok(_) => return Ok(Amended::Now(terms)),
            Err(e) if explain::is_conflict(&e) || explain::is_missing(&e) => {}
            Err(e) => return Err(failed(e)),
        }
    }
    Err(explain::refused(&what, "others keep changing it; try again", Leftover::None))
}
