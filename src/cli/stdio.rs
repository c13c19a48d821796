//! Standard output and standard error of every subcommand.
//!
//! The reader may close the stream at any time (`dayfly list | head -1`). Only later output is lost: a run still removes its
//! environment, signs its report and exits with its verdict's code, where `println!` would panic.

use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;

/// The first error of standard output, other than a closed pipe.
static FAILURE: OnceLock<io::Error> = OnceLock::new();

/// Prints a line of data.
macro_rules! outln {
    ($($text:tt)*) => { $crate::cli::stdio::out(&format!("{}\n", format_args!($($text)*))) };
}

/// Prints a line of progress or an error.
macro_rules! errln {
    ($($text:tt)*) => { $crate::cli::stdio::err(&format!("{}\n", format_args!($($text)*))) };
}

/// Standard output; discards everything once its reader is gone.
pub struct Stdout;

/// Standard error; discards everything once its reader is gone.
pub struct Stderr;

impl Write for Stdout {
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

/// Prints data. Errors are recorded for `failure`.
pub fn out(text: &str) {
    if let Err(e) = Stdout.write_all(text.as_bytes()).and_then(|()| Stdout.flush()) {
        // Only the first is kept: the others follow from it.
        FAILURE.set(e).ok();
    }
}

/// Prints to standard error, ignoring failures.
pub fn err(text: &str) {
    Stderr.write_all(text.as_bytes()).ok();
}

/// Returns the first error of standard output.
pub fn failure() -> Option<&'static io::Error> {
    FAILURE.get()
}
