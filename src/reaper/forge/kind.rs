//! Kinds of forge.

/// Kind of a forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ForgeKind {
    /// GitHub or GitHub Enterprise
    Github,
    /// Gitea and Forgejo
    Gitea,
}
