//! Checks how a process begins and ends: entrypoint, arguments, folder, signal.

use super::context::{Checker, is_plain_absolute};
use crate::spec::quantity;
use crate::spec::span::FieldPath;

/// Signals that can ask a process to end.
const SIGNALS: [&str; 12] = [
    "SIGABRT",
    "SIGALRM",
    "SIGHUP",
    "SIGINT",
    "SIGKILL",
    "SIGPIPE",
    "SIGQUIT",
    "SIGRTMIN+3",
    "SIGTERM",
    "SIGUSR1",
    "SIGUSR2",
    "SIGWINCH",
];

/// Checks the beginning of a process. `of` is the service or suite.
pub(super) fn start(
    check: &mut Checker<'_>,
    of: &FieldPath,
    command: &[String],
    entrypoint: &[String],
    working_dir: Option<&String>,
) {
    if !command.is_empty() && !entrypoint.is_empty() {
        let help = "remove one of the two: `command` is an entrypoint with its arguments; beside `entrypoint`, write the \
                    arguments under `args` (what Compose calls `command` is `args` here)";
        check.diagnostics.add_key(&of.key("entrypoint"), format!("{of} has both `command` and `entrypoint`"), help);
    }
    if let Some(folder) = working_dir.filter(|folder| *folder != "/" && !is_plain_absolute(folder)) {
        let message = format!("`{folder}` is not an absolute path");
        check.diagnostics.add(&of.key("workingDir"), message, "write one such as `/srv/app`, without `..`");
    }
}

/// Checks the end of a process.
pub(super) fn stop(check: &mut Checker<'_>, of: &FieldPath, signal: Option<&String>, grace: &str) {
    if let Some(signal) = signal.filter(|signal| !SIGNALS.contains(&signal.as_str())) {
        let message = format!("`{signal}` is not a signal that can ask a process to end");
        check.diagnostics.add_unknown(&of.key("stopSignal"), message, signal, SIGNALS);
    }
    if let Err(help) = quantity::duration_ms(grace, quantity::LONGEST_GRACE_MS) {
        check.diagnostics.add(&of.key("stopGrace"), format!("`{grace}` is not a valid duration"), help);
    }
}
