//! Suites: when each runs, what its steps do, and what that amounts to.
//!
//! `schedule`, `variables`, `outcome` and `intake` are pure; `runner`, `steps`, `host_steps` and `container` perform.
//! Nothing here brings environments up or down.

pub mod bait;
pub mod container;
pub mod host_steps;
pub mod intake;
pub mod isolation;
pub mod outcome;
pub mod runner;
pub mod schedule;
pub mod steps;
pub mod variables;
