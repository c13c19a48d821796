//! Resolves images: pins tags to digests before anything is created, if the registry can be reached from here.

use std::collections::BTreeMap;

use futures::StreamExt;

use super::client::{KubernetesEngine, PinnedImage};
use super::registry::{Registry, RegistryError};
use crate::engine::{EngineError, OnProgress};
use crate::model::{ImageFact, ImageRef};
use crate::render::kubernetes::IMAGES;

/// Concurrent requests to registries.
const PARALLEL_REQUESTS: usize = 4;

/// Resolves every image; one error names all that are unavailable.
pub async fn resolve_all(
    engine: &KubernetesEngine,
    references: &[String],
    progress: OnProgress<'_>,
) -> Result<BTreeMap<String, ImageFact>, EngineError> {
    let credentials = engine.options().pull_secret.as_deref();
    let registry = Registry::new(credentials)
        .map_err(|e| EngineError::Images(vec![("credentials for registries".into(), format!("--pull-secret: {e}"))]))?;
    let asked = futures::stream::iter(references.iter().cloned()).map(|reference| {
        let registry = &registry;
        async move {
            let found = find(engine, registry, &reference, progress).await;
            (reference, found)
        }
    });
    let mut missing = vec![];
    let mut facts = BTreeMap::new();
    for (reference, found) in asked.buffered(PARALLEL_REQUESTS).collect::<Vec<_>>().await {
        match found {
            Ok(pinned) => {
                facts.insert(reference.clone(), pinned.fact.clone());
                engine.pinned_images().insert(reference, pinned);
            }
            Err(why) => missing.push((reference, why)),
        }
    }
    if missing.is_empty() { Ok(facts) } else { Err(EngineError::Images(missing)) }
}

async fn find(
    engine: &KubernetesEngine,
    registry: &Registry,
    reference: &str,
    progress: OnProgress<'_>,
) -> Result<PinnedImage, String> {
    let from = ImageRef::split(reference).pulled_through(engine.options().registry_mirror.as_deref());
    let unknown = |as_run: String| PinnedImage { as_run, fact: ImageFact::unknown(reference) };
    // Images named localhost/… are on the nodes, and have no registry.
    if from.is_local() {
        return Ok(unknown(reference.to_owned()));
    }
    progress(reference, "asking its registry");
    match registry.resolve(&from).await {
        Ok(found) => {
            let fact = ImageFact {
                reference: reference.to_owned(),
                digest: found.digest.clone(),
                platform: found.platform,
                user: found.user,
                built_from: found.built_from,
            };
            Ok(PinnedImage { as_run: format!("{}@{}", from.name(), found.digest), fact })
        }
        // The nodes may reach a registry that this machine does not: then pods use the tag, and the digest is read from them.
        Err(RegistryError::Unreachable(why)) => {
            progress(reference, &format!("used by its tag, because its registry cannot be reached from here: {why}"));
            Ok(unknown(from.to_string()))
        }
        Err(e) => Err(e.to_string()),
    }
}

/// Reads the pinned images of an environment that another process created.
pub fn restore(engine: &KubernetesEngine, annotations: &BTreeMap<String, String>) {
    let Some(text) = annotations.get(IMAGES) else { return };
    let pinned: BTreeMap<String, String> = serde_json::from_str(text).unwrap_or_else(|e| {
        tracing::warn!("the annotation {IMAGES} cannot be read, so images are used by their tags: {e}");
        BTreeMap::new()
    });
    for (reference, as_run) in pinned {
        let fact = ImageFact::unknown(&reference);
        engine.pinned_images().entry(reference).or_insert(PinnedImage { as_run, fact });
    }
}

/// The fact of a resolved image.
pub fn fact(engine: &KubernetesEngine, reference: &str) -> Option<ImageFact> {
    engine.pinned_images().get(reference).map(|pinned| pinned.fact.clone())
}
