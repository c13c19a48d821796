//! Container suites: a Job for each run of a suite.

mod results;
mod run;

pub use run::run;
