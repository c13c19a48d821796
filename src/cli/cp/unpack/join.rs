//! Joins a new file or folder with what is there.

use std::fs;
use std::io;
use std::path::Path;

/// Says why something of it cannot take its place: before anything is changed.
pub fn check(new: &Path, target: &Path) -> Result<(), String> {
    let Ok(there) = fs::symlink_metadata(target) else { return Ok(()) };
    let is_folder = fs::symlink_metadata(new).is_ok_and(|found| found.is_dir());
    let shown = target.display();
    match (is_folder, there.is_dir()) {
        (true, true) => {
            let entries = fs::read_dir(new).map_err(|e| e.to_string())?;
            entries.flatten().try_for_each(|entry| check(&entry.path(), &target.join(entry.file_name())))
        }
        (true, false) if there.is_symlink() => {
            Err(format!("{shown} is a link, which is not followed; remove it, or name another target"))
        }
        (true, false) => Err(format!("{shown} is there, and is no folder; remove it, or name another target")),
        (false, true) => Err(format!("{shown} is a folder; remove it, or name another target")),
        // A link with this name is replaced, and not followed.
        (false, false) => Ok(()),
    }
}

/// Moves it: folders that are there get the files of the new ones.
pub fn join(new: &Path, target: &Path) -> io::Result<()> {
    let is_folder = |path: &Path| fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    if !is_folder(new) || !is_folder(target) {
        return fs::rename(new, target);
    }
    for entry in fs::read_dir(new)? {
        let entry = entry?;
        join(&entry.path(), &target.join(entry.file_name()))?;
    }
    Ok(())
}
