//! `dayfly schema`: the JSON Schema of descriptions, for editors.

use super::validate::output;

/// Prints the schema; returns the exit code.
pub fn run() -> u8 {
    output(&format!("{:#}\n", crate::spec::schema::schema()))
}
