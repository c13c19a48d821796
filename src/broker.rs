//! Renders RabbitMQ's configuration and definitions. Pure.
//!
//! The topology, users, passwords and salts are arguments. The agent checks the running broker.

mod config;
mod definitions;

pub use config::config;
pub use definitions::{Password, definitions};
