//! What one file of an image says.

use std::io::Read;

use super::named::Named;
use super::program::Program;
use super::role::{Role, Unread};
use super::walk::bounded;
use super::{debian, npm, python, release, rpm};

/// The content of a file that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fact {
    /// Packages of dpkg's, and what could not be read of them.
    Dpkg(Vec<debian::Control>, Vec<String>),
    /// Files that belong to a package of dpkg's, of those that have a role or may be programs.
    Files(Vec<String>),
    /// Packages of rpm's.
    Rpm(rpm::Database),
    /// A log without changes.
    Empty,
    /// The distribution.
    Release(release::Release),
    /// A Python package.
    Python(Named),
    /// A package of Node.js.
    Npm(Named),
    /// A program, and what it is built of.
    Program(Program),
    /// Packages that are not read.
    Unread(Unread),
    /// The file has a role, and cannot be understood.
    Broken(String),
}

impl Fact {
    /// Reads a file of this role.
    pub(super) fn read(role: Role, path: &str, reader: &mut dyn Read, size: u64) -> Self {
        if let Role::Unread(unread) = role {
            return Self::Unread(unread);
        }
        if role == Role::RpmLog && size > 0 {
            return Self::Broken("changes of rpm's database are in its log, which is not read".into());
        }
        match bounded(reader, size, role.most()) {
            Ok(bytes) => Self::parse(role, path, &bytes),
            Err(why) => Self::Broken(why),
        }
    }

    /// Parses the content of a file of this role.
    pub(super) fn parse(role: Role, path: &str, bytes: &[u8]) -> Self {
        let parsed = match role {
            Role::DpkgStatus => debian::parse(bytes, true).map(|(all, gaps)| Self::Dpkg(all, gaps)),
            Role::DpkgPart => debian::parse(bytes, false).map(|(all, gaps)| Self::Dpkg(all, gaps)),
            Role::DpkgFiles => Ok(Self::Files(debian::files(path, bytes))),
            Role::Rpm => rpm::parse(bytes).map(Self::Rpm),
            Role::RpmLog => Ok(Self::Empty),
            Role::Release => Ok(Self::Release(release::Release::parse(bytes))),
            Role::Python => python::parse(bytes).map(Self::Python),
            Role::Npm => npm::parse(bytes).map(Self::Npm),
            Role::Unread(unread) => Ok(Self::Unread(unread)),
        };
        parsed.unwrap_or_else(Self::Broken)
    }

    /// Bytes of memory, about.
    pub(super) fn weight(&self) -> usize {
        let named = |n: &Named| n.name.len() + n.version.len();
        64 + match self {
            Self::Dpkg(all, gaps) => {
                all.iter().map(debian::Control::weight).sum::<usize>() + gaps.iter().map(String::len).sum::<usize>()
            }
            Self::Files(all) => all.iter().map(|f| f.len() + 24).sum(),
            Self::Python(n) | Self::Npm(n) => named(n),
            Self::Program(program) => program.weight(),
            Self::Broken(why) => why.len(),
            Self::Rpm(database) => database.weight(),
            Self::Release(_) | Self::Unread(_) | Self::Empty => 0,
        }
    }
}
