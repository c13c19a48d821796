//! Builds the content of a bundle from databases of advisories: OSV's archives and folders, the trees of PyPA and RustSec.
//!
//! Everything that is read is bounded. A record that cannot be read is an error with its file: leaving it out would make scans
//! pass.

mod archive;
mod collect;
mod error;
mod lists;
mod merge;
mod rustsec;
mod source;

pub use collect::{Import, ImportRequest, PopularSource, import};
pub use error::ImportError;
pub use lists::{Epss, Kev, NamedList};
pub use rustsec::parse as parse_rustsec;
pub use source::{Format, parse_record};
