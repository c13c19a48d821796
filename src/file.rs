//! Reads files that somebody else may have prepared: regular files only, of bounded size, and no links. `write` writes whole files, `lock`
//! keeps other processes away.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

mod lock;
mod write;

pub use lock::{Lock, lock};
pub use write::{STAGED, WriteError, write_all};

/// Reads a regular file of at most `most` bytes. Does not follow a link in the last part of the path, and does not wait
/// for the writer of a pipe.
pub fn read_regular(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let (file, _) = open_regular(path)?;
    let mut bytes = vec![];
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("it is larger than {} KiB", most >> 10)));
    }
    Ok(bytes)
}

/// Opens a regular file in the manner of [`read_regular`]; returns its length, too.
pub fn open_regular(path: &Path) -> io::Result<(File, u64)> {
    // The opened file itself is checked, so that nothing can be exchanged in between.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::LOOP) => return Err(io::Error::other("it is a symbolic link")),
        // Sockets, and devices without a driver, cannot be opened.
        Err(Errno::NXIO) => return Err(not_regular()),
        Err(e) => return Err(e.into()),
    };
    let found = file.metadata()?;
    if found.is_file() { Ok((file, found.len())) } else { Err(not_regular()) }
}

fn not_regular() -> io::Error {
    io::Error::other("it is not a regular file")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_regular_files_up_to_the_limit_and_refuses_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let why = |name: &str| read_regular(&at(name), 2048).unwrap_err().to_string();
        std::fs::write(at("full"), [0; 2048]).unwrap();
        std::fs::write(at("large"), [0; 2049]).unwrap();
        std::os::unix::fs::symlink(at("full"), at("link")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert_eq!(read_regular(&at("full"), 2048).unwrap().len(), 2048);
        assert_eq!(why("large"), "it is larger than 2 KiB");
        assert_eq!(why("link"), "it is a symbolic link");
        assert_eq!(why("pipe"), "it is not a regular file");
        assert_eq!(why("."), "it is not a regular file");
    }
}
