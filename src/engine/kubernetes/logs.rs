//! Logs of units and of container suites.

mod reader;
mod suite;
pub mod units;

pub use suite::SuiteLog;
