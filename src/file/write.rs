//! Writes several files, all or none, so that they survive a crash of the machine.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Beginning of the names of files that are being written; a killed process leaves them behind.
pub const STAGED: &str = ".writing-";

/// What failed, where, and why.
pub type WriteError = (&'static str, PathBuf, io::Error);

/// Writes files into `dir` by their paths below it, and creates folders as needed. Stages all of them before it renames the first, so
/// that a full disk damages no existing file. Returns when everything is on the disk.
pub fn write_all(dir: &Path, files: &[(String, Vec<u8>)]) -> Result<(), WriteError> {
    let mut folders = BTreeSet::from([dir.to_owned()]);
    fs::create_dir_all(dir).map_err(failed("create the folder", dir))?;
    let mut staged = vec![];
    for (name, bytes) in files {
        let path = dir.join(name);
        let folder = path.parent().unwrap_or(dir);
        if !folders.contains(folder) {
            fs::create_dir_all(folder).map_err(failed("create the folder", folder))?;
            folders.extend(folder.ancestors().take_while(|above| above.starts_with(dir)).map(Path::to_owned));
        }
        staged.push((stage(folder, bytes).map_err(failed("write", &path))?, path));
    }
    for (file, path) in staged {
        file.persist(&path).map_err(|e| failed("write", &path)(e.error))?;
    }
    folders.iter().try_for_each(|folder| File::open(folder).and_then(|f| f.sync_all()).map_err(failed("write", folder)))
}

fn stage(folder: &Path, bytes: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    let mut file =
        tempfile::Builder::new().prefix(STAGED).permissions(Permissions::from_mode(0o644)).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> WriteError + use<> {
    let path = path.to_owned();
    move |e| (doing, path, e)
}
