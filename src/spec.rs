//! The description: parse, check, resolve. Reports every fault at once; never touches an engine.

pub mod model;
pub mod suite_model;
