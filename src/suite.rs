//! suite.

pub mod intake;
