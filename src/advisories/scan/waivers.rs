//! Waivers: findings that somebody accepts, with a reason and an end. Pure.
//!
//! Read from dayfly's own file, from OpenVEX, and from the file of osv-scanner. Whoever writes them decides what passes, so that they must
//! not come from the author of the change.

mod apply;
mod document;
mod openvex;
mod osv_scanner;
mod read;
mod waiver;

pub use apply::apply;
pub use document::schema;
pub use openvex::render as openvex;
pub use read::{WaiverError, read};
pub use waiver::{JUSTIFICATIONS, Products, Waiver};
