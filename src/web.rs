//! One request over HTTP or HTTPS to servers outside of environments: image registries, forges.
//!
//! It follows no redirects and sends credentials only if asked. Answers are limited in size and time, and only this machine
//! is reached without TLS.

pub mod target;
pub mod wire;

pub use target::Target;
pub use wire::{Answer, OpenAnswer, Wire};

/// A failed request. Messages name the server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebError {
    /// The network, TLS, or no whole answer in time.
    #[error("{0}")]
    Unreachable(
        /// The server and the reason.
        String,
    ),
    /// The request is invalid, or the answer is too long.
    #[error("{0}")]
    Other(
        /// The reason.
        String,
    ),
}

/// Returns external text that fits into a message.
pub fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
