//! The part of the process environment that reading the base depends on. Data only.

use std::ffi::OsString;
use std::path::PathBuf;

/// Working folder and search path of the process.
#[derive(Debug, Clone, Default)]
pub struct Process {
    /// Working folder.
    pub folder: PathBuf,
    /// Folders of programs (`PATH`).
    pub path: OsString,
}
