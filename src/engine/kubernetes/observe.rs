//! What exists and what happens in environments.

pub mod environments;
pub mod events;
