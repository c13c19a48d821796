//! Failures of readiness probes, and their progress reports.

use super::state::Progress;

/// A failed attempt.
pub(super) struct NotReady {
    pub got: String,
    /// Another attempt would fail too.
    pub permanent: bool,
}

impl NotReady {
    pub fn temporary(got: impl Into<String>) -> Self {
        Self { got: got.into(), permanent: false }
    }

    pub fn permanent(got: impl Into<String>) -> Self {
        Self { got: got.into(), permanent: true }
    }
}

/// The last failure; reported whenever it changes.
pub(super) struct ProbeProgress<'a> {
    pub last: String,
    pub progress: &'a Progress,
}

impl ProbeProgress<'_> {
    pub fn report(&mut self, now: String) {
        if now != self.last {
            self.progress.report(now.clone());
            self.last = now;
        }
    }
}
