//! Compares a running environment with a new lease: what an update in place would change, and what would be lost. Changes
//! nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::{Engine, EngineError, OnProgress};
use crate::lease::{Inherited, Lease};
use crate::model::{ImageFact, RunId};
use crate::plan::changes::{self, Changes};
use crate::report::facts::{Cause, CauseKind};
use crate::secrets::{self, Secrets};

use super::causes;

/// An update of a running environment, before it begins.
pub struct Update {
    /// The run that has the environment.
    pub before: RunId,
    /// The objects that stay, for the new lease.
    pub inherited: Inherited,
    /// The secrets, new ones only where something needs them.
    pub secrets: Secrets,
    /// What changes.
    pub changes: Changes,
}

/// Resolves the images of a lease. Fails if one is missing, or runs as root without permission.
pub async fn resolve_images(
    engine: &dyn Engine,
    lease: &Lease,
    on_pull: OnProgress<'_>,
) -> Result<BTreeMap<String, ImageFact>, Cause> {
    let wanted: Vec<String> = lease.plan.images().into_iter().collect();
    let images = engine.resolve_images(&wanted, on_pull).await.map_err(|e| causes::from_engine_error(&e))?;
    let roots = crate::plan::image_user::check(&lease.plan, &images);
    if roots.is_empty() { Ok(images) } else { Err(Cause { kind: CauseKind::Invalid, text: roots.join("\n") }) }
}

/// Compares the environment with the lease. None if there is nothing to update: no environment of the same owner, or one of a
/// newer run. Images must be resolved before.
pub async fn compare(engine: &dyn Engine, lease: &Lease) -> Result<Option<Update>, Cause> {
    let failed = |e: EngineError| causes::from_engine_error(&e);
    let Some(before) = engine.lease(&lease.environment).await.map_err(failed)? else { return Ok(None) };
    if !lease.has_same_owner(before.owner.as_ref()) || before.run > lease.run {
        return Ok(None);
    }
    // An environment that was never completed has none.
    let kept = match engine.secrets(&lease.environment).await {
        Ok(kept) => Some(kept),
        Err(EngineError::Missing(_)) => None,
        Err(e) => return Err(failed(e)),
    };
    let secrets =
        secrets::generate(&lease.plan, kept.as_ref()).map_err(|e| causes::unexpected(format!("failed to {e}")))?;
    let comparison = engine.compare(&before, lease, &secrets).await.map_err(failed)?;
    let files = |of: &Secrets, unit: &String| (of.ca.clone(), of.files.get(unit).cloned());
    let differ = |unit: &String| kept.as_ref().is_none_or(|kept| files(kept, unit) != files(&secrets, unit));
    let other: BTreeSet<String> = lease.plan.units.iter().map(|u| u.name.clone()).filter(differ).collect();
    let changes = changes::compare(&before.plan, &lease.plan, &comparison.fates, &other);
    Ok(Some(Update { before: before.run, inherited: comparison.inherited, secrets, changes }))
}
