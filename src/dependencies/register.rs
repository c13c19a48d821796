//! The risk register of dependencies: `dependencies.yaml`, one entry for each explicit dependency.
//!
//! `explicit` reads what a project asks for, `document` the register; `examine` compares both.

mod declared;
mod document;
mod draft;
mod examine;
mod explicit;
mod reviews;
mod table;

pub use declared::declared;
pub use document::{Assessment, Entry, Register, RegisterDocument, Review, Risk, schema};
pub use draft::{appended, draft};
pub use examine::{Problem, RegisterReport, RegisterRules, Row, State, examine};
pub use explicit::{Explicit, explicit};
pub use table::{csv, problems, table};
