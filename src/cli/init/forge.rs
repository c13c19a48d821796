//! Forges whose CI file can be written. Data only.

use clap::ValueEnum;

/// Forges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Forge {
    /// GitHub: .github/workflows/dayfly.yaml
    Github,
    /// GitLab: .gitlab/dayfly.yml, to be included
    Gitlab,
    /// No CI file
    None,
}
