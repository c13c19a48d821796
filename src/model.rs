//! Values that every layer shares. Pure, and below everything else.

mod digest;
mod image;
mod keep;
mod redact;
mod repository;
mod verdict;

pub use digest::{Digest, InvalidDigest, hex, is_hex};
pub use image::ImageFact;
pub use keep::Keep;
pub use redact::{MIN_SECRET_LENGTH, redact};
pub use repository::Repository;
pub use verdict::{Outcome, Verdict};
