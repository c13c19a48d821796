//! Packs the results folder of a container suite as an archive.

use std::io::{self, Write};
use std::path::Path;

/// Writes the regular files of a folder, by relative path. Links stay links, so that their targets are not read.
pub fn pack(folder: &Path, output: impl Write) -> io::Result<()> {
    let mut builder = tar::Builder::new(output);
    builder.follow_symlinks(false);
    builder.append_dir_all(".", folder)?;
    builder.into_inner()?.flush()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::render::archive::unpack;

    #[test]
    fn packs_files_but_not_the_targets_of_links() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        std::fs::write(folder.path().join("sub/junit.xml"), "<testsuite/>").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
        let mut archive = vec![];
        pack(folder.path(), &mut archive).unwrap();
        let (files, lost) = unpack(&archive, 1000);
        assert_eq!(files.into_iter().collect::<Vec<_>>(), [("sub/junit.xml".to_owned(), b"<testsuite/>".to_vec())]);
        assert_eq!(lost, ["link: not collected because it is not a regular file"]);
    }
}
