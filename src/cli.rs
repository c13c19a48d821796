//! cli.

pub mod ci;
pub mod report;
