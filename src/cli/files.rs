//! New files of commands.

use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::error::usage_error;

/// Writes a file that must not exist.
pub fn create(file: &Path, text: &str) -> anyhow::Result<()> {
    let failed = |why: String| usage_error(&format!("failed to write {}: {why}", file.display()));
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || {
        let mut new = tempfile::Builder::new().prefix(".dayfly-").tempfile_in(folder)?;
        new.write_all(text.as_bytes())?;
        new.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
        new.persist_noclobber(file).map_err(|e| e.error)
    };
    match write() {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            Err(failed("it exists, and is never overwritten; give another name".into()).into())
        }
        Err(e) => Err(failed(e.to_string()).into()),
    }
}
