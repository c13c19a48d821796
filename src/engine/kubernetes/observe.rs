//! Lists environments, and reports their events.

pub mod environments;
pub mod events;
