//! What looks like a secret: names of variables, and places in texts.

mod file;
mod name;
mod places;

pub(super) use file::{is_in_file, is_request_path};
pub(super) use name::{is_harmless, is_name};
pub(super) use places::{joined, secrets_in};
