//! Verifies all evidence of one run: opening entry, run, suites, report and raw files. Pure.
//!
//! An authentic file may still be the wrong one; the run's statement names all others by digest.

use std::collections::{BTreeMap, BTreeSet};

use super::{Expectations, Refusal, StatementContent, Verified, scans, verify};
use crate::evidence::key::VerifyingKey;
use crate::evidence::predicate::{
    Context, DigestSet, Opened, RawReport, RunPredicate, RunScan, SuitePredicate, VulnsPredicate,
};
use crate::evidence::read::is_statement;
use crate::evidence::store::{OPENED, PROOF, REPORT, RUN, RUN_BUNDLE, scan_bundle, suite_bundle};
use crate::model::{Digest, Outcome, RunId};
use crate::report::Facts;

/// A verified run.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedRun {
    /// The pinned key's id.
    pub keyid: String,
    /// The opening entry; none if the run ended earlier.
    pub opened: Option<Opened>,
    /// The run.
    pub run: RunPredicate,
    /// Its suites, in their order.
    pub suites: Vec<SuitePredicate>,
    /// The scans of suites of kind `dependencies`, in their order.
    pub scans: Vec<VulnsPredicate>,
    /// Number of raw files present and unchanged.
    pub raw_present: usize,
    /// Raw files that the suites name and that are absent.
    pub raw_absent: Vec<String>,
}

/// Verifies the files of a run's folder, by path below it (`read::read_run`).
pub fn folder(
    files: &BTreeMap<String, Vec<u8>>,
    key: &VerifyingKey,
    expectations: &Expectations,
) -> Result<VerifiedRun, Refusal> {
    let run = run_statement(files, key, expectations)?;
    let StatementContent::Run(predicate) = &run.content else {
        return Err(wrong_statement(RUN, "a run", &run.content));
    };
    let bundle =
        required(files, RUN_BUNDLE).and_then(|b| verify(b, key, expectations).map_err(|r| r.in_file(RUN_BUNDLE)))?;
    check_digest(RUN_BUNDLE, &bundle.sha256, &DigestSet::sha256(&run.sha256))?;
    check_digest(REPORT, &Digest::compute(required(files, REPORT)?).hex(), &predicate.report_digest)?;
    let opened = opening_entry(files, key, expectations, predicate)?;
    let suites = predicate
        .suites
        .iter()
        .map(|s| suite(files, key, expectations, predicate, &s.summary.name, &s.statement_digest))
        .collect::<Result<Vec<_>, _>>()?;
    let scans = all_scans(files, key, predicate)?;
    check_file_names(files, predicate)?;
    check_planned_suites(opened.as_ref(), predicate)?;
    let (raw_present, raw_absent) = check_raw_files(files, predicate)?;
    Ok(VerifiedRun { keyid: run.keyid, opened, run: (**predicate).clone(), suites, scans, raw_present, raw_absent })
}

/// Verifies the statement of this run and the facts that it binds, among some of its files.
pub fn facts(files: &BTreeMap<String, Vec<u8>>, run: RunId, key: &VerifyingKey) -> Result<Facts, Refusal> {
    let verified = run_statement(files, key, &Expectations::default())?;
    let StatementContent::Run(predicate) = &verified.content else {
        return Err(wrong_statement(RUN, "a run", &verified.content));
    };
    if predicate.context.run_id != run {
        return Err(Refusal::Unmet(format!("the evidence is of run {}, not of {run}", predicate.context.run_id)));
    }
    let report = required(files, REPORT)?;
    check_digest(REPORT, &Digest::compute(report).hex(), &predicate.report_digest)?;
    serde_json::from_slice(report).map_err(|e| Refusal::Unmet(format!("{REPORT} cannot be read: {e}")))
}

/// Verifies the closing statement; a run without one is refused as never closed.
fn run_statement(
    files: &BTreeMap<String, Vec<u8>>,
    key: &VerifyingKey,
    expectations: &Expectations,
) -> Result<Verified, Refusal> {
    match (files.get(RUN), files.get(OPENED)) {
        (Some(bytes), _) => verify(bytes, key, expectations).map_err(|r| r.in_file(RUN)),
        (None, Some(bytes)) => {
            let opened = verify(bytes, key, &Expectations::default()).map_err(|r| r.in_file(OPENED))?;
            match opened.content.context() {
                Some(context) => Err(Refusal::NeverClosed(context.run_id)),
                None => Err(wrong_statement(OPENED, "an opened run", &opened.content)),
            }
        }
        (None, None) => Err(Refusal::NoEvidence),
    }
}

