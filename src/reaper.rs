//! What is due for removal, and its removal: `decide` says (pure), `removal` records and removes.
//!
//! What cannot be known is never a reason: a list of open pull requests that cannot be had, or that does not speak of an
//! environment's repository, removes nothing.

pub mod decide;
pub mod forge;
pub mod incomplete;
pub mod open_pull_requests;
pub mod removal;
pub mod repository;
