//! The last checkpoint that was seen of each log, so that a fork, a cut or a rewrite is found.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::cli::process_env;
use crate::file::{read_regular, write_all};
use crate::tlog::{Checkpoint, LogKey};

/// Longest file in bytes.
const MAX_BYTES: u64 = 1 << 20;

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
            .map_err(|_| format!("{} cannot be read; remove it to begin anew", file.display())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Seen::new()),
        Err(e) => Err(format!("{} cannot be read: {e}", file.display())),
    }
}

/// The checkpoint that was last seen of a log; its signature is verified again.
pub fn last(file: &Path, key: &LogKey) -> Result<Option<Checkpoint>, String> {
    let seen = read(file)?;
    let verified = |note: &String| Checkpoint::verified(note, key).map_err(|why| format!("{}: {why}", file.display()));
    seen.get(&key.to_string()).map(verified).transpose()
}

/// Notes a checkpoint.
pub fn note(file: &Path, key: &LogKey, checkpoint: &str) -> Result<(), String> {
    let mut seen = read(file)?;
    seen.insert(key.to_string(), checkpoint.to_owned());
    let bytes = format!("{:#}\n", serde_json::json!(seen)).into_bytes();
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    write_all(folder, &[(name, bytes)]).map_err(|(doing, path, e)| format!("failed to {doing} {}: {e}", path.display()))
}
