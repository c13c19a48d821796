//! What is installed in an image: of the local engine, or in an archive.

use std::io::{self, Read};
use std::path::Path;

use anyhow::Context as _;
use bytes::Bytes;
use tokio::sync::mpsc::Receiver;

use crate::advisories::scan::Subject;
use crate::cli::error::{engine_error, usage_error};
use crate::cli::{Common, target};
use crate::engine::local::ExportedImage;
use crate::file::open_regular;
use crate::inventory::{self, Inventory};
use crate::packages::{Gap, Place};

/// Bytes by which an archive is recognised.
const HEAD: u64 = 512;

/// True if the file is an archive rather than a lock file.
pub fn is_archive(path: &Path) -> bool {
    let mut head = vec![];
    let read = open_regular(path).and_then(|(file, _)| file.take(HEAD).read_to_end(&mut head));
    read.is_ok() && inventory::is_archive(&head)
}

/// The packages of an archive that `podman save` or `docker save` wrote.
pub async fn of_archive(path: &Path) -> anyhow::Result<Subject> {
    let name = path.display().to_string();
    let (file, _) = open_regular(path).with_context(|| format!("failed to read {name}"))?;
    let inventory = read(file, name.clone()).await?;
    Ok(subject(name, inventory))
}

/// The packages of an image that the local engine has.
pub async fn of_engine(reference: &str, common: &Common) -> anyhow::Result<Subject> {
    if target::one(common)? != target::Target::Local {
        return Err(usage_error("images are scanned on the local engine; use --engine local").into());
    }
    let engine = target::local(common).await?.map_err(|e| engine_error(common, &e))?;
    let ExportedImage { fact, id, pieces } = engine.export(reference).await.map_err(|e| engine_error(common, &e))?;
    let mut inventory = read(Pieces { pieces, current: Bytes::new() }, reference.to_owned()).await?;
    if !inventory.digests.contains(&id) {
        let place = Place { file: reference.to_owned(), line: None };
        inventory.gaps.push(Gap { place, reason: "the engine did not send the image that it was asked for".into() });
    }
    let shown = if reference.contains(&fact.digest) { fact.digest } else { format!("{reference} {}", fact.digest) };
    Ok(subject(shown, inventory))
}

async fn read(reader: impl Read + Send + 'static, name: String) -> anyhow::Result<Inventory> {
    tokio::task::spawn_blocking(move || inventory::read(reader, &name)).await.context("failed to read the image")
}

fn subject(source: String, inventory: Inventory) -> Subject {
    Subject { sources: vec![source], packages: inventory.packages, gaps: inventory.gaps }
}

/// Reads pieces as a file, on a thread that may wait.
struct Pieces {
    pieces: Receiver<Result<Bytes, String>>,
    current: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.current = piece.map_err(io::Error::other)?,
                None => return Ok(0),
            }
        }
        let n = buffer.len().min(self.current.len());
        buffer[..n].copy_from_slice(&self.current.split_to(n));
        Ok(n)
    }
}
