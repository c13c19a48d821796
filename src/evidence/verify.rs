//! Verifies evidence against a pinned key, or refuses it with one reason. Pure.
//!
//! `statement` verifies one file, `folder` all files of a run and the bindings between them, `removal` a removal record.
//! `requirements` are what a verifier demands of an authentic run.

pub mod folder;
mod logged;
mod refusal;
mod removal;
mod requirements;
mod scans;
mod statement;

pub use folder::{VerifiedRun, facts, folder};
pub use logged::{Logged, logged};
pub use refusal::{Refusal, outcome_name};
pub use removal::{removal, removal_begun};
pub use requirements::Requirements;
pub use statement::{Expectations, StatementContent, Verified, verify};
