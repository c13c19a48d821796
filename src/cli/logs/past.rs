//! Logs of a past run, from its evidence.

use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::cli::error::usage_error;
use crate::cli::report::{FILE, load};
use crate::evidence::{read, store};
use crate::lifecycle::diagnostics::LOG;
use crate::model::{Digest, RunId, sanitize};
use crate::report::Facts;
use crate::report::facts::RawFile;
use crate::spec::diagnostic::known;

/// Name of the log in the files of a container suite.
const SUITE_LOG: &str = "log.txt";
/// Longest line that is shown, in characters.
const MAX_LINE: usize = 8000;

/// A log in the evidence of a run.
pub struct PastLog {
    /// The copy of a unit (`web`, `web-2`), or a suite.
    pub of: String,
    /// Its lines, as they are.
    pub lines: Vec<String>,
}

/// The newest run of the folder of an environment: ids of runs begin with their time.
pub fn newest_run(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
    // Links are not followed: they may lead to folders of others.
    let folders = entries.filter(|e| e.file_type().is_ok_and(|t| t.is_dir()));
    let runs = folders.filter_map(|e| Some((e.file_name().to_str()?.parse::<RunId>().ok()?, e.path())));
    runs.filter(|(_, path)| path.join(FILE).is_file()).max_by_key(|(run, _)| *run).map(|(_, path)| path)
}

/// The logs of a run, all or those of one unit or suite.
pub fn logs(folder: &Path, unit: Option<&str>) -> anyhow::Result<Vec<PastLog>> {
    let facts = load(folder).map_err(|e| usage_error(&format!("{e:#}")))?;
    let all: Vec<(String, &RawFile)> = named(&facts).collect();
    let is_wanted = |of: &str, file: &RawFile| unit.is_none_or(|u| u == of || file.unit.as_deref() == Some(u));
    let wanted: Vec<&(String, &RawFile)> = all.iter().filter(|(of, file)| is_wanted(of, file)).collect();
    if let (Some(unit), true) = (unit, wanted.is_empty()) {
        let names = known(unit, all.iter().map(|(of, _)| of.as_str()));
        bail!(usage_error(&format!("the run {} stored no log of {unit}; {names}", facts.run)));
    }
    let mut left = read::MAX_BYTES;
    wanted.into_iter().map(|(of, file)| log(folder, of, file, &mut left)).collect()
}

/// Every log that the facts name, with the name of the copy or suite that it is of.
fn named(facts: &Facts) -> impl Iterator<Item = (String, &RawFile)> {
    let of_units = facts.traces.iter().filter_map(|r| Some((r.name.strip_suffix(LOG)?.to_owned(), r)));
    let of_suites = facts.suites.iter().flat_map(|s| s.raw.iter().map(move |r| (s.name.clone(), r)));
    of_units.chain(of_suites.filter(|(_, r)| r.name == SUITE_LOG))
}

/// Reads a log; `left` is what all logs of a report may still take, in bytes: a report may name one file many times.
fn log(folder: &Path, of: &str, file: &RawFile, left: &mut u64) -> anyhow::Result<PastLog> {
    let refuse = |why: String| usage_error(&format!("failed to show the log of {}: {why}", sanitize::one_line(of, 80)));
    // The digest is used as a file name, so it must be one.
    let digest: Digest =
        format!("sha256:{}", file.sha256).parse().map_err(|_| refuse("its digest is damaged".into()))?;
    let path = folder.join(store::RAW).join(digest.hex());
    let bytes = read::read_file(&path).map_err(|e| refuse(e.to_string()))?;
    *left = left.checked_sub(bytes.len() as u64).ok_or_else(|| refuse("all logs together are too large".into()))?;
    if Digest::compute(&bytes) != digest {
        bail!(refuse(format!("{} was changed after the run", path.display())));
    }
    let lines = String::from_utf8_lossy(&bytes).lines().map(|l| sanitize::cut(l, MAX_LINE)).collect();
    Ok(PastLog { of: of.to_owned(), lines })
}
