//! Standard output and standard error, byte by byte. A closed pipe is no error: only later output is lost.

use std::io::{self, ErrorKind, Write};

/// Standard output, byte by byte: for archives. Discards everything once its reader is gone.
pub struct RawStdout;

struct Stderr;

impl Write for RawStdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        or_lost(io::stdout().write(bytes), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        or_lost(io::stdout().flush(), ())
    }
}

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        or_lost(io::stderr().write(bytes), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        or_lost(io::stderr().flush(), ())
    }
}

fn or_lost<T>(written: io::Result<T>, lost: T) -> io::Result<T> {
    match written {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(lost),
        written => written,
    }
}

/// Writes to standard error in one piece, ignoring failures.
pub(super) fn write_stderr(text: &str) {
    Stderr.write_all(text.as_bytes()).ok();
}
