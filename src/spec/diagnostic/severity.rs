//! How serious a diagnostic is.

use serde::Serialize;

/// How serious a diagnostic is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The description cannot be used.
    #[default]
    Error,
    /// The description can be used, but probably does not do what was meant.
    Warning,
}
