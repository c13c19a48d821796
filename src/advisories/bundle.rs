//! A bundle of advisories: one signed file that is read page by page, so that a scan reads only what its packages need.
//!
//! The file is, in this order: the line `dayfly-advisories 1`; the length of the envelope (4 bytes, little endian) and the
//! envelope; the index; the pages. The envelope holds an in-toto statement with what is in the bundle (`header`) and the digest of the
//! index. The index has the digest of each page, which is checked when the page is read. `docs/dependencies-scan.md` describes it
//! for other readers.

mod error;
mod header;
mod index;
mod key;
mod reader;
mod writer;

pub use error::BundleError;
pub use header::{Counts, EcosystemFacts, Header, ListFacts, PREDICATE, streams};
pub use key::Key;
pub use reader::{Bundle, Trust};
pub use writer::{Contents, write};
