//! The archive of an image, as the engine sends it.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use tokio::sync::mpsc::{Receiver, channel};

use super::client::LocalEngine;
use super::{explain, images};
use crate::engine::EngineError;
use crate::model::{ImageFact, ImageRef};

/// Longest time without a piece.
const SILENCE: Duration = Duration::from_secs(300);
/// Pieces that wait for the reader.
const WAITING: usize = 16;

/// An image that the engine sends.
#[derive(Debug)]
pub struct ExportedImage {
    /// What is known about it.
    pub fact: ImageFact,
    /// Its id.
    pub id: String,
    /// The archive, piece by piece; an error ends it.
    pub pieces: Receiver<Result<Bytes, String>>,
}

/// Begins to send an image that the engine has. Nothing is pulled.
pub async fn export(engine: &LocalEngine, reference: &str) -> Result<ExportedImage, EngineError> {
    let missing = |why: String| EngineError::Images(vec![(reference.to_owned(), why)]);
    // It becomes part of a URL.
    reference.parse::<ImageRef>().map_err(|e| missing(e.to_string()))?;
    if images::find_local(engine, reference).await?.is_none() {
        return Err(missing("the engine does not have it: pull it, or check its name".into()));
    }
    let image = images::resolved(engine, reference).await?;
    let (docker, id) = (engine.docker.clone(), image.id.clone());
    let (sender, pieces) = channel(WAITING);
    tokio::spawn(async move {
        let mut stream = std::pin::pin!(docker.export_image(&id));
        loop {
            let piece = match tokio::time::timeout(SILENCE, stream.next()).await {
                Ok(None) => break,
                Ok(Some(piece)) => piece.map_err(|e| explain::words(&e)),
                Err(_) => Err(format!("the engine sent nothing for {} s", SILENCE.as_secs())),
            };
            let is_last = piece.is_err();
            // Nobody reads it any more.
            if sender.send(piece).await.is_err() || is_last {
                break;
            }
        }
    });
    Ok(ExportedImage { fact: image.fact, id: image.id, pieces })
}
