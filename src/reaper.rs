//! Finds environments that are due for removal (`decide`, pure), and removes them with a record (`removal`).
//!
//! Missing knowledge is never a reason: without a list of open pull requests for the environment's repository, nothing is
//! removed as closed.

pub mod abandoned;
pub mod batch;
pub mod decide;
pub mod forge;
pub mod incomplete;
pub mod open_pull_requests;
pub mod removal;
