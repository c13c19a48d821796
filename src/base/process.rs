//! What of the process environment matters here. Data only.

use std::ffi::OsString;
use std::path::PathBuf;

/// What the process was started with.
#[derive(Debug, Clone, Default)]
pub struct Process {
    /// Its working folder.
    pub folder: PathBuf,
    /// Where programs are looked for (`PATH`).
    pub path: OsString,
}
