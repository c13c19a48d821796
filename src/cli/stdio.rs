//! Standard output and standard error of every verb.
//!
//! Whoever reads them may go away at any time (`dayfly list | head -1`). What is said then is lost, and nothing else is: a run
//! still removes its environment, signs its report and ends with its verdict's code, where `println!` would panic.

use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;

/// Why data did not reach standard output, other than that nobody reads it any more.
static FAILURE: OnceLock<io::Error> = OnceLock::new();

/// Prints a line of data.
macro_rules! outln {
    ($($text:tt)*) => { $crate::cli::stdio::out(&format!("{}\n", format_args!($($text)*))) };
}

/// Prints a line for people.
macro_rules! errln {
    ($($text:tt)*) => { $crate::cli::stdio::err(&format!("{}\n", format_args!($($text)*))) };
}

/// Standard output; without a reader it takes everything.
pub struct Stdout;

/// Standard error; without a reader it takes everything.
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

/// Prints data. What goes wrong ends nothing; `failure` knows of it.
pub fn out(text: &str) {
    if let Err(e) = Stdout.write_all(text.as_bytes()).and_then(|()| Stdout.flush()) {
        // Only the first is kept: the others follow from it.
        FAILURE.set(e).ok();
    }
}

/// Prints what is for people. There is nowhere to say that it failed.
pub fn err(text: &str) {
    Stderr.write_all(text.as_bytes()).ok();
}

/// Why data did not reach standard output, where that is so.
pub fn failure() -> Option<&'static io::Error> {
    FAILURE.get()
}
