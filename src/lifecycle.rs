//! The loop that brings an environment up: observe, decide (pure), perform.
//!
//! Everything that happens passes through the `Journal` as a `RunEvent`, which becomes a fact, a saved report and
//! a line on the screen. It never prints and knows no engine but through the trait.

pub mod decide;
pub mod event;
pub mod journal;
pub mod record;
pub mod session;
pub mod traces;
pub mod up;
pub mod usage;

pub use event::RunEvent;
pub use journal::Journal;