fn opening_entry(
    files: &BTreeMap<String, Vec<u8>>,
    key: &VerifyingKey,
    expectations: &Expectations,
    run: &RunPredicate,
) -> Result<Option<Opened>, Refusal> {
    let Some(digest) = &run.opened_digest else {
        return if files.contains_key(OPENED) { Err(Refusal::UnexpectedFile(OPENED.into())) } else { Ok(None) };
    };
    // Images may not have been resolved when the run was opened.
    let expectations = Expectations { image_sha256: None, ..expectations.clone() };
    let verified = verify(required(files, OPENED)?, key, &expectations).map_err(|r| r.in_file(OPENED))?;
    same_run(OPENED, &verified.content, run)?;
    check_digest(OPENED, &verified.sha256, digest)?;
    match verified.content {
        StatementContent::Opened(opened) => Ok(Some(*opened)),
        content => Err(wrong_statement(OPENED, "an opened run", &content)),
    }
}

fn suite(
    files: &BTreeMap<String, Vec<u8>>,
    key: &VerifyingKey,
    expectations: &Expectations,
    run: &RunPredicate,
    name: &str,
    digest: &DigestSet,
) -> Result<SuitePredicate, Refusal> {
    let file = suite_bundle(name);
    let verified = verify(required(files, &file)?, key, expectations).map_err(|r| r.in_file(&file))?;
    same_run(&file, &verified.content, run)?;
    match verified.content {
        StatementContent::Suite(s) if s.suite.name == name => {
            check_digest(&file, &verified.sha256, digest).map(|()| *s)
        }
        content => Err(wrong_statement(&file, &format!("suite {name}"), &content)),
    }
}

/// Verifies the statements of all scans, and that no suite passed without them.
fn all_scans(
    files: &BTreeMap<String, Vec<u8>>,
    key: &VerifyingKey,
    run: &RunPredicate,
) -> Result<Vec<VulnsPredicate>, Refusal> {
    let mut all = vec![];
    for suite in &run.suites {
        let name = &suite.summary.name;
        let verified = |of: &RunScan| {
            let predicate = scan(files, key, run, name, of)?;
            scans::check_sbom(files, &suite.summary.raw_reports, of, predicate.scan.sbom.as_ref()).map(|()| predicate)
        };
        let of_suite = suite.scans.iter().map(verified).collect::<Result<Vec<_>, _>>()?;
        scans::check_passed(suite, &of_suite)?;
        all.extend(of_suite);
    }
    Ok(all)
}

fn scan(
    files: &BTreeMap<String, Vec<u8>>,
    key: &VerifyingKey,
    run: &RunPredicate,
    suite: &str,
    scan: &RunScan,
) -> Result<VulnsPredicate, Refusal> {
    let file = scan_bundle(suite, scan.number);
    // Its subject is what was scanned, and the run's statement names it by digest.
    let verified = verify(required(files, &file)?, key, &Expectations::default()).map_err(|r| r.in_file(&file))?;
    same_run(&file, &verified.content, run)?;
    scans::check_subject(&verified.subject, scan).map_err(|r| r.in_file(&file))?;
    match verified.content {
        StatementContent::Scan(s) if s.scan.suite == suite && s.scan.case == scan.case => {
            check_digest(&file, &verified.sha256, &scan.statement_digest).map(|()| *s)
        }
        content => Err(wrong_statement(&file, &format!("the scan {suite}/{}", scan.case), &content)),
    }
}

fn required<'a>(files: &'a BTreeMap<String, Vec<u8>>, file: &str) -> Result<&'a [u8], Refusal> {
    files.get(file).map(Vec::as_slice).ok_or_else(|| Refusal::MissingFile(file.into()))
}

fn check_digest(file: &str, found: &str, named: &DigestSet) -> Result<(), Refusal> {
    let expected = named.sha256.clone().unwrap_or_default();
    if found == expected { Ok(()) } else { Err(Refusal::WrongDigest { expected, found: found.into() }.in_file(file)) }
}

