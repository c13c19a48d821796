//! The connection to a running agent.

use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};

/// The streams of a running agent: authenticated lines in both directions, after the opening. The agent ends when `input` is closed.
pub struct AgentLink {
    /// To the agent.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
    /// From the agent.
    pub output: Pin<Box<dyn AsyncRead + Send>>,
}
