//! What a container suite left behind, read as cases, and the verdict that follows from it.
//!
//! Pure: bytes in, cases out. Nothing here touches a file, an engine or a clock. What cannot be read is
//! reported as unreadable and can never become a pass.

use std::collections::BTreeMap;

use crate::report::facts::CaseFact;

mod judge;
mod junit;
mod xml;

#[cfg(test)]
mod tests;

pub use judge::{exit_code_case, judge};

/// Largest result file that is read, in bytes.
pub const MAX_FILE_BYTES: usize = 32 * 1024 * 1024;
/// Most cases that are read of one suite.
pub const MAX_CASES: usize = 50_000;
/// Deepest nesting of elements that is read.
pub const MAX_DEPTH: usize = 64;
/// Longest failure text that is kept of one case, in bytes.
pub const MAX_TEXT: usize = 8 * 1024;
/// Longest name that is kept, in bytes.
pub const MAX_NAME: usize = 512;

/// What the result files of one suite say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Intake {
    /// Cases in the order of file name and place in the file. Skipped ones have no verdict.
    pub cases: Vec<CaseFact>,
    /// File and why it could not be read to its end. Of such a file only the failures are among the cases:
    /// a failure that was seen is a fact, a pass in a damaged file is not.
    pub unreadable: Vec<(String, String)>,
}

/// Reads every `*.xml` file as JUnit XML; other files, and XML files with another root element
/// (coverage reports, say), are left alone.
pub fn junit(files: &BTreeMap<String, Vec<u8>>) -> Intake {
    let mut intake = Intake::default();
    for (name, bytes) in files.iter().filter(|(name, _)| name.to_ascii_lowercase().ends_with(".xml")) {
        let room = MAX_CASES - intake.cases.len();
        let read = junit::read(bytes, room);
        if let Some(why) = read.fault {
            intake.unreadable.push((name.clone(), why));
            intake.cases.extend(read.cases.into_iter().filter(junit::failed));
        } else {
            intake.cases.extend(read.cases);
        }
    }
    intake
}
