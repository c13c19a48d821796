//! Advisories about vulnerable and malicious packages: read from databases, kept in a signed bundle, matched with packages.
//!
//! `record` reads what databases publish, `import` makes a bundle of it, `bundle` reads it again, `matching` decides by the OSV
//! specification, `scan` looks at all packages of something and gives a verdict. Needs no network.

pub mod advisory;
pub mod aliases;
pub mod bundle;
pub mod import;
pub mod matching;
pub mod record;
pub mod responder;
pub mod scan;

pub use crate::findings::Rating;
pub use advisory::Advisory;
pub use bundle::Bundle;
