//! Results of one readiness probe, and what is told of them.

use super::state::Progress;

/// Why an attempt was not the last.
pub(super) struct NotReady {
    pub got: String,
    /// Waiting would not help.
    pub permanent: bool,
}

impl NotReady {
    pub fn again(got: impl Into<String>) -> Self {
        Self { got: got.into(), permanent: false }
    }

    pub fn never(got: impl Into<String>) -> Self {
        Self { got: got.into(), permanent: true }
    }
}

/// What was seen last; told whenever it changes.
pub(super) struct ProbeProgress<'a> {
    pub last: String,
    pub progress: &'a Progress,
}

impl ProbeProgress<'_> {
    pub fn saw(&mut self, now: String) {
        if now != self.last {
            self.progress.waiting(now.clone());
            self.last = now;
        }
    }
}
