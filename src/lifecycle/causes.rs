//! Builds the causes that end a run before its suites do. Pure.

use crate::engine::EngineError;
use crate::model::RunId;
use crate::report::facts::{Cause, CauseKind};

/// The cause of a run that was stopped from outside.
pub fn interrupted() -> Cause {
    Cause { kind: CauseKind::Interrupted, text: "stopped by a signal before it finished".into() }
}

/// The cause of a run that a newer one replaced.
pub fn superseded(run: RunId, commit: &str) -> Cause {
    let commit = if commit.is_empty() { String::new() } else { format!(" (commit {commit})") };
    Cause {
        kind: CauseKind::Superseded,
        text: format!("newer run {run}{commit} owns this environment; this run stopped and removes nothing"),
    }
}

/// The cause of a run whose environment somebody removed.
pub fn environment_removed() -> Cause {
    Cause { kind: CauseKind::Superseded, text: "someone else removed the environment during the run".into() }
}

/// Maps a failed engine operation to a cause.
pub fn from_engine_error(error: &EngineError) -> Cause {
    let kind = match error {
        EngineError::Capacity(_) => CauseKind::NoCapacity,
        EngineError::Unrenderable(_) => CauseKind::Invalid,
        EngineError::Missing(_)
        | EngineError::Unreachable { .. }
        | EngineError::NoCluster { .. }
        | EngineError::Images(_)
        | EngineError::Start { .. } => CauseKind::NotReady,
        EngineError::Api { .. } => CauseKind::Unexpected,
    };
    Cause { kind, text: format!("failed to {error}") }
}

/// A cause that dayfly did not foresee.
pub(super) fn unexpected(text: String) -> Cause {
    Cause { kind: CauseKind::Unexpected, text }
}
