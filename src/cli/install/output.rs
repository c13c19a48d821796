//! Output of `install` and `uninstall`: changed objects and errors.

use crate::cli::error::ReportedError;
use crate::cli::{Common, Output};
use crate::install::InstallError;
use crate::report::exit_code;

/// Prints the change of one object.
pub fn print_change(common: &Common, word: &str, object: &str, more: Option<&str>, dry_run: bool) {
    if common.output == Output::Json {
        outln!("{}", serde_json::json!({"object": object, "change": word, "detail": more, "dryRun": dry_run}));
    } else {
        let more = more.map(|m| format!(" ({m})")).unwrap_or_default();
        outln!("{word:<10} {object}{more}{}", if dry_run { " (dry run)" } else { "" });
    }
}

/// Prints why an installation failed, and keeps its exit code.
pub fn install_error(common: &Common, error: &InstallError) -> anyhow::Error {
    if common.output == Output::Json {
        outln!("{}", serde_json::json!({"event": "error", "text": format!("failed to {error}")}));
    }
    errln!("error: failed to {error}");
    anyhow::Error::new(ReportedError(exit_code_of(error)))
}

/// Exit code of a failed installation.
fn exit_code_of(error: &InstallError) -> u8 {
    match error {
        InstallError::Manifest(_) | InstallError::Forbidden { .. } | InstallError::Api { .. } => exit_code::UNEXPECTED,
        InstallError::OtherKey { .. } | InstallError::BrokenKey(_) => exit_code::USAGE,
        InstallError::NotReady { capacity: true, .. } => exit_code::NO_CAPACITY,
        InstallError::NotReady { .. } => exit_code::NOT_READY,
    }
}
