//! cli.
pub mod key;
pub mod verify;
