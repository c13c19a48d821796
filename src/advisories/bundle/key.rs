//! Keys of the values in a bundle. Pure.

use crate::packages::Ecosystem;

/// Names a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key<'a> {
    /// The ids of records that have this id among their aliases.
    Alias(&'a str),
    /// The popular names of an ecosystem.
    Popular(&'a Ecosystem),
    /// The advisories of a package.
    Package(&'a Ecosystem, &'a str),
    /// The summary of a record.
    Record(&'a str),
}

impl Key<'_> {
    /// Its bytes; no part contains a zero byte.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Alias(id) => format!("a\0{id}"),
            Self::Popular(ecosystem) => format!("n\0{ecosystem}"),
            Self::Package(ecosystem, name) => format!("p\0{ecosystem}\0{name}"),
            Self::Record(id) => format!("r\0{id}"),
        }
        .into_bytes()
    }
}
