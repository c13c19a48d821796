//! Sends an image of a registry as an archive of OCI, layer by layer, as an engine would export it.
//!
//! Each part is checked against its digest: manifest and configuration before anything is sent, a layer while it is sent. Sizes
//! are those of the manifest, which whoever reads the archive bounds.

use bytes::Bytes;
use ring::digest::{Context, SHA256};
use serde_json::json;
use tar::{EntryType, Header};

use super::manifest::{self, LayerBlob, Manifest};
use super::session::Session;
use super::{LONGEST_CONFIG, Registry, RegistryError, blob, expect, served_manifest};
use crate::engine::Pieces;
use crate::model::{Digest, ImageRef, ImageVersion, hex};

/// Bytes of a block of an archive.
const BLOCK: usize = 512;

/// What an image consists of.
pub struct Contents {
    /// `sha256:…` of the manifest of the image, which an index names for one platform.
    pub digest: String,
    manifest: Bytes,
    config_digest: String,
    config: Bytes,
    layers: Vec<LayerBlob>,
}

impl Registry {
    /// Reads manifest and configuration of an image that is named by its digest, or by that of an index. The platform
    /// (`linux/amd64`) is asked for only if an index has several images.
    pub async fn contents(
        &self,
        reference: &ImageRef,
        platform: impl Future<Output = Result<String, String>>,
    ) -> Result<Contents, RegistryError> {
        let other = RegistryError::Other;
        let image = reference.in_registry().map_err(other)?;
        let ImageVersion::Digest(asked) = &image.version else {
            return Err(other("its digest is not known".into()));
        };
        let mut session = Session::new(&self.wire, &image, self.credentials.find(&image));
        let mut digest = asked.to_string();
        let mut served = part_by_digest(&mut session, &digest).await?;
        if let Manifest::Index(offers) = Manifest::parse(&served).map_err(other)? {
            let offer = match manifest::images(&offers).as_slice() {
                [only] => *only,
                _ => manifest::choose_only(&offers, &platform.await.map_err(other)?).map_err(other)?,
            };
            digest = manifest::checkable(&offer.digest).map_err(other)?.to_owned();
            served = part_by_digest(&mut session, &digest).await.map_err(super::missing_part)?;
        }
        let Manifest::Image(config_digest) = Manifest::parse(&served).map_err(other)? else {
            return Err(other("its index names another index: build it again".into()));
        };
        let layers = manifest::layers(&served).map_err(other)?;
        let config = blob(&mut session, &config_digest, LONGEST_CONFIG).await?;
        Ok(Contents { digest, manifest: served, config_digest, config, layers })
    }

    /// Sends the archive of an image whose contents were read.
    pub async fn send(&self, reference: &ImageRef, contents: Contents, pieces: &Pieces) -> Result<(), String> {
        let image = reference.in_registry()?;
        let mut session = Session::new(&self.wire, &image, self.credentials.find(&image));
        let Contents { digest, manifest, config_digest, config, layers } = contents;
        let index = json!({ "schemaVersion": 2, "manifests": [{ "digest": digest, "size": manifest.len() }] });
        whole(pieces, "index.json", index.to_string().into()).await?;
        whole(pieces, &path(&digest), manifest).await?;
        whole(pieces, &path(&config_digest), config).await?;
        for (number, layer) in layers.iter().enumerate() {
            let sent = send_layer(&mut session, layer, pieces).await;
            sent.map_err(|why| format!("blob {} of {}: {why}", number + 1, layers.len()))?;
        }
        pieces.send(vec![0; 2 * BLOCK]).await
    }
}

async fn part_by_digest(session: &mut Session<'_>, digest: &str) -> Result<Bytes, RegistryError> {
    let served = served_manifest(session, digest).await?;
    expect(digest, &Digest::compute(&served).to_string())?;
    Ok(served)
}

async fn send_layer(session: &mut Session<'_>, layer: &LayerBlob, pieces: &Pieces) -> Result<(), String> {
    let answer = session.open(&format!("blobs/{}", layer.digest), "*/*").await;
    let mut answer = answer.map_err(|e| super::missing_part(e).to_string())?;
    pieces.send(header(&path(&layer.digest), layer.size)?).await?;
    let (mut left, mut hash) = (layer.size, Context::new(&SHA256));
    while let Some(piece) = answer.piece().await.map_err(|e| e.to_string())? {
        let more = || "the registry sends more of it than its manifest says".to_owned();
        left = left.checked_sub(piece.len() as u64).ok_or_else(more)?;
        hash.update(&piece);
        pieces.send(piece).await?;
    }
    if left > 0 {
        return Err("the registry sent only a part of it".into());
    }
    expect(&layer.digest, &format!("sha256:{}", hex(hash.finish().as_ref()))).map_err(|e| e.to_string())?;
    pieces.send(padding(layer.size)).await
}

async fn whole(pieces: &Pieces, path: &str, content: Bytes) -> Result<(), String> {
    let size = content.len() as u64;
    pieces.send(header(path, size)?).await?;
    pieces.send(content).await?;
    pieces.send(padding(size)).await
}

fn header(path: &str, size: u64) -> Result<Vec<u8>, String> {
    let mut header = Header::new_gnu();
    header.set_path(path).map_err(|e| e.to_string())?;
    header.set_size(size);
    header.set_mode(0o644);
    header.set_entry_type(EntryType::Regular);
    header.set_cksum();
    Ok(header.as_bytes().to_vec())
}

fn padding(size: u64) -> Vec<u8> {
    let over = usize::try_from(size % BLOCK as u64).unwrap_or_default();
    vec![0; (BLOCK - over) % BLOCK]
}

/// The path of a blob, whose digest is a SHA-256.
fn path(digest: &str) -> String {
    format!("blobs/{}", digest.replace(':', "/"))
}
