//! Executes suites and derives their verdicts.
//!
//! `schedule`, `variables`, `outcome`, `attempts` and `results` are pure. Nothing here brings environments up or down.

mod ahead;
mod attempts;
pub mod case_selection;
pub mod container;
pub mod control_listener;
pub mod dependencies;
mod exec_step;
pub mod executor;
mod explain;
pub mod host_steps;
pub mod involved;
pub mod isolation;
mod jwt;
mod leaks;
mod neighbour;
mod outage;
pub mod outcome;
mod process_status;
mod refusal;
mod repeat;
pub mod results;
pub mod schedule;
mod step_files;
mod step_name;
pub mod step_result;
pub mod steps;
mod together;
mod unrestricted_ports;
pub mod variables;
