//! Pods of an environment: those of units, of agents, and ephemeral containers in them.

pub mod agents;
pub mod attach;
pub mod command;
pub mod container_status;
pub mod context;
mod ephemeral;
pub mod pod;
pub mod stop_signal;
pub mod units;
