//! Why a reconcile failed.

use crate::engine::EngineError;
use crate::evidence::EvidenceError;

/// Why a reconcile failed; messages complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The API server refused a request.
    #[error("{doing}: {source}")]
    Api {
        /// The attempted action.
        doing: &'static str,
        /// The API server's answer.
        source: Box<kube::Error>,
    },
    /// The object changed after it was read.
    #[error("update the TestEnvironment: it changed meanwhile")]
    Conflict,
    /// The environment could not be removed.
    #[error("{0}")]
    Engine(#[from] EngineError),
    /// The status names a run that nothing can belong to.
    #[error("remove environment {environment}: `{run}` in status.run.id is not the id of a run; remove it by hand")]
    UnreadableRun {
        /// Environment.
        environment: String,
        /// As recorded.
        run: String,
    },
    /// A part of the environment is still there.
    #[error("remove environment {environment}: {left} is still there")]
    Residual {
        /// Environment.
        environment: String,
        /// Remaining objects, each with a reason.
        left: String,
    },
    /// The signing key is missing or unusable.
    #[error("{doing}: Secret {namespace}/{name} holds no usable signing key: {why}")]
    NoKey {
        /// The action that needs the key.
        doing: &'static str,
        /// Reason.
        why: String,
        /// Namespace of the Secret.
        namespace: String,
        /// Name of the Secret.
        name: String,
    },
    /// A removal that cannot be recorded is not performed.
    #[error("record the removal of environment {environment}: {source}")]
    Unrecorded {
        /// Environment.
        environment: String,
        /// Why.
        source: EvidenceError,
    },
    /// The description is missing, and may still be created.
    #[error("read the description: {0}")]
    NoDescription(String),
    /// The operator's policy refuses the description, and may still change.
    #[error("allow the description: {0}")]
    NotAllowed(String),
}

impl ReconcileError {
    /// The failed action, as a label of the error count.
    pub fn action(&self) -> &'static str {
        match self {
            Self::Api { doing, .. } => doing,
            Self::Conflict => "update the TestEnvironment",
            Self::Engine(_) | Self::UnreadableRun { .. } | Self::Residual { .. } => "remove the environment",
            Self::NoKey { .. } | Self::Unrecorded { .. } => "sign",
            Self::NoDescription(_) => "read the description",
            Self::NotAllowed(_) => "allow the description",
        }
    }
}

/// Tells a conflict from any other refusal of the API server.
pub fn api_error(doing: &'static str) -> impl FnOnce(kube::Error) -> ReconcileError {
    move |source| match &source {
        kube::Error::Api(s) if s.code == 409 && s.reason == "Conflict" => ReconcileError::Conflict,
        _ => ReconcileError::Api { doing, source: Box::new(source) },
    }
}
