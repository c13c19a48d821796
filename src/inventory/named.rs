//! A package as a file names it. Pure.

/// Name and version, not checked yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named {
    pub name: String,
    pub version: String,
}
