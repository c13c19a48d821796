//! Lock files: which packages in which versions a project depends on.
//!
//! Their author is the author of the change. So sizes are bounded, links are not followed, nothing outside of the folder is read, and what
//! names no exact version is a gap with its place: it is never left out silently.

mod archive;
mod cargo;
mod error;
mod find;
mod go;
mod graph;
mod kind;
mod lines;
mod node;
mod npm;
mod pipfile;
mod poetry;
mod pylock;
mod python;
mod read;
mod requirements;
mod uv;

pub use error::LockError;
pub use find::{Found, candidate, find, is_left_out};
pub use go::is_complete as go_mod_is_complete;
pub use kind::{LockFile, LockKind};
pub use read::{parse, parse_among, parse_with, read};
pub use requirements::Include;
