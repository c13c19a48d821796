//! Builds the causes that end a run before its suites do. Pure.

use crate::engine::EngineError;
use crate::lease::{Lease, Owner, owner_in_words};
use crate::model::{RunId, sanitize};
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

/// The cause of a run whose environment belongs to somebody else, who may hold it.
pub fn owned_by_other(lease: &Lease, run: Option<RunId>, owner: Option<&Owner>, held: Option<&str>) -> Cause {
    let environment = &lease.environment;
    // Only the command line takes over.
    let way = if lease.requester.is_some() {
        format!(
            "ask the owner to remove it (dayfly down {environment}), then increment spec.attempt, or rename the description"
        )
    } else {
        format!(
            "ask the owner to remove it (dayfly down {environment}), or take it over with --take-over of `dayfly up` or `dayfly run`"
        )
    };
    let run = run.map(|r| format!(" (run {r})")).unwrap_or_default();
    let owner = owner_in_words(owner);
    let text = match held {
        None => format!("environment {environment} belongs to {owner}{run}, and this run changed nothing of it; {way}"),
        Some(reason) => format!(
            "environment {environment} belongs to {owner}{run} and is kept ({}), so --take-over does not take it, and this run changed nothing of it; ask the owner to release it (dayfly keep {environment} --release)",
            sanitize::one_line(reason, 200)
        ),
    };
    Cause { kind: CauseKind::OwnedByOther, text }
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

/// The cause of a run that cannot see any more what happens to its environment.
pub(super) fn watch_ended() -> Cause {
    let text = "the engine ended the watch of the environment, so that an end of a service would not be seen".into();
    Cause { kind: CauseKind::Inconclusive, text }
}

/// A cause that dayfly did not foresee.
pub(super) fn unexpected(text: String) -> Cause {
    Cause { kind: CauseKind::Unexpected, text }
}
