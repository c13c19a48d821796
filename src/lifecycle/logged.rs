//! What a logbook keeps. Pure.

use std::collections::{BTreeSet, VecDeque};

use jiff::Timestamp;

use super::telling::Telling;
use crate::engine::LogLine;
use crate::model::sanitize;

/// Maximum number of recent lines that are kept of one copy.
pub const RECENT: usize = 500;
/// Maximum number of telling lines that are kept of one copy beside them: the first half and the last half.
pub const TELLING: usize = 200;
/// Maximum length of a line that is kept, in characters.
const LONGEST: usize = 600;
/// Maximum number of different gaps that are kept of one copy.
pub const GAPS: usize = 10;

/// A line of a unit's log.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// When it was written; when it was read, if the engine does not say.
    pub at: Timestamp,
    /// The line, shortened.
    pub text: String,
    /// What it tells about a cause.
    pub telling: Option<Telling>,
    /// Its number in the log of its copy.
    pub number: u64,
}

/// The log of one copy of a unit, as far as it is kept.
#[derive(Debug, Clone, Default)]
pub struct CopyLog {
    /// Its unit.
    pub unit: String,
    /// Recent lines, in order.
    pub recent: VecDeque<Entry>,
    /// Telling lines, in order.
    pub telling: VecDeque<Entry>,
    /// Number of all lines.
    pub lines: u64,
    /// Why lines may be missing.
    pub gaps: BTreeSet<String>,
    /// It had a line that was too long to be read to its end.
    pub cut: bool,
    /// Names of the secrets that were in it.
    pub secrets: BTreeSet<String>,
    /// Time of its latest line.
    pub last: Option<Timestamp>,
}

impl CopyLog {
    /// Number of lines that are not kept.
    pub fn dropped(&self) -> u64 {
        self.lines - self.recent.len() as u64
    }

    /// Returns true if the line was read, or a later one.
    pub fn has(&self, line: &LogLine) -> bool {
        // Engines may give the time in whole seconds.
        if line.at.is_some() && self.last > line.at {
            return true;
        }
        let text = sanitize::cut(&line.text, LONGEST);
        self.recent.iter().rev().any(|entry| entry.text == text)
    }

    /// Adds a line that was read now.
    pub fn keep(&mut self, line: &LogLine, telling: Option<Telling>, now: Timestamp) {
        let (at, number) = (line.at.unwrap_or(now), self.lines);
        self.lines += 1;
        self.last = self.last.max(Some(at));
        // The ellipsis of the cut lets redaction find a secret there.
        let entry = Entry { at, text: sanitize::cut(&line.text, LONGEST), telling, number };
        if telling.is_some() {
            if self.telling.len() >= TELLING {
                self.telling.remove(TELLING / 2);
            }
            self.telling.push_back(entry.clone());
        }
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(entry);
    }
}

/// A refusal that a suite provoked on purpose: what the server logs about it explains nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Provoked {
    /// The broker or database.
    pub unit: String,
    /// The user or role that was refused.
    pub user: String,
    /// When it began.
    pub from: Timestamp,
    /// When it ended.
    pub until: Timestamp,
}
