//! Brings an environment up: observe, decide (pure), perform.
//!
//! Everything that happens passes through the `Journal` as a `RunEvent`: it becomes a fact, a saved report and a line
//! of progress. Nothing here prints or knows an engine except through the trait.

mod asking;
pub mod candidates;
pub mod causes;
pub mod clock;
pub mod clues;
pub mod decide;
pub mod diagnostics;
pub mod event;
mod excerpt;
mod exec;
mod exit_text;
pub mod facts;
mod failure;
mod jobs;
pub mod journal;
mod ledger;
mod likely;
pub mod logbook;
pub mod logged;
mod redaction;
pub mod session;
pub mod telling;
mod units;
pub mod up;
pub mod update;
pub mod usage;

pub use event::RunEvent;
pub use journal::Journal;
