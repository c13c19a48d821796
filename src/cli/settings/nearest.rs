//! Finds the nearest description.

use std::path::{Path, PathBuf};

use crate::spec::file_of;

/// Most folders to look into.
const MAX_FOLDERS: usize = 64;

/// The `environment.yaml` of the working folder, or of the nearest folder above it in the same repository. Outside of a repository
/// only the working folder counts: a folder above it may be anybody's.
pub fn description() -> Option<PathBuf> {
    let folder = std::env::current_dir().ok()?;
    let top = folder.ancestors().take(MAX_FOLDERS).position(|f| f.join(".git").symlink_metadata().is_ok());
    let above = (0..=top.unwrap_or(0)).map(|n| (0..n).map(|_| "..").collect::<PathBuf>());
    above.map(|folder| within(&folder)).find(|file| file.symlink_metadata().is_ok_and(|found| !found.is_dir()))
}

fn within(folder: &Path) -> PathBuf {
    let name = file_of(Path::new("."));
    let name = name.file_name().unwrap_or_default();
    if folder.as_os_str().is_empty() { PathBuf::from(name) } else { folder.join(name) }
}
