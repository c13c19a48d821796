//! What was mapped, and what was dropped and why. Data only.

use crate::model::sanitize::one_line;

/// Most notes that are kept; further ones are counted.
const MAX_NOTES: usize = 500;
/// Longest words of a note, in characters.
const MAX_WHAT: usize = 200;
const MAX_WHY: usize = 400;

/// Something of the input that the draft does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Line in the input, from 1.
    pub line: usize,
    /// What, such as `web.container_name`.
    pub what: String,
    /// Why, and what to do instead.
    pub why: String,
}

/// Notes about one input.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    /// Keys that the draft has.
    pub mapped: usize,
    /// What was dropped, in the order of the input.
    pub dropped: Vec<Note>,
    /// Further notes.
    pub omitted: usize,
}

impl Notes {
    /// Counts a key that was mapped.
    pub(super) fn map(&mut self) {
        self.mapped += 1;
    }

    /// Notes a key that was dropped.
    pub(super) fn drop(&mut self, line: usize, what: impl AsRef<str>, why: impl AsRef<str>) {
        if self.dropped.len() < MAX_NOTES {
            let (what, why) = (one_line(what.as_ref(), MAX_WHAT), one_line(why.as_ref(), MAX_WHY));
            self.dropped.push(Note { line, what, why });
        } else {
            self.omitted += 1;
        }
    }

    /// Sorts by line.
    pub(super) fn sort(&mut self) {
        self.dropped.sort_by_key(|n| n.line);
    }
}
