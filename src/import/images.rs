//! Image references of a draft. Pure.

use super::variables::Values;
use crate::model::ImageRef;

/// An image as a description accepts it, and a question if it is not the input's.
pub(super) fn image(written: Option<&str>, unit: &str, values: &mut Values) -> (String, Option<String>) {
    let Some(written) = written else {
        let own = format!("localhost/{unit}:change-me");
        return (
            own,
            Some("the input builds this image: build it in CI, and write its name here or give it with --image".into()),
        );
    };
    let filled = Values::fill(written);
    if filled.literal.parse::<ImageRef>().is_err() {
        let why = format!("`{}` is no image reference: which image is it?", filled.literal);
        return (format!("localhost/{unit}:change-me"), Some(why));
    }
    (values.declare(written).unwrap_or(filled.literal), None)
}
