//! The loop that brings an environment up: observe, decide (pure), perform.
//!
//! Everything that happens passes through the `Journal` as a `Notice`, which becomes a fact, a saved report and
//! a line on the screen. It never prints and knows no engine but through the trait.

pub mod decide;
pub mod journal;
pub mod notice;
pub mod record;
pub mod session;
pub mod traces;
pub mod up;
pub mod usage;

pub use journal::Journal;
pub use notice::Notice;
