//! Dependencies under review: what a change does to them.
//!
//! `side` reads both sides of a change, `compare` and `signal` say what is new and what a reviewer should look at, `judge` gives the
//! verdict by the policy; `text` and `markdown` are the views. The author of the change wrote everything that is read.

mod change;
mod compare;
mod diff;
mod image;
mod judge;
mod look_alike;
mod manifest;
mod markdown;
mod path_kind;
pub mod register;
mod side;
mod signal;
mod split;
mod text;

pub use change::{ChangeKind, DependencyDiff, Effect, ImageChange, PackageChange, PathChange, Signal, SignalKind};
pub use diff::{DiffError, DiffRequest, diff};
pub use look_alike::LookAlikes;
pub use manifest::other_changes;
pub use markdown::render as markdown;
pub use path_kind::{PathKind, REGISTER};
pub use text::render as text;
