//! Checks of this machine: engine, disk, trial environment, images of a description.

use std::sync::Arc;

use super::check::Check;
use super::trial;
use crate::engine::Engine;
use crate::engine::local::LocalEngine;
use crate::model::ImageFact;
use crate::plan::Plan;
use crate::spec::ValidDescription;

const GIBI: u64 = 1 << 30;
/// Minimum free disk space: about the size of one environment's images and volumes.
const ROOM: u64 = 2 * GIBI;

/// Performs all checks of this machine; also returns what its engine does not enforce.
pub async fn all(engine: Arc<LocalEngine>, description: Option<ValidDescription>) -> (Vec<Check>, Vec<String>) {
    let info = engine.info();
    let gaps = match engine.gaps().await {
        Ok(gaps) => gaps,
        Err(e) => {
            return (
                vec![Check::failed(
                    "container engine",
                    format!("failed to {e}"),
                    "restart the engine, or check its log",
                )],
                vec![],
            );
        }
    };
    let mut checks =
        vec![Check::passed("container engine", format!("{} {} at {}", info.product, info.version, info.endpoint))];
    match engine.agent_image().await {
        Ok(image) => {
            checks.push(Check::passed("dayfly's own image", format!("{image} (kept as a cache)")));
            checks.extend(trial::run(engine.clone(), &image, None).await);
        }
        Err(e) => checks.push(Check::failed(
            "dayfly's own image",
            format!("failed to {e}"),
            "free disk space, and check that this user may load images",
        )),
    }
    checks.extend(disk(engine.as_ref()).await);
    if let Some(valid) = description {
        checks.push(match crate::plan::build::build(&valid, 1) {
            Ok(plan) => images(engine.as_ref(), &plan).await,
            Err(e) => Check::failed("images", format!("failed to {e}"), ""),
        });
    }
    (checks, gaps)
}

/// Checks free space where the engine keeps images and volumes; skipped if that is not on this host.
async fn disk(engine: &LocalEngine) -> Option<Check> {
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

/// An image of which nothing is known yet, not even its user.
fn unknown(reference: &str) -> ImageFact {
    ImageFact::unknown(reference)
}

/// Checks that the plan's images are present and do not run as root. Pulls nothing.
async fn images(engine: &LocalEngine, plan: &Plan) -> Check {
    let wanted = plan.images();
    let mut here = std::collections::BTreeMap::new();
    let mut wrong = vec![];
    for reference in &wanted {
        match engine.image(reference).await {
            Ok(Some(fact)) => drop(here.insert(reference.clone(), fact)),
            Ok(None) => {
                wrong.push(format!("{reference}: not here yet"));
                here.insert(reference.clone(), unknown(reference));
            }
            Err(e) => {
                wrong.push(format!("{reference}: failed to {e}"));
                here.insert(reference.clone(), unknown(reference));
            }
        }
    }
    let absent = wrong.len();
    wrong.extend(crate::plan::image_user::check(plan, &here));
    if wrong.is_empty() {
        return Check::passed("images", format!("all {} images of {} are here", wanted.len(), plan.description));
    }
    let todo =
        if absent > 0 { "a run pulls images from their registries; build localhost/… images first" } else { "" };
    Check::failed("images", wrong.join("\n"), todo)
}