fn same_run(file: &str, content: &StatementContent, run: &RunPredicate) -> Result<(), Refusal> {
    let expected = run.context.run_id;
    match content.context() {
        Some(context) if context.run_id == expected => match differing_field(context, &run.context) {
            Some(field) => Err(Refusal::DifferentContext(field).in_file(file)),
            None => Ok(()),
        },
        Some(context) => {
            let found = format!("run {}", context.run_id);
            Err(Refusal::WrongStatement { expected: format!("run {expected}"), found }.in_file(file))
        }
        None => Err(wrong_statement(file, &format!("run {expected}"), content)),
    }
}

/// The first field in which all statements of one run must agree and do not.
fn differing_field(context: &Context, run: &Context) -> Option<&'static str> {
    let fields = [
        ("repository", context.repo == run.repo),
        ("pull request", context.pr == run.pr),
        ("environment", context.environment.id == run.environment.id),
        ("description", context.environment.description_digest == run.environment.description_digest),
        ("policy", context.policy == run.policy),
        ("engine", context.environment.engine == run.environment.engine),
        ("time at which the run began", context.started_on == run.started_on),
    ];
    fields.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
}

fn wrong_statement(file: &str, expected: &str, content: &StatementContent) -> Refusal {
    let found = match content {
        StatementContent::Opened(_) => "an opened run".into(),
        StatementContent::Suite(s) => format!("suite {}", s.suite.name),
        StatementContent::Run(_) => "a run".into(),
        StatementContent::Scan(s) => format!("the scan {}/{}", s.scan.suite, s.scan.case),
        StatementContent::Removal(_) => "a removal".into(),
        StatementContent::Decision(_) => "a decision of the gate".into(),
    };
    Refusal::WrongStatement { expected: expected.into(), found }.in_file(file)
}

/// Refuses files that do not belong to the run.
fn check_file_names(files: &BTreeMap<String, Vec<u8>>, run: &RunPredicate) -> Result<(), Refusal> {
    let raw: BTreeSet<&str> = raw_files(run).filter_map(|(_, report)| report.digest.sha256.as_deref()).collect();
    let known = |file: &str| {
        let file = file.strip_suffix(PROOF).filter(|file| is_statement(file)).unwrap_or(file);
        file.strip_prefix("raw/").is_some_and(|name| raw.contains(name))
            || [OPENED, RUN, RUN_BUNDLE, REPORT].contains(&file)
            || run.suites.iter().any(|s| {
                let is_scan = |scan: &RunScan| scan_bundle(&s.summary.name, scan.number) == file;
                suite_bundle(&s.summary.name) == file || s.scans.iter().any(is_scan)
            })
    };
    files.keys().find(|file| !known(file)).map_or(Ok(()), |file| Err(Refusal::UnexpectedFile(file.clone())))
}

/// Refuses a passed run that lacks an announced suite.
fn check_planned_suites(opened: Option<&Opened>, run: &RunPredicate) -> Result<(), Refusal> {
    let ran = |name: &str| run.suites.iter().any(|s| s.summary.name == name);
    let missing = opened.and_then(|o| o.planned_suites.iter().map(|p| &p.named).find(|p| !ran(&p.name)));
    match missing {
        Some(planned) if run.outcome == Outcome::Passed => Err(Refusal::MissingSuite(planned.name.clone())),
        _ => Ok(()),
    }
}

/// The raw files that the run names, with the suite that each belongs to.
fn raw_files(run: &RunPredicate) -> impl Iterator<Item = (&str, &RawReport)> {
    let of_suites = run.suites.iter().flat_map(|s| s.summary.raw_reports.iter().map(|r| (s.summary.name.as_str(), r)));
    of_suites.chain(run.traces.iter().map(|r| ("the environment", r)))
}

/// Checks the digests of present raw files; returns their number and the names of absent ones.
fn check_raw_files(files: &BTreeMap<String, Vec<u8>>, run: &RunPredicate) -> Result<(usize, Vec<String>), Refusal> {
    let (mut present, mut absent) = (0, Vec::new());
    for (of, report) in raw_files(run) {
        let file = format!("raw/{}", report.digest.sha256.as_deref().unwrap_or_default());
        match files.get(&file) {
            Some(bytes) => check_digest(&file, &Digest::compute(bytes).hex(), &report.digest).map(|()| present += 1)?,
            None => absent.push(format!("{of}/{}", report.name)),
        }
    }
    Ok((present, absent))
}
