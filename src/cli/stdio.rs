//! Standard output and standard error of every subcommand.
//!
//! The reader may close the stream at any time (`dayfly list | head -1`). Only later output is lost: a run still removes its
//! environment, signs its report and exits with its verdict's code, where `println!` would panic.
//!
//! Names, logs and failures come from the change under test. Everything that is printed passes `model::sanitize` here, so
//! that none of it controls a terminal or a CI system, and is shown in the characters of the terminal.
//!
//! While rows are live at the end of a terminal, everything else is written above them.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use super::process_env;
use super::terminal::{self, Look};
use crate::model::sanitize;

pub mod live;
pub mod painter;
mod parts;
pub mod session;
mod streams;

use painter::Row;
pub use streams::RawStdout;
use streams::write_stderr;

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

/// Standard error for logs, of which each write is a whole message: inert, like `err`.
pub struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        err(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How text is shown on standard output.
pub fn stdout_look() -> Look {
    static LOOK: OnceLock<Look> = OnceLock::new();
    *LOOK.get_or_init(|| terminal::look(&process_env::variables(), io::stdout().is_terminal()))
}

/// How text is shown on standard error.
pub fn stderr_look() -> Look {
    static LOOK: OnceLock<Look> = OnceLock::new();
    *LOOK.get_or_init(|| terminal::look(&process_env::variables(), io::stderr().is_terminal()))
}

/// Reports whether standard output and standard error go to the same reader: one file, two terminals, or, `in_ci`, the log of a
/// job, which joins two pipes.
pub fn read_together(in_ci: bool) -> bool {
    use rustix::fs::{FileType, fstat};
    let (Ok(out), Ok(err)) = (fstat(io::stdout()), fstat(io::stderr())) else { return false };
    if (out.st_dev, out.st_ino) == (err.st_dev, err.st_ino) {
        return true;
    }
    let is_pipe = |mode| matches!(FileType::from_raw_mode(mode), FileType::Fifo | FileType::Socket);
    (in_ci && is_pipe(out.st_mode) && is_pipe(err.st_mode))
        || (io::stdout().is_terminal() && io::stderr().is_terminal())
}

/// Prints data: text or JSON. Errors are recorded for `failure`.
pub fn out(text: &str) {
    let text = sanitize::inert(text);
    // Data in a pipe stays as it is; a terminal shows what it can.
    write_out(&if io::stdout().is_terminal() { stdout_look().charset.convert(&text) } else { text });
}

/// Prints text; `coloured` if dayfly has coloured it and made its foreign parts printable.
pub fn out_styled(text: &str, coloured: bool) {
    write_out(&stdout_look().charset.convert(&inert(text, coloured)));
}

/// Prints to standard error, ignoring failures.
pub fn err(text: &str) {
    write_err(&sanitize::inert(&bounded(text)));
}

/// Prints to standard error; `coloured` as for `out_styled`.
pub fn err_styled(text: &str, coloured: bool) {
    write_err(&inert(&bounded(text), coloured));
}

/// Prints to standard error, `coloured` as for `out_styled`, with these rows live below it.
pub fn err_above(text: &str, coloured: bool, rows: Vec<Row>) {
    let look = stderr_look();
    live::show(&look.charset.convert(&inert(&bounded(text), coloured)), rows, look);
}

/// Prints commands for the CI system to standard error. Their texts must be escaped already.
pub fn err_ci_commands(text: &str) {
    write_stderr(text);
}

fn inert(text: &str, coloured: bool) -> String {
    if coloured { sanitize::inert_styled(text) } else { sanitize::inert(text) }
}

/// Cuts long lines, which are of no use to a reader.
fn bounded(text: &str) -> String {
    text.split('\n').map(|line| sanitize::cut(line, MAX_LINE)).collect::<Vec<_>>().join("\n")
}

fn write_out(text: &str) {
    let write = || {
        if let Err(e) = RawStdout.write_all(text.as_bytes()).and_then(|()| RawStdout.flush()) {
            // Only the first is kept: the others follow from it.
            FAILURE.set(e).ok();
        }
    };
    if io::stdout().is_terminal() { live::around(write, stderr_look()) } else { write() }
}

fn write_err(text: &str) {
    let look = stderr_look();
    live::above(&look.charset.convert(text), look);
}

/// Returns the first error of standard output.
pub fn failure() -> Option<&'static io::Error> {
    FAILURE.get()
}
