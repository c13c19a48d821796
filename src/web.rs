//! One GET over HTTP or HTTPS to servers outside of environments: image registries, forges.
//!
//! It follows nothing, shows no credentials of its own accord, reads bounded answers in bounded time, and leaves TLS for
//! nobody but this machine.

pub mod target;
pub mod wire;

pub use target::Target;
pub use wire::{Answer, Wire};

/// Why there is no answer. Messages name the server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebError {
    /// The network, TLS, or no whole answer in time.
    #[error("{0}")]
    Unreachable(
        /// Which server, and why.
        String,
    ),
    /// What was to be asked cannot be asked, or the answer is too long.
    #[error("{0}")]
    Other(
        /// A sentence.
        String,
    ),
}

/// Words from outside, fit for a line of a message.
pub fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
