//! What is installed in an image: of the local engine, or in an archive.

use std::io::Read;
use std::path::Path;

use anyhow::Context as _;

use super::scanned::Scanned;
use crate::cli::error::{engine_error, usage_error};
use crate::cli::{Common, target};
use crate::file::open_regular;
use crate::inventory::{self, Inventory};
use crate::sbom::{Target, TargetKind};

/// Bytes by which an archive is recognised.
const HEAD: u64 = 512;

/// True if the file is an archive rather than a lock file.
pub fn is_archive(path: &Path) -> bool {
    let mut head = vec![];
    let read = open_regular(path).and_then(|(file, _)| file.take(HEAD).read_to_end(&mut head));
    read.is_ok() && inventory::is_archive(&head)
}

/// The packages of an archive that `podman save` or `docker save` wrote.
pub async fn of_archive(path: &Path) -> anyhow::Result<Scanned> {
    let name = path.display().to_string();
    let (file, _) = open_regular(path).with_context(|| format!("failed to read {name}"))?;
    let inventory = read(file, name.clone()).await?;
    // The digest of the archive would name another thing: its image has none in a file.
    Ok(scanned(name.clone(), name, None, inventory))
}

/// The packages of an image that the local engine has.
pub async fn of_engine(reference: &str, common: &Common) -> anyhow::Result<Scanned> {
    if target::one(common)? != target::Target::Local {
        return Err(usage_error("images are scanned on the local engine; use --engine local").into());
    }
    let engine = target::local(common).await?.map_err(|e| engine_error(common, &e))?;
    let archive = engine.export(reference).await.map_err(|e| engine_error(common, &e))?;
    let (digest, id) = (archive.digest.clone(), archive.id.clone());
    let (reader, _guard) = archive.into_reader();
    let mut inventory = read(reader, reference.to_owned()).await?;
    inventory.expect(&id, reference);
    let shown = if reference.contains(&digest) { digest.clone() } else { format!("{reference} {digest}") };
    Ok(scanned(shown, reference.to_owned(), Some(digest), inventory))
}

async fn read(reader: impl Read + Send + 'static, name: String) -> anyhow::Result<Inventory> {
    tokio::task::spawn_blocking(move || inventory::read(reader, &name)).await.context("failed to read the image")
}

fn scanned(shown: String, name: String, digest: Option<String>, inventory: Inventory) -> Scanned {
    let Inventory { packages, gaps, .. } = inventory;
    Scanned::one(shown, Target { kind: TargetKind::Image, name, digest, packages, gaps })
}
