//! What a run finds before it makes anything: room on the engine's disk, and the images of a description.

use super::checks::Check;
use crate::engine::local::LocalEngine;
use crate::plan::Plan;

const GIBI: u64 = 1 << 30;
/// Less than this is asking for trouble: images and volumes of one environment take about as much.
const ROOM: u64 = 2 * GIBI;

/// Free space where the engine keeps images and volumes; nothing to say when that is not on this host.
pub async fn disk(engine: &LocalEngine) -> Option<Check> {
    let root = engine.data_root().await.ok().flatten()?;
    let stat = rustix::fs::statvfs(root.as_path()).ok()?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let saw = format!("{:.1} GiB free at {}", free as f64 / GIBI as f64, root.display());
    Some(if free >= ROOM {
        Check::passed("free disk", saw)
    } else {
        Check::failed(
            "free disk",
            saw,
            "remove unused images and volumes (`podman system prune --volumes` or `docker system prune --volumes`), or give the engine more room",
        )
    })
}

/// Images that the plan wants: here or not, root or not. Nothing is pulled.
pub async fn images(engine: &LocalEngine, plan: &Plan) -> Check {
    let wanted = plan.images();
    let mut here = std::collections::BTreeMap::new();
    let mut wrong = vec![];
    for reference in &wanted {
        match engine.image(reference).await {
            Ok(Some(fact)) => drop(here.insert(reference.clone(), fact)),
            Ok(None) => wrong.push(format!("{reference}: not here yet")),
            Err(e) => wrong.push(format!("{reference}: failed to {e}")),
        }
    }
    let absent = wrong.len();
    wrong.extend(crate::plan::users::check(plan, &here));
    if wrong.is_empty() {
        return Check::passed("images", format!("all {} images of {} are here", wanted.len(), plan.description));
    }
    let todo =
        if absent > 0 { "a run pulls what a registry has; build those named localhost/… beforehand" } else { "" };
    Check::failed("images", wrong.join("\n"), todo)
}
