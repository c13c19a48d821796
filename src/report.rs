//! The one fact model of a run, saved after each step, and its views.
//!
//! Views are pure functions of `Facts`. Nothing here judges, signs or asks an engine.

pub mod facts;

pub use facts::Facts;
