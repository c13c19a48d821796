//! Writes an audit into a folder: records, keys, the log, the index, and the script that verifies them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::collect::{Collected, record_folders};
use super::page::page;
use super::rows::AuditIndex;
use crate::evidence::store::{LOG, failed};
use crate::evidence::{EvidenceError, VerifyingKey, read, store};
use crate::file::read_regular;

/// Verifies an audit without dayfly.
const SCRIPT: &str = include_str!("verify.sh");
/// Most bytes of a file of the log.
const MAX_TILE: u64 = 32 << 20;
/// Most files of the log.
const MAX_FILES: usize = 10_000_000;

/// Writes an audit into a folder that does not exist yet. `log` is the text of the log's public key; without it, the log is not copied.
pub fn write(
    out: &Path,
    evidence: &Path,
    collected: &Collected,
    index: &AuditIndex,
    keys: &[VerifyingKey],
    log: Option<&str>,
) -> Result<(), EvidenceError> {
    for folder in record_folders(collected) {
        let from = evidence.join(&folder);
        // The same bytes that were verified, or the script of the audit refuses them.
        let files = read::read_run(&from)?;
        store::write_run(&out.join("records").join(&folder), files)?;
    }
    let mut files: Vec<(String, Vec<u8>)> = vec![];
    for (i, key) in keys.iter().enumerate() {
        let pem = key.to_pem().map_err(|e| EvidenceError::Encode(e.to_string()))?;
        files.push((format!("keys/{}.pub", i + 1), pem.into_bytes()));
    }
    if let Some(log) = log {
        files.push(("keys/log.pub".into(), format!("{log}\n").into_bytes()));
        copy_log(&evidence.join(LOG), &out.join(LOG))?;
    }
    let json = serde_json::to_vec_pretty(index).map_err(|e| EvidenceError::Encode(e.to_string()))?;
    files.push(("index.json".into(), json));
    files.push(("README.md".into(), page(index).into_bytes()));
    files.push(("verify.sh".into(), SCRIPT.into()));
    store::write_all(out, &files)?;
    let script = out.join("verify.sh");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).map_err(failed("write", &script))
}

/// Copies the checkpoint and all tiles; the state of writers is their own.
fn copy_log(from: &Path, to: &Path) -> Result<(), EvidenceError> {
    let mut files = BTreeMap::new();
    let mut folders = vec![PathBuf::from("tile")];
    files.insert("checkpoint".to_owned(), from.join("checkpoint"));
    while let Some(folder) = folders.pop() {
        let path = from.join(&folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            // An empty log has no tiles.
            Err(e) if e.kind() == io::ErrorKind::NotFound && folder == Path::new("tile") => break,
            Err(e) => return Err(failed("read", &path)(e)),
        };
        for entry in entries {
            let entry = entry.map_err(failed("read", &path))?;
            let kind = entry.file_type().map_err(failed("read", &path))?;
            let name = folder.join(entry.file_name());
            if kind.is_dir() {
                folders.push(name);
            } else if kind.is_file() {
                files.insert(name.display().to_string(), entry.path());
            }
            if files.len() + folders.len() > MAX_FILES {
                return Err(EvidenceError::UnsafeFile { path, why: "it has too many files".into() });
            }
        }
    }
    for (name, path) in files {
        let bytes = read_regular(&path, MAX_TILE).map_err(failed("read", &path))?;
        store::write_all(to, &[(name, bytes)])?;
    }
    Ok(())
}
