//! Standard output and standard error of every subcommand.
//!
//! The reader may close the stream at any time (`dayfly list | head -1`). Only later output is lost: a run still removes its
//! environment, signs its report and exits with its verdict's code, where `println!` would panic.
//!
//! Names, logs and failures come from the change under test. Everything that is printed passes `model::sanitize` here, so
//! that none of it controls a terminal or a CI system.

use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;

use crate::model::sanitize;

/// Maximum length of a line on standard error, in characters.
const MAX_LINE: usize = 8000;

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

/// Standard output, byte by byte: for archives. Discards everything once its reader is gone.
pub struct RawStdout;

/// Standard error for logs, of which each write is a whole message: inert, like `err`.
pub struct LogWriter;

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

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        err(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn or_lost<T>(written: io::Result<T>, lost: T) -> io::Result<T> {
    match written {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(lost),
        written => written,
    }
}

/// Prints data: text or JSON. Errors are recorded for `failure`.
pub fn out(text: &str) {
    write_out(&sanitize::inert(text));
}

/// Prints data; `coloured` if dayfly has coloured it and made its foreign parts printable.
pub fn out_styled(text: &str, coloured: bool) {
    write_out(&inert(text, coloured));
}

/// Prints to standard error, ignoring failures.
pub fn err(text: &str) {
    write_err(&sanitize::inert(&bounded(text)));
}

/// Prints to standard error; `coloured` as for `out_styled`.
pub fn err_styled(text: &str, coloured: bool) {
    write_err(&inert(&bounded(text), coloured));
}

/// Prints commands for the CI system to standard error. Their texts must be escaped already.
pub fn err_ci_commands(text: &str) {
    write_err(text);
}

fn inert(text: &str, coloured: bool) -> String {
    if coloured { sanitize::inert_styled(text) } else { sanitize::inert(text) }
}

/// Cuts long lines, which are of no use to a reader.
fn bounded(text: &str) -> String {
    text.split('\n').map(|line| sanitize::cut(line, MAX_LINE)).collect::<Vec<_>>().join("\n")
}

fn write_out(text: &str) {
    if let Err(e) = RawStdout.write_all(text.as_bytes()).and_then(|()| RawStdout.flush()) {
        // Only the first is kept: the others follow from it.
        FAILURE.set(e).ok();
    }
}

fn write_err(text: &str) {
    Stderr.write_all(text.as_bytes()).ok();
}

/// Returns the first error of standard output.
pub fn failure() -> Option<&'static io::Error> {
    FAILURE.get()
}
