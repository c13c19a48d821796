//! The image in which agents run: dayfly's own program with the shared objects that it needs, and nothing else.
//!
//! It is made by dayfly itself and loaded through the socket, once for each build of dayfly. It is a cache:
//! teardown leaves it, and removing it costs a second at the next run.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bollard::query_parameters::ImportImageOptionsBuilder;
use futures::future::ready;
use futures::{StreamExt, TryStreamExt};
use tokio_util::io::ReaderStream;

use super::client::LocalEngine;
use super::{explain, images};
use crate::engine::{EngineError, Leftover};
use crate::model::Digest;

mod elf;
mod layout;

/// Name of the image; its tag is the beginning of the program's SHA-256.
pub const NAME: &str = "localhost/dayfly-agent";
/// Bytes sent at once.
const CHUNK: usize = 1 << 18;
/// Bytes at the beginning of a program in which linkers put its interpreter's name.
const HEAD: u64 = 1 << 20;

/// The image's reference; it is there when this returns.
pub async fn ensure(engine: &LocalEngine) -> Result<String, EngineError> {
    engine.agent_image.get_or_try_init(|| make(engine)).await.cloned()
}

async fn make(engine: &LocalEngine) -> Result<String, EngineError> {
    let failed = |words: String| explain::failed("make the agent's image", &words, Leftover::None);
    let executable = engine.options.executable.clone();
    let unreadable = |e: io::Error| failed(format!("{}: {e}", executable.display()));
    let digest = blocking(executable.clone(), |path| Digest::compute_from_reader(&mut File::open(path)?));
    let digest = digest.await.map_err(unreadable)?;
    let reference = format!("{NAME}:{}", &digest.hex()[..16]);
    if images::inspect(engine, &reference).await.map_err(failed)?.is_some() {
        return Ok(reference);
    }
    let name = reference.clone();
    let image = blocking(executable.clone(), move |path| pack(&name, path)).await.map_err(unreadable)?;
    load(engine, image).await.map_err(|e| failed(explain::words(&e)))?;
    match images::inspect(engine, &reference).await.map_err(failed)? {
        Some(_) => Ok(reference),
        None => Err(failed("it was loaded, and yet the engine does not have it".into())),
    }
}

async fn load(engine: &LocalEngine, image: File) -> Result<(), bollard::errors::Error> {
    let pieces = ReaderStream::with_capacity(tokio::fs::File::from_std(image), CHUNK);
    // A piece that cannot be read ends the archive early, which the engine then refuses.
    let body =
        bollard::body_stream(pieces.take_while(|piece| ready(piece.is_ok())).filter_map(|piece| ready(piece.ok())));
    engine
        .docker
        .import_image(ImportImageOptionsBuilder::new().quiet(true).build(), body, None)
        .boxed()
        .try_for_each(|_| async { Ok(()) })
        .await
}

async fn blocking<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(move || work(&path)).await.unwrap_or_else(|e| Err(io::Error::other(e)))
}

/// Everything that goes into the image, as the archive that engines load.
pub fn pack(reference: &str, program: &Path) -> io::Result<File> {
    let mut objects = BTreeSet::new();
    let mut folders = BTreeSet::new();
    let mut head = vec![];
    File::open(program)?.take(HEAD).read_to_end(&mut head)?;
    if let Some(interpreter) = elf::interpreter(&head) {
        objects.insert(PathBuf::from(interpreter));
        // This process runs the same program, or one built beside it: what it has mapped is what the program needs.
        for path in with_neighbours(elf::mapped(&std::fs::read_to_string("/proc/self/maps")?)) {
            if let (Some(folder), true) = (path.parent(), path.exists()) {
                folders.insert(folder.to_string_lossy().into_owned());
                objects.insert(path);
            }
        }
    }
    layout::archive(reference, program, &objects, &folders)
}

/// Adds the names by which shared objects are asked for, and those of name resolution, which load at need.
fn with_neighbours(mapped: Vec<PathBuf>) -> BTreeSet<PathBuf> {
    let mut all: BTreeSet<PathBuf> = mapped.iter().cloned().collect();
    for path in &mapped {
        let Some(folder) = path.parent() else { continue };
        if path
            .file_name()
            .is_some_and(|n| n.to_string_lossy().starts_with("libc.so") || n.to_string_lossy().starts_with("libc-"))
        {
            all.extend(["libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"].map(|n| folder.join(n)));
        }
        all.extend(aliases(folder, path));
    }
    all
}

/// Links in the same folder that lead to this object: older C libraries are mapped under another name than asked for.
fn aliases(folder: &Path, object: &Path) -> Vec<PathBuf> {
    let stem = object
        .file_name()
        .map(|n| n.to_string_lossy().split(['.', '-']).next().unwrap_or_default().to_owned())
        .unwrap_or_default();
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let near = entries.filter(|e| e.file_name().to_string_lossy().starts_with(&stem)).map(|e| e.path());
    near.filter(|p| p.is_symlink() && std::fs::canonicalize(p).is_ok_and(|t| t == object)).collect()
}
