//! The two byte streams between dayfly and a running agent.

use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};

/// A running agent: one JSON object a line in both directions; it ends when `input` is closed.
pub struct AgentLink {
    /// To the agent.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
    /// From the agent.
    pub output: Pin<Box<dyn AsyncRead + Send>>,
}
