//! Finds what is allowed but probably not meant: credentials without access, closed ports, bindings that match nothing,
//! images of other products.

use super::context::Checker;

mod bindings;
mod credentials;
mod images;
mod ports;

pub(super) fn check(check: &mut Checker<'_>) {
    images::check(check);
    credentials::check(check);
    bindings::check(check);
    ports::check(check);
}
