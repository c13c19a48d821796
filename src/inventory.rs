//! Packages that are installed in an image, read from an archive of the image as engines export it.
//!
//! The archive is read once, as a stream, and nothing is unpacked. Its author is the author of the change: sizes, numbers and
//! paths are bounded, links are followed inside of the image only, and what cannot be read is a gap with its place. An image
//! without gaps and without packages has none that dayfly knows of.

mod archive;
mod budget;
mod collect;
mod debian;
mod fact;
mod layer;
mod manifest;
mod named;
mod npm;
mod program;
mod python;
mod release;
mod role;
mod rpm;
mod sqlite;
mod tree;
mod unpack;
mod walk;

pub use archive::{is_archive, read};

use crate::packages::{Gap, Package, Place};

/// What an archive has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Packages, those that are copies inside of others last.
    pub packages: Vec<Package>,
    /// What is there and cannot be looked up.
    pub gaps: Vec<Gap>,
    /// Digests by which the archive can be named: those of the configurations and manifests of its images.
    pub digests: Vec<String>,
}

impl Inventory {
    /// Notes a gap if the archive is not that of the image with this id; `name` says which image was wanted.
    pub fn expect(&mut self, id: &str, name: &str) {
        if !self.digests.iter().any(|digest| digest == id) {
            let place = Place { file: name.to_owned(), line: None };
            self.gaps.push(Gap { place, reason: "the engine did not send the image that it was asked for".into() });
        }
    }
}

#[cfg(test)]
mod tests;
