//! `dayfly schema`: the JSON Schema of descriptions, for editors.

use crate::report::exit_code;

/// Prints the schema; returns the exit code.
pub fn run() -> u8 {
    outln!("{:#}", crate::spec::schema::schema());
    exit_code::PASSED
}
