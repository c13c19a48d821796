//! The archive of an image, as the engine sends it.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt;

use super::client::{LocalEngine, LocalImage};
use super::{anchor, explain, images};
use crate::engine::{EngineError, ImageArchive};
use crate::model::ImageRef;
use crate::render::labels::{self, ENVIRONMENT, Role};

/// Longest time without a piece.
const SILENCE: Duration = Duration::from_secs(300);

/// Begins to send an image that the engine has. Nothing is pulled.
pub async fn export(engine: &LocalEngine, reference: &str) -> Result<ImageArchive, EngineError> {
    // It becomes part of a URL.
    reference.parse::<ImageRef>().map_err(|e| missing(reference, e.to_string()))?;
    if images::find_local(engine, reference).await?.is_none() {
        return Err(missing(reference, "the engine does not have it: pull it, or check its name".into()));
    }
    let LocalImage { id, fact } = images::resolved(engine, reference).await?;
    Ok(send(engine, id, fact.digest))
}

/// Begins to send the image that the containers of these units were made of, whatever its name means by now.
pub async fn export_running(
    engine: &LocalEngine,
    environment: &str,
    reference: &str,
    units: &[String],
) -> Result<ImageArchive, EngineError> {
    let Some(owner) = anchor::owner(engine, environment).await? else {
        return Err(EngineError::Missing(format!("environment {environment}")));
    };
    let listed = engine.containers(&[(ENVIRONMENT, environment), (labels::ROLE, Role::Unit.as_str())]).await?;
    let is_wanted = |unit: &str| units.iter().any(|u| u == unit);
    let mut ids = BTreeSet::new();
    for container in listed.iter().filter(|c| owner.has_container(c) && is_wanted(c.label(labels::UNIT))) {
        ids.extend(engine.container(&container.id).await?.map(|found| found.image));
    }
    let mut ids = ids.into_iter();
    let (Some(id), None) = (ids.next(), ids.next()) else {
        let why = "the containers that use it are gone, or were made of different images of that name";
        return Err(missing(reference, why.into()));
    };
    let image = images::inspect(engine, &id).await.map_err(|why| missing(reference, why))?;
    let image = image.ok_or_else(|| missing(reference, "it was removed from the engine".into()))?;
    Ok(send(engine, image.id(), image.digest(reference)))
}

fn missing(reference: &str, why: String) -> EngineError {
    EngineError::Images(vec![(reference.to_owned(), why)])
}

fn send(engine: &LocalEngine, id: String, digest: String) -> ImageArchive {
    let (docker, wanted) = (engine.docker.clone(), id.clone());
    ImageArchive::sending(digest, id, |pieces| async move {
        let mut stream = std::pin::pin!(docker.export_image(&wanted));
        loop {
            match tokio::time::timeout(SILENCE, stream.next()).await {
                Ok(None) => return Ok(()),
                Ok(Some(piece)) => pieces.send(piece.map_err(|e| explain::words(&e))?).await?,
                Err(_) => return Err(format!("the engine sent nothing for {} s", SILENCE.as_secs())),
            }
        }
    })
}
