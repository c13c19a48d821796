//! A lock between processes, also on several machines if their file system supports `flock`.

use std::fs::File;
use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

/// Time between two attempts.
const POLL: Duration = Duration::from_millis(5);

/// An exclusive lock; ends with the value, or with the process.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock lives as long as the open file")] File);

/// Locks a file, which is created if it does not exist. Returns none if somebody else keeps it locked for as long as `patience`.
pub fn lock(path: &Path, patience: Duration) -> io::Result<Option<Lock>> {
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    let began = Instant::now();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Some(Lock(file))),
            Err(rustix::io::Errno::WOULDBLOCK) if began.elapsed() < patience => sleep(POLL),
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}
