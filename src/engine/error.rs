//! Errors of engines, and what each leaves behind.

use std::fmt;

/// Objects that a failed operation left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leftover {
    /// Nothing.
    None,
    /// Labelled objects that `dayfly down` removes.
    Removable,
    /// Objects without dayfly's labels.
    Orphaned,
    /// Unknown.
    Unknown,
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "nothing was left behind",
            Self::Removable => "`dayfly down` removes the objects that were created",
            Self::Orphaned => "objects without dayfly's labels were left behind",
            Self::Unknown => "objects may have been left behind",
        })
    }
}

/// A failed engine operation; messages complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No socket answered.
    #[error("reach a container engine: {detail}")]
    Unreachable {
        /// The attempts, and advice.
        detail: String,
    },
    /// No usable API server answered.
    #[error("reach a cluster: {detail}")]
    NoCluster {
        /// The attempts, and advice.
        detail: String,
    },
    /// Objects could not be rendered from the templates and the description.
    #[error("render the environment: {0}")]
    Unrenderable(
        /// The template and the reason.
        String,
    ),
    /// Images that are missing and could not be pulled.
    #[error("find {} image(s):\n{}", .0.len(), .0.iter().map(|(i, why)| format!("  {i}: {why}")).collect::<Vec<_>>().join("\n"))]
    Images(
        /// Reference and reason.
        Vec<(String, String)>,
    ),
    /// A container could not be created or started.
    #[error("start {unit}: {reason}")]
    Start {
        /// Unit or suite.
        unit: String,
        /// The engine's message, explained.
        reason: String,
        /// Left behind.
        leftover: Leftover,
    },
    /// Space, addresses or memory ran out.
    #[error("reserve capacity: {0}")]
    Capacity(
        /// The exhausted resource.
        String,
    ),
    /// The object does not exist.
    #[error("find {0}")]
    Missing(
        /// The object.
        String,
    ),
    /// Any other answer of the engine.
    #[error("{what}: {detail}")]
    Api {
        /// The operation, as a verb phrase.
        what: String,
        /// The engine's answer.
        detail: String,
        /// Left behind.
        leftover: Leftover,
    },
}

impl EngineError {
    /// The objects that the failure left behind.
    pub fn leftover(&self) -> Leftover {
        match self {
            // These occur before anything is created.
            Self::Unreachable { .. }
            | Self::NoCluster { .. }
            | Self::Images(_)
            | Self::Missing(_)
            | Self::Unrenderable(_) => Leftover::None,
            Self::Capacity(_) => Leftover::Removable,
            Self::Start { leftover, .. } | Self::Api { leftover, .. } => *leftover,
        }
    }
}
