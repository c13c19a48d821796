//! The namespace of an environment: who owns it, how it is claimed, changed and removed.

pub mod claim;
pub mod owner;
pub mod remove;
pub mod requester;
pub mod retention;
pub mod secrets;
pub mod termination;
