//! Drafts of descriptions from files of other tools: Compose files, and rendered Kubernetes manifests.
//!
//! A draft passes `dayfly validate`. It has a question in a comment at each place that needs a person, and comes with a list of
//! what was dropped and why. The input is foreign: it is bounded, tags and links are refused, values of secrets are never copied,
//! and nothing of it is run.

mod backing;
mod command;
pub mod compose;
mod context;
mod draft;
mod generated;
mod hosts;
mod images;
mod imported;
pub mod kubernetes;
mod limits;
mod link;
mod mounts;
mod names;
mod notes;
mod postgres;
mod product;
mod scalar;
mod secret;
mod sketch;
mod source;
mod tree;
mod variables;
mod write;

pub use imported::Imported;
pub use notes::{Note, Notes};
pub use sketch::sketch;
pub use source::Folder;
