//! What can go wrong in an engine, and what each failure leaves behind.

use std::fmt;

/// What a failed operation left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leftover {
    /// Nothing.
    None,
    /// Labelled objects that `dayfly down` removes.
    Removable,
    /// Objects that no label leads to.
    Orphaned,
    /// It cannot be told.
    Unknown,
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "nothing was left behind",
            Self::Removable => "what was made is removed by `dayfly down`",
            Self::Orphaned => "something was left that no label leads to",
            Self::Unknown => "it is not known what was left behind",
        })
    }
}

/// A failed engine operation; messages complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No socket answered.
    #[error("reach a container engine: {detail}")]
    Unreachable {
        /// What was tried and what to do.
        detail: String,
    },
    /// No API server answered, or none that can be used.
    #[error("reach a cluster: {detail}")]
    NoCluster {
        /// What was tried and what to do.
        detail: String,
    },
    /// Objects that must not be sent: the templates or the description are at fault.
    #[error("render the environment: {0}")]
    Unrenderable(
        /// Which template, and why.
        String,
    ),
    /// Images that are not here and could not be pulled.
    #[error("find {} image(s):\n{}", .0.len(), .0.iter().map(|(i, why)| format!("  {i}: {why}")).collect::<Vec<_>>().join("\n"))]
    Images(
        /// Reference and reason.
        Vec<(String, String)>,
    ),
    /// A container could not be made or started.
    #[error("start {unit}: {reason}")]
    Start {
        /// Unit or suite.
        unit: String,
        /// The engine's words, explained.
        reason: String,
        /// What it left.
        leftover: Leftover,
    },
    /// No space, no addresses, no memory.
    #[error("make room: {0}")]
    Capacity(
        /// What ran out.
        String,
    ),
    /// Nothing of that name.
    #[error("find {0}")]
    Missing(
        /// What was looked for.
        String,
    ),
    /// Any other answer of the engine.
    #[error("{what}: {detail}")]
    Api {
        /// The operation, as a verb phrase.
        what: String,
        /// The engine's answer.
        detail: String,
        /// What it left.
        leftover: Leftover,
    },
}

impl EngineError {
    /// What the failure left behind.
    pub fn leftover(&self) -> Leftover {
        match self {
            Self::Unreachable { .. } => Leftover::Unknown,
            // Said before anything is asked for.
            Self::NoCluster { .. } | Self::Images(_) | Self::Missing(_) | Self::Unrenderable(_) => Leftover::None,
            Self::Capacity(_) => Leftover::Removable,
            Self::Start { leftover, .. } | Self::Api { leftover, .. } => *leftover,
        }
    }
}
