//! A folder through which a test directs the fake engine of another process.

use std::path::PathBuf;

/// The folder. Files of it are named after operations, such as `start web`, `suite tests` and `remove`.
#[derive(Debug, Clone)]
pub struct Stage(pub PathBuf);

impl Stage {
    /// Waits for the cue of an operation, if it has one: a named pipe that somebody writes, with an exit code or nothing.
    pub async fn cue(&self, operation: &str) -> Option<i64> {
        tokio::fs::read_to_string(self.0.join(operation)).await.ok()?.trim().parse().ok()
    }

    /// The log of a unit or suite: the file `log NAME`, if there is one.
    pub fn log(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.0.join(format!("log {name}"))).ok()
    }
}
