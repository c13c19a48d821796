//! Collects the cases of all result files of a suite.

use std::collections::BTreeMap;

use super::junit;
use super::limits::MAX_CASES;
use crate::report::facts::CaseFact;

/// The cases of all result files of one suite.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SuiteResults {
    /// Cases in the order of file name and place in the file. Skipped cases have no verdict.
    pub cases: Vec<CaseFact>,
    /// Unreadable files, each with the reason. Only their failures are among `cases`: a pass in a damaged file proves
    /// nothing.
    pub unreadable: Vec<(String, String)>,
}

/// Reads every `*.xml` file as JUnit XML. Ignores other files, and XML files with another root element (such as coverage
/// reports).
pub fn read_junit_files(files: &BTreeMap<String, Vec<u8>>) -> SuiteResults {
    let mut results = SuiteResults::default();
    for (name, bytes) in files.iter().filter(|(name, _)| name.to_ascii_lowercase().ends_with(".xml")) {
        let file = junit::read(bytes, MAX_CASES - results.cases.len());
        if let Some(why) = file.error {
            results.unreadable.push((name.clone(), why));
            results.cases.extend(file.cases.into_iter().filter(junit::failed));
        } else {
            results.cases.extend(file.cases);
        }
    }
    results
}
