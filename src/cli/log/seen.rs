//! The last checkpoint that was seen of each log, so that a fork, a cut or a rewrite is found.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use crate::cli::process_env;
use crate::file::{Lock, read_regular, write_all};
use crate::tlog::{Checkpoint, LogKey};

/// Longest file in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// How long one process waits for another.
const PATIENCE: Duration = Duration::from_secs(60);

/// The file: `dayfly/logs.json` in `XDG_STATE_HOME` or `~/.local/state`; none without a home.
pub fn default_file() -> Option<PathBuf> {
    let variables = process_env::variables();
    let folder = |name: &str| variables.get(name).filter(|v| v.starts_with('/')).map(PathBuf::from);
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?;
    Some(state.join("dayfly/logs.json"))
}

/// Checkpoints by the key of their log.
type Seen = BTreeMap<String, String>;

fn read(file: &Path) -> Result<Seen, String> {
    match read_regular(file, MAX_BYTES) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|_| format!("{} has no checkpoints of logs; bring the file back from a backup, or remove it if what was seen of all logs may be forgotten", file.display())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Seen::new()),
        Err(e) => Err(format!("{} cannot be read: {e}", file.display())),
    }
}

/// The checkpoint that was last seen of a log; its signature is verified again.
pub fn last(file: &Path, key: &LogKey) -> Result<Option<Checkpoint>, String> {
    let verified = |note: String| Checkpoint::verified(&note, key).map_err(|why| format!("{}: {why}", file.display()));
    note_of(file, key)?.map(verified).transpose()
}

/// The same, as it was signed.
pub(super) fn note_of(file: &Path, key: &LogKey) -> Result<Option<String>, String> {
    Ok(read(file)?.remove(&key.to_string()))
}

/// Notes a checkpoint.
pub fn note(file: &Path, key: &LogKey, checkpoint: &str) -> Result<(), String> {
    let _alone = lock(file)?;
    replace(file, key, checkpoint)
}

/// The same, for whoever has locked the file.
pub(super) fn replace(file: &Path, key: &LogKey, checkpoint: &str) -> Result<(), String> {
    let mut seen = read(file)?;
    seen.insert(key.to_string(), checkpoint.to_owned());
    let bytes = format!("{:#}\n", serde_json::json!(seen)).into_bytes();
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    write_all(folder(file), &[(name, bytes)])
        .map_err(|(doing, path, e)| format!("failed to {doing} {}: {e}", path.display()))
}

/// Locks the file, by one beside it: the file itself is replaced.
pub(super) fn lock(file: &Path) -> Result<Lock, String> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    let (folder, failed) = (folder(file), |e: io::Error| format!("failed to lock {}: {e}", file.display()));
    fs::create_dir_all(folder).map_err(failed)?;
    let lock = crate::file::lock(&folder.join(name), PATIENCE).map_err(failed)?;
    lock.ok_or_else(|| format!("another process has kept {} locked for {} seconds", file.display(), PATIENCE.as_secs()))
}

fn folder(file: &Path) -> &Path {
    file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
