//! Images: found, pulled when they are not here, and remembered by id, so that what was checked is what runs.

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::query_parameters::CreateImageOptionsBuilder;
use futures::StreamExt;
use serde::Deserialize;

use super::client::{LocalEngine, LocalImage};
use super::explain;
use super::raw::Failed;
use crate::engine::{EngineError, OnProgress};
use crate::model::{BuiltFrom, ImageFact, ImageRef};

/// Maximum number of concurrent pulls.
const PULLS: usize = 3;
/// Time limit of one pull.
const PULL_LIMIT: Duration = Duration::from_secs(1800);

/// An image as inspected.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Inspected {
    id: String,
    #[serde(default)]
    repo_digests: Option<Vec<String>>,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
    #[serde(default)]
    config: Option<Config>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

impl Inspected {
    pub(super) fn digest(&self, reference: &str) -> String {
        let known: Vec<ImageRef> = self.repo_digests.iter().flatten().map(|d| ImageRef::split(d)).collect();
        let known: Vec<&ImageRef> = known.iter().filter(|k| k.digest().is_some()).collect();
        let wanted = ImageRef::split(reference).qualified();
        let asked = known.iter().find(|k| k.digest() == Some(wanted.version()));
        let own = asked.or_else(|| known.iter().find(|k| k.qualified().name() == wanted.name())).or(known.first());
        own.and_then(|k| k.digest()).map_or_else(|| self.id(), str::to_owned)
    }

    pub(super) fn id(&self) -> String {
        if self.id.starts_with("sha256:") { self.id.clone() } else { format!("sha256:{}", self.id) }
    }

    fn into_local_image(self, reference: &str) -> LocalImage {
        let fact = ImageFact {
            reference: reference.to_owned(),
            digest: self.digest(reference),
            platform: format!("{}/{}", self.os, self.architecture),
            user: Some(self.config.as_ref().and_then(|c| c.user.clone()).unwrap_or_default()),
            built_from: self.config.as_ref().and_then(|c| BuiltFrom::from_labels(c.labels.as_ref()?)),
        };
        LocalImage { id: self.id(), fact }
    }
}

/// Inspects an image; returns `None` if the engine does not have it.
pub(super) async fn inspect(engine: &LocalEngine, reference: &str) -> Result<Option<Inspected>, String> {
    match engine.raw.get(&engine.path(&format!("/images/{reference}/json"))).await {
        Ok(found) => Ok(Some(found)),
        Err(Failed { status: Some(404), .. }) => Ok(None),
        Err(f) => Err(f.words),
    }
}

/// Resolves every image; one error lists all that are unavailable.
pub async fn resolve_all(
    engine: &LocalEngine,
    references: &[String],
    progress: OnProgress<'_>,
) -> Result<BTreeMap<String, ImageFact>, EngineError> {
    let found = futures::stream::iter(references.iter().cloned()).map(|reference| async move {
        let held = find(engine, &reference, progress).await;
        (reference, held)
    });
    let found: Vec<(String, Result<LocalImage, String>)> = found.buffered(PULLS).collect().await;
    let mut missing = vec![];
    let mut facts = BTreeMap::new();
    for (reference, held) in found {
        match held {
            Ok(held) => drop(facts.insert(reference, held.fact)),
            Err(why) => missing.push((reference, why)),
        }
    }
    if missing.is_empty() { Ok(facts) } else { Err(EngineError::Images(missing)) }
}

/// Returns an image if the engine has it.
pub async fn find_local(engine: &LocalEngine, reference: &str) -> Result<Option<ImageFact>, EngineError> {
    match inspect_or_mirrored(engine, reference).await {
        Ok(held) => Ok(held.map(|h| h.fact)),
        Err(why) => Err(EngineError::Images(vec![(reference.to_owned(), why)])),
    }
}

/// Returns the image of a reference, which is resolved once. Pulls nothing.
pub async fn resolved(engine: &LocalEngine, reference: &str) -> Result<LocalImage, EngineError> {
    let found = match known(engine, reference) {
        Some(known) => Ok(Some(known)),
        None => inspect_or_mirrored(engine, reference).await,
    };
    let missing = |why: String| EngineError::Images(vec![(reference.to_owned(), why)]);
    found.map_err(missing)?.ok_or_else(|| missing("it was removed from the engine".into()))
}

