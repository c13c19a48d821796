//! The last bundle that was seen of each key, so that an older one is not taken for news.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::cli::process_env;
use crate::file::read_regular;

/// Longest file in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The file: `dayfly/advisories.json` in `XDG_STATE_HOME` or `~/.local/state`; none without a home.
pub(super) fn default_file() -> Option<PathBuf> {
    let variables = process_env::variables();
    let folder = |name: &str| variables.get(name).filter(|v| v.starts_with('/')).map(PathBuf::from);
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?;
    Some(state.join("dayfly/advisories.json"))
}

/// Notes the sequence of a bundle; an error says why it is refused.
pub(super) fn check(file: &Path, keyid: &str, sequence: u64) -> Result<(), String> {
    let mut seen: BTreeMap<String, u64> = match read_regular(file, MAX_BYTES) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|_| format!("{} cannot be read; remove it to begin anew", file.display()))?,
        Err(e) if e.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
        Err(e) => return Err(format!("{} cannot be read: {e}", file.display())),
    };
    match seen.get(keyid) {
        Some(last) if *last > sequence => Err(format!(
            "the bundle has number {sequence}, and number {last} of the same key was seen before: an older one is refused"
        )),
        Some(last) if *last == sequence => Ok(()),
        _ => {
            seen.insert(keyid.to_owned(), sequence);
            write(file, &seen).map_err(|e| format!("{} cannot be written: {e}", file.display()))
        }
    }
}

fn write(file: &Path, seen: &BTreeMap<String, u64>) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut new = tempfile::Builder::new().prefix(".dayfly-").tempfile_in(folder)?;
    new.write_all(serde_json::json!(seen).to_string().as_bytes())?;
    new.persist(file).map_err(|e| e.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn refuses_an_older_bundle_of_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/advisories.json");
        check(&file, "a", 5).unwrap();
        check(&file, "a", 5).unwrap();
        assert!(check(&file, "a", 4).unwrap_err().contains("number 5 of the same key was seen before"));
        check(&file, "b", 1).unwrap();
        check(&file, "a", 6).unwrap();
        assert!(check(&file, "a", 5).is_err());
        fs::write(&file, "{").unwrap();
        assert!(check(&file, "a", 9).unwrap_err().contains("remove it"));
    }
}
