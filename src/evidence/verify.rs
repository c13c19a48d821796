//! Verifies evidence against a pinned key, or refuses it with one reason. Pure.
//!
//! `statement` verifies one file, `folder` all files of a run and the bindings between them, `removal` a removal record.

pub mod folder;
mod refusal;
mod removal;
mod statement;

pub use folder::{VerifiedRun, folder};
pub use refusal::Refusal;
pub use removal::{removal, removal_begun};
pub use statement::{Expectations, StatementContent, Verified, verify};
