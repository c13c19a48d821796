//! dayfly brings up a private environment for every pull request, runs its suites and signs what it saw.
//!
//! `ARCHITECTURE.md` has the map; values flow spec → plan → lifecycle/engine → suite → report → evidence.

// They panic when nobody reads any more; `cli::stdio` does not.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod advisories;
pub mod agent;
pub mod audit;
pub mod base;
pub mod broker;
pub mod cli;
pub mod controller;
pub mod crd;
pub mod dependencies;
pub mod engine;
pub mod evidence;
pub mod file;
pub mod findings;
pub mod gate;
pub mod identity;
pub mod import;
pub mod install;
pub mod inventory;
pub mod lease;
pub mod lifecycle;
pub mod lockfiles;
pub mod model;
pub mod oidc;
pub mod packages;
pub mod plan;
pub mod policy;
pub mod publish;
pub mod reaper;
pub mod render;
pub mod report;
pub mod run;
pub mod sbom;
pub mod secrets;
pub mod settings;
pub mod spec;
pub mod suite;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod tlog;
pub mod web;
