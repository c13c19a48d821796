//! The deployment gate: may these images be installed? Answers from the evidence alone, by a policy of the operator.
//!
//! `policy` and `overrides` are what the operator wrote, `manifest` and `subject` what is to be installed, `find` reads the runs that
//! tested it, `evaluate` gives every rule a state, and `decision` makes the answer of them. What could not be judged is
//! indeterminate, and denies as a violation does. Nothing here signs or prints.

pub mod decision;
pub mod evaluate;
pub mod find;
pub mod manifest;
pub mod overrides;
pub mod policy;
pub mod rule;
pub mod subject;

pub use decision::{Decision, ImageDecision, Request, decide};
pub use find::{Found, FoundRun, find};
pub use overrides::Overrides;
pub use policy::GatePolicy;
pub use rule::Rule;
pub use subject::Subject;
