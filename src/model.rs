//! Values that every layer shares. Pure, and below everything else.

mod image;
mod keep;
mod verdict;

pub use image::ImageFact;
pub use keep::Keep;
pub use verdict::{Outcome, Verdict};