fn known(engine: &LocalEngine, reference: &str) -> Option<LocalImage> {
    engine.images.lock().ok()?.get(reference).cloned()
}

async fn inspect_or_mirrored(engine: &LocalEngine, reference: &str) -> Result<Option<LocalImage>, String> {
    let mirrored = ImageRef::split(reference).pulled_through(engine.options.registry_mirror.as_deref()).to_string();
    let mut found = inspect(engine, reference).await?;
    if found.is_none() && mirrored != reference {
        found = inspect(engine, &mirrored).await?;
    }
    let held = found.map(|f| f.into_local_image(reference));
    if let (Some(held), Ok(mut images)) = (&held, engine.images.lock()) {
        images.insert(reference.to_owned(), held.clone());
    }
    Ok(held)
}

async fn find(engine: &LocalEngine, reference: &str, progress: OnProgress<'_>) -> Result<LocalImage, String> {
    if let Some(held) = inspect_or_mirrored(engine, reference).await? {
        return Ok(held);
    }
    if ImageRef::split(reference).is_local() {
        return Err("the engine does not have it, and images named localhost/… are never pulled: build it (for the images of environments/tsd: `make images`)".into());
    }
    pull(engine, reference, progress).await?;
    inspect_or_mirrored(engine, reference).await?.ok_or_else(|| "the engine does not have it after the pull".into())
}

async fn pull(engine: &LocalEngine, reference: &str, progress: OnProgress<'_>) -> Result<(), String> {
    let image = ImageRef::split(reference).pulled_through(engine.options.registry_mirror.as_deref());
    let from = image.to_string();
    progress(reference, "pulling");
    let options = CreateImageOptionsBuilder::new().from_image(image.name()).tag(image.version()).build();
    let mut steps = std::pin::pin!(engine.docker.create_image(Some(options), None, None));
    let pulling = async {
        while let Some(step) = steps.next().await {
            let step = step.map_err(|e| not_pulled(&from, &explain::words(&e)))?;
            if let Some(status) = step.status.filter(|s| !s.is_empty()) {
                progress(reference, &status);
            }
        }
        Ok(())
    };
    let late = |_| Err(format!("it was not pulled within {} min: pull it beforehand", PULL_LIMIT.as_secs() / 60));
    tokio::time::timeout(PULL_LIMIT, pulling).await.unwrap_or_else(late)
}

/// Explains a failed pull, with advice.
fn not_pulled(from: &str, words: &str) -> String {
    let lower = words.to_lowercase();
    let any = |signs: &[&str]| signs.iter().any(|s| lower.contains(s));
    let advice = if any(&[
        "no such host",
        "server misbehaving",
        "connection refused",
        "i/o timeout",
        "network is unreachable",
        "no route",
        "name resolution",
    ]) {
        "its registry is unreachable; set a registry mirror (DAYFLY_REGISTRY_MIRROR), or load the image beforehand"
    } else if any(&["unauthorized", "denied", "authentication required"]) {
        "the registry denied access: log in with the engine's own client, or check the name"
    } else if any(&["manifest unknown", "not found"]) {
        "the registry does not have it: check name and tag"
    } else {
        return format!("could not be pulled from {from}: {words}");
    };
    format!("{advice} (pulling {from}: {words})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefers_the_digest_of_the_requested_name() {
        let image = Inspected {
            id: "77".into(),
            repo_digests: Some(vec!["other.test/a@sha256:1".into(), "docker.io/library/a@sha256:2".into()]),
            architecture: String::new(),
            os: String::new(),
            config: None,
        };
        assert_eq!(image.digest("a:3"), "sha256:2");
        assert_eq!(image.digest("a@sha256:1"), "sha256:1");
        assert_eq!(Inspected { repo_digests: None, ..image }.digest("a:3"), "sha256:77");
    }
}
