//! Suites: when each runs, what its steps do, and what that amounts to.
//!
//! `schedule`, `variables`, `outcome` and `intake` are pure; `runner`, `steps`, `host_steps` and `container` perform.
//! Nothing here brings environments up or down.

pub mod container;
pub mod control_listener;
pub mod executor;
pub mod host_steps;
pub mod isolation;
pub mod outcome;
pub mod results;
pub mod schedule;
pub mod step_result;
pub mod steps;
pub mod variables;
