//! Says how a process ended, and what to do about it. Pure.

use crate::engine::UNKNOWN_CODE;
use crate::plan::Limits;

/// Exit code of a process that SIGKILL ended.
const KILLED: i64 = 137;
/// What is said of an end that the engine did not see.
pub(super) const UNSEEN: &str = "its process has ended, and the engine did not see how";

/// The reason why a unit failed whose process ended.
pub(super) fn exit_reason(code: i64, oom_killed: bool, limits: Option<Limits>) -> String {
    let limit = limits.map(|l| format!(" of {} MiB", l.memory >> 20)).unwrap_or_default();
    match (oom_killed, code) {
        (true, _) => {
            format!("its process was OOM-killed (memory limit{limit}, exit code {code}); raise `resources.memory`")
        }
        // Some engines do not report OOM kills.
        (false, KILLED) => format!(
            "its process was killed (exit code {code}), probably OOM-killed: its memory limit{limit} may be too small; raise `resources.memory`"
        ),
        (false, UNKNOWN_CODE) => UNSEEN.into(),
        (false, _) => format!("its process exited with code {code}"),
    }
}
