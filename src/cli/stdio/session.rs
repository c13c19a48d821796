//! The streams of a command that somebody else's program writes: raw at a terminal of its own, inert where a terminal or a CI
//! system would obey it, and unchanged in files and pipes.

use std::io::{self, IsTerminal, Write};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use super::parts::{MAX_PART, Parts};
use super::streams::RawStdout;
use super::{MAX_LINE, err, out};
use crate::engine::TerminalSize;

// Otherwise a line on standard error would lose its end.
const _: () = assert!(MAX_PART < MAX_LINE);

/// The terminal in raw mode, until this is dropped.
pub struct RawTerminal {
    before: Termios,
}

impl RawTerminal {
    /// Passes each key on, without a meaning of its own.
    pub fn enter() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        Ok(Self { before })
    }

    /// Returns the size of the terminal.
    pub fn size(&self) -> TerminalSize {
        let size = tcgetwinsize(io::stdout());
        size.map_or(TerminalSize { rows: 24, columns: 80 }, |s| TerminalSize { rows: s.ws_row, columns: s.ws_col })
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // There is nobody to tell.
        tcsetattr(io::stdin(), OptionalActions::Drain, &self.before).ok();
    }
}

/// A stream of a command, as it is shown.
pub enum Shown {
    /// Bytes as they are, on standard output.
    Raw,
    /// Bytes as they are, on standard error.
    RawError,
    /// Part by part as inert text: on standard output, or else on standard error.
    Inert { stdout: bool, parts: Parts },
}

impl Shown {
    /// Standard output; `own` if the command has the terminal to itself.
    pub fn stdout(own: bool, in_ci: bool) -> Self {
        if own || !is_obeyed(io::stdout().is_terminal(), is_file(io::stdout()), in_ci) {
            return Self::Raw;
        }
        Self::Inert { stdout: true, parts: Parts::default() }
    }

    /// Standard error.
    pub fn stderr(in_ci: bool) -> Self {
        if is_obeyed(io::stderr().is_terminal(), is_file(io::stderr()), in_ci) {
            Self::Inert { stdout: false, parts: Parts::default() }
        } else {
            Self::RawError
        }
    }

    /// Shows a piece.
    pub fn show(&mut self, bytes: &[u8]) {
        match self {
            // A reader that went away is no failure of the command.
            Self::Raw => drop(RawStdout.write_all(bytes).and_then(|()| RawStdout.flush())),
            Self::RawError => drop(io::stderr().write_all(bytes)),
            Self::Inert { stdout, parts } => parts.push(bytes).iter().for_each(|part| print(*stdout, part)),
        }
    }

    /// Shows what is held back.
    pub fn end(self) {
        if let Self::Inert { stdout, parts } = self {
            print(stdout, &parts.end());
        }
    }
}

fn print(stdout: bool, text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    if !text.is_empty() {
        if stdout { out(&text) } else { err(&text) }
    }
}

/// A terminal obeys what it shows, and so does a CI system, which reads pipes.
fn is_obeyed(terminal: bool, file: bool, in_ci: bool) -> bool {
    terminal || (!file && in_ci)
}

fn is_file(stream: impl rustix::fd::AsFd) -> bool {
    use rustix::fs::{FileType, fstat};
    fstat(stream).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::RegularFile)
}
