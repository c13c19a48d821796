//! The agent image: dayfly's own program with the shared objects that it needs.
//!
//! dayfly builds it and loads it through the socket, once for each build of dayfly. It is a cache: teardown leaves it, and
//! the next run builds a removed one again in a second.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

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

/// Name of the image; its tag is the start of the program's SHA-256.
pub const NAME: &str = "localhost/dayfly-agent";
/// Size of a sent chunk, in bytes.
const CHUNK: usize = 1 << 18;
/// Size of the start of a program that has its interpreter's name, in bytes.
const HEAD: u64 = 1 << 20;
/// Time limit for the engine to load it.
const LOAD_LIMIT: Duration = Duration::from_secs(300);

/// Returns the reference of the image, which is built if the engine does not have it.
pub async fn ensure(engine: &LocalEngine) -> Result<String, EngineError> {
    engine.agent_image.get_or_try_init(|| build(engine)).await.cloned()
}

async fn build(engine: &LocalEngine) -> Result<String, EngineError> {
    let failed = |words: String| explain::failed("build the agent image", &words, Leftover::None);
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
    load(engine, image).await.map_err(failed)?;
    match images::inspect(engine, &reference).await.map_err(failed)? {
        Some(_) => Ok(reference),
        None => Err(failed("the engine does not have it after loading it".into())),
    }
}

async fn load(engine: &LocalEngine, image: File) -> Result<(), String> {
    let pieces = ReaderStream::with_capacity(tokio::fs::File::from_std(image), CHUNK);
    // An unreadable chunk truncates the archive, which the engine then refuses.
    let body =
        bollard::body_stream(pieces.take_while(|piece| ready(piece.is_ok())).filter_map(|piece| ready(piece.ok())));
    let steps = engine.docker.import_image(ImportImageOptionsBuilder::new().quiet(true).build(), body, None).boxed();
    let loading = steps.try_for_each(|_| async { Ok(()) });
    match tokio::time::timeout(LOAD_LIMIT, loading).await {
        Ok(loaded) => loaded.map_err(|e| explain::words(&e)),
        Err(_) => Err(format!("the engine did not load it within {} s", LOAD_LIMIT.as_secs())),
    }
}

async fn blocking<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(move || work(&path)).await.unwrap_or_else(|e| Err(io::Error::other(e)))
}

/// Packs the image as an archive that engines load.
pub fn pack(reference: &str, program: &Path) -> io::Result<File> {
    let mut objects = BTreeSet::new();
    let mut folders = BTreeSet::new();
    let mut head = vec![];
    File::open(program)?.take(HEAD).read_to_end(&mut head)?;
    if let Some(interpreter) = elf::interpreter(&head) {
        objects.insert(PathBuf::from(interpreter));
        // This process runs the same program, or one built beside it, so the program needs the objects that it has mapped.
        for path in with_neighbours(elf::mapped(&std::fs::read_to_string("/proc/self/maps")?)) {
            if let (Some(folder), true) = (path.parent(), path.exists()) {
                folders.insert(folder.to_string_lossy().into_owned());
                objects.insert(path);
            }
        }
    }
    layout::archive(reference, program, &objects, &folders)
}

/// Adds the aliases of shared objects, and the objects of name resolution, which are loaded on demand.
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

/// Returns the links in the same folder to this object: older C libraries are mapped under another name.
fn aliases(folder: &Path, object: &Path) -> Vec<PathBuf> {
    let stem = object
        .file_name()
        .map(|n| n.to_string_lossy().split(['.', '-']).next().unwrap_or_default().to_owned())
        .unwrap_or_default();
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let near = entries.filter(|e| e.file_name().to_string_lossy().starts_with(&stem)).map(|e| e.path());
    near.filter(|p| p.is_symlink() && std::fs::canonicalize(p).is_ok_and(|t| t == object)).collect()
}
