//! The audit of an evidence folder: everything of some time, verified, with an index by control, by pull request and by component,
//! and a check that no change of the main branch is without a record.
//!
//! `collect` reads and verifies, `merge` says which changes have records, `index` makes what an auditor reads (`rows`), `controls` which controls it
//! supports (data), `page` words it, and `write` puts everything into one folder with a script that verifies it without dayfly.

pub mod collect;
pub mod controls;
pub mod index;
pub mod merge;
pub mod page;
pub mod rows;
pub mod write;

pub use collect::{Collected, Period, collect};
pub use index::{Facts, index};
pub use rows::AuditIndex;
pub use write::write;
