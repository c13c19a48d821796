//! Packages that something depends on, and the order of their versions, as each ecosystem defines them. Pure.
//!
//! Ecosystems have the names of the OSV schema, with the release where advisories depend on it (`Debian:12`). A version that
//! cannot be compared is an error with its reason, so that nobody takes it for unaffected.

mod ecosystem;
mod locked;
mod package;
mod purl;
mod version;

pub use ecosystem::{Ecosystem, Scheme};
pub use locked::{Locked, Origin};
pub use package::{Gap, MAX_NAME, MAX_VERSION, Need, Package, PackageError, Place, SourcePackage};
pub use purl::encode;
pub use version::{Incomparable, Version};
