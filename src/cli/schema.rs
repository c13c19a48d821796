//! `dayfly schema`: the JSON Schema of descriptions, for editors.

use super::exit;

/// Prints the schema; returns the exit code.
pub fn run() -> u8 {
    outln!("{:#}", crate::spec::schema::schema());
    exit::PASSED
}
