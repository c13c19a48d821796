//! Rows that are redrawn below everything else on standard error, while it is a terminal. One for the process.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::painter::{Painter, Row, Size};
use super::streams::write_stderr;
use crate::cli::terminal::Look;

/// Size of a terminal that does not know it.
const UNKNOWN: Size = Size { width: 80, height: 24 };

static LIVE: Mutex<Live> = Mutex::new(Live { rows: None, closed: false, painter: Painter::new() });

struct Live {
    /// The rows to show; none when nothing is live.
    rows: Option<Vec<Row>>,
    /// No rows are shown any more, whoever still asks for it.
    closed: bool,
    painter: Painter,
}

fn live() -> MutexGuard<'static, Live> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The size of the terminal, now.
pub fn size() -> Size {
    match rustix::termios::tcgetwinsize(io::stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
            Size { width: size.ws_col.into(), height: size.ws_row.into() }
        }
        _ => UNKNOWN,
    }
}

/// Writes `above`, which stays, and shows these rows below it: in one write, so that nothing flickers.
pub(super) fn show(above: &str, rows: Vec<Row>, look: Look) {
    let mut live = live();
    if live.closed {
        return write_stderr(above);
    }
    let text = live.painter.paint(above, &rows, look, size());
    live.rows = Some(rows);
    write_stderr(&text);
}

/// Writes text above the rows, if there are any.
pub(super) fn above(text: &str, look: Look) {
    let mut live = live();
    let Live { rows, painter, .. } = &mut *live;
    match rows {
        Some(rows) => write_stderr(&painter.paint(text, rows, look, size())),
        None => write_stderr(text),
    }
}

/// Writes to another stream of the same terminal, above the rows, if there are any.
pub(super) fn around(write: impl FnOnce(), look: Look) {
    let mut live = live();
    let Live { rows, painter, .. } = &mut *live;
    match rows {
        Some(rows) => {
            write_stderr(&painter.erase(size()));
            write();
            write_stderr(&painter.paint("", rows, look, size()));
        }
        None => write(),
    }
}

/// Removes the rows for good.
pub fn end() {
    let mut live = live();
    live.closed = true;
    if live.rows.take().is_some() {
        write_stderr(&live.painter.erase(size()));
    }
}

/// Draws the rows anew below whatever another program has written, as after the process was stopped and continued.
pub fn forget() {
    live().painter.forget();
}
