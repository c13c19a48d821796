//! Entries and refusals as text.

use crate::cli::error::usage_error;
use crate::evidence::log::{EntryKind, LogEntry};
use crate::report::exit_code;
use crate::tlog::LogError;

/// Why a log is refused; an absent one is a usage error.
pub(super) fn refused(e: &LogError, json: bool) -> anyhow::Result<u8> {
    if let LogError::Absent(_) = e {
        return Err(usage_error(&format!("failed to {e}")).into());
    }
    let reason = format!("failed to {e}");
    match json {
        true => outln!("{:#}", serde_json::json!({"verified": false, "reason": reason})),
        false => errln!("REFUSED  {reason}"),
    }
    Ok(exit_code::REFUSED)
}

/// An entry in a line.
pub(super) fn line(entry: &LogEntry) -> String {
    let kind = match entry.kind {
        EntryKind::RunOpened => "opened",
        EntryKind::Suite => "suite",
        EntryKind::Scan => "scan",
        EntryKind::Run => "run",
        EntryKind::Removal => "removal",
        EntryKind::Decision => "decision",
    };
    let what = entry.suite.as_deref().map(|suite| format!(" {suite}")).unwrap_or_default();
    let result = entry.result.as_deref().unwrap_or("-").to_uppercase();
    let of = match entry.kind {
        EntryKind::Decision => entry.images.first().map_or("-", |image| image.get(..12).unwrap_or(image)),
        _ => &entry.environment,
    };
    format!("{kind:<8} {result:<13} {of}  {}{what}", entry.id)
}
