//! Collects the cases of all result files of a suite.

use std::collections::BTreeMap;

use super::limits::{MAX_CASES, MAX_IGNORED, MAX_NAME};
use super::result_file::{Problem, ResultFile};
use super::text::cut;
use super::{case, ctrf, cyclonedx, junit, sarif, tap, zap};
use crate::report::facts::CaseFact;
use crate::spec::model::{Severity, VerdictSource};

/// The cases of all result files of one suite.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SuiteResults {
    /// Cases in the order of file name and place in the file. Skipped cases have no verdict.
    pub cases: Vec<CaseFact>,
    /// Unreadable files, each with the reason. Only their failures are among `cases`: a pass in a damaged file proves
    /// nothing.
    pub unreadable: Vec<(String, String)>,
    /// Files with the extension of the format that hold something else, such as coverage, each with the reason.
    pub ignored: Vec<String>,
}

/// Reads the files that have an extension of the format. Findings of scanners fail from the severity `fail_on`.
pub fn read(files: &BTreeMap<String, Vec<u8>>, source: VerdictSource, fail_on: Severity) -> SuiteResults {
    let mut results = SuiteResults::default();
    let mut ignored = 0_usize;
    for (name, bytes) in files.iter().filter(|(name, _)| has_extension(name, extensions(source))) {
        let room = MAX_CASES.saturating_sub(results.cases.len());
        let file = match source {
            VerdictSource::Junit => junit::read(bytes, room),
            VerdictSource::Tap => tap::read(bytes, room),
            VerdictSource::Ctrf => ctrf::read(bytes, room),
            VerdictSource::Sarif => sarif::read(bytes, room, fail_on),
            VerdictSource::Cyclonedx => cyclonedx::read(bytes, room, fail_on),
            VerdictSource::Zap => zap::read(bytes, room, fail_on),
            VerdictSource::ExitCode => ResultFile::default(),
        };
        match file.problem {
            None => results.cases.extend(file.cases),
            Some(Problem::Foreign(why)) => {
                ignored += 1;
                if ignored <= MAX_IGNORED {
                    results.ignored.push(format!("{}: {why}", cut(name, MAX_NAME)));
                }
            }
            Some(Problem::Unreadable(why)) => {
                results.unreadable.push((name.clone(), why));
                results.cases.extend(file.cases.into_iter().filter(case::failed));
            }
        }
    }
    if ignored > MAX_IGNORED {
        results.ignored.push(format!("and {} more files", ignored - MAX_IGNORED));
    }
    results
}

/// Extensions of the files of a format.
pub(super) fn extensions(source: VerdictSource) -> &'static [&'static str] {
    match source {
        VerdictSource::Junit => &[".xml"],
        VerdictSource::Tap => &[".tap"],
        VerdictSource::Sarif => &[".sarif", ".json"],
        VerdictSource::Ctrf | VerdictSource::Cyclonedx | VerdictSource::Zap => &[".json"],
        VerdictSource::ExitCode => &[],
    }
}

fn has_extension(name: &str, extensions: &[&str]) -> bool {
    let name = name.to_ascii_lowercase();
    extensions.iter().any(|e| name.ends_with(e))
}
