//! What a scan of dependencies found, as data, and the words for it that every report shares. Pure.

mod rating;
mod result;
mod waiver_use;
pub mod words;

pub use rating::Rating;
pub use result::{Coverage, Database, Finding, ScanResult, Subject, Undecided};
pub use waiver_use::{AppliedWaiver, WaiverState, WaiverUse};
