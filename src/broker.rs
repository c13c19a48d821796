//! RabbitMQ's configuration and definitions as data: what the broker reads when it boots.
//!
//! Pure: the topology, the users and the passwords with their salts are arguments. It never speaks to a broker;
//! whether the broker came up with all of this is asked by the agent.

mod config;
mod definitions;

pub use config::config;
pub use definitions::{Password, definitions};
