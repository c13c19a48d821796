//! The controller: a `TestEnvironment` object asks for a run, and this makes it come about.
//!
//! `decide` and `status` are pure. A run itself is performed by a runner, a pod that does what `dayfly run` does: so no
//! restart of the controller, at whatever moment, repeats or loses one. The controller makes runners, follows what they
//! write into the object's status, and takes away what has outlived its purpose. It never judges and never signs.

pub mod crd;
pub mod decide;
pub mod request;

/// Field manager of everything that the controller writes.
pub const MANAGER: &str = "dayfly-controller";
