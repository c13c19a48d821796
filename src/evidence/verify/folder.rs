//! Judges all evidence of one run together: opening entry, run, every suite, the report, the raw files. Pure.
//!
//! Each file alone may be authentic and still be the wrong one; the run's statement names all others by digest.

use std::collections::BTreeMap;

use super::{Expect, Refusal, Said, Verified, verify};
use crate::evidence::key::VerifyingKey;
use crate::evidence::predicate::{DigestSet, Opened, RunPredicate, SuitePredicate};
use crate::evidence::store::{OPENED, REPORT, RUN, RUN_BUNDLE, suite_bundle};
use crate::model::{Digest, Outcome};

/// A run whose evidence holds together.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedRun {
    /// The pinned key's id.
    pub keyid: String,
    /// The opening entry; none when the run ended before it.
    pub opened: Option<Opened>,
    /// The run.
    pub run: RunPredicate,
    /// Its suites, in their order.
    pub suites: Vec<SuitePredicate>,
    /// Raw files that are there and unchanged.
    pub raw_present: usize,
    /// Raw files that the suites name and that are not there.
    pub raw_absent: Vec<String>,
}

/// Verifies the files of a run's folder, by path below it (`store::read_run`).
pub fn folder(files: &BTreeMap<String, Vec<u8>>, key: &VerifyingKey, expect: &Expect) -> Result<VerifiedRun, Refusal> {
    let run = closed(files, key, expect)?;
    let Said::Run(said) = &run.said else { return Err(other(RUN, "a run", &run.said)) };
    let bundle = must(files, RUN_BUNDLE).and_then(|b| verify(b, key, expect).map_err(|r| r.in_file(RUN_BUNDLE)))?;
    bound(RUN_BUNDLE, &bundle.sha256, &DigestSet::sha256(&run.sha256))?;
    bound(REPORT, &Digest::compute(must(files, REPORT)?).hex(), &said.report_digest)?;
    let opened = opening(files, key, expect, said)?;
    let suites = said
        .suites
        .iter()
        .map(|s| suite(files, key, expect, said, &s.summary.name, &s.statement_digest))
        .collect::<Result<Vec<_>, _>>()?;
    strays(files, said)?;
    dropped(opened.as_ref(), said)?;
    let (raw_present, raw_absent) = raw(files, said)?;
    Ok(VerifiedRun { keyid: run.keyid, opened, run: (**said).clone(), suites, raw_present, raw_absent })
}

/// The closing statement; its absence is a verdict of its own.
fn closed(files: &BTreeMap<String, Vec<u8>>, key: &VerifyingKey, expect: &Expect) -> Result<Verified, Refusal> {
    match (files.get(RUN), files.get(OPENED)) {
        (Some(bytes), _) => verify(bytes, key, expect).map_err(|r| r.in_file(RUN)),
        (None, Some(bytes)) => {
            let opened = verify(bytes, key, &Expect::default()).map_err(|r| r.in_file(OPENED))?;
            match opened.said.context() {
                Some(context) => Err(Refusal::NeverClosed(context.run_id)),
                None => Err(other(OPENED, "an opened run", &opened.said)),
            }
        }
        (None, None) => Err(Refusal::Nothing),
    }
}

fn opening(
    files: &BTreeMap<String, Vec<u8>>,
    key: &VerifyingKey,
    expect: &Expect,
    run: &RunPredicate,
) -> Result<Option<Opened>, Refusal> {
    let Some(digest) = &run.opened_digest else {
        return if files.contains_key(OPENED) { Err(Refusal::Stray(OPENED.into())) } else { Ok(None) };
    };
    // Images may not have been resolved when the run was opened.
    let expect = Expect { image_sha256: None, ..expect.clone() };
    let verified = verify(must(files, OPENED)?, key, &expect).map_err(|r| r.in_file(OPENED))?;
    same_run(OPENED, &verified.said, run)?;
    bound(OPENED, &verified.sha256, digest)?;
    match verified.said {
        Said::Opened(opened) => Ok(Some(*opened)),
        said => Err(other(OPENED, "an opened run", &said)),
    }
}

fn suite(
    files: &BTreeMap<String, Vec<u8>>,
    key: &VerifyingKey,
    expect: &Expect,
    run: &RunPredicate,
    name: &str,
    digest: &DigestSet,
) -> Result<SuitePredicate, Refusal> {
    let file = suite_bundle(name);
    let verified = verify(must(files, &file)?, key, expect).map_err(|r| r.in_file(&file))?;
    same_run(&file, &verified.said, run)?;
    match verified.said {
        Said::Suite(s) if s.suite.name == name => bound(&file, &verified.sha256, digest).map(|()| *s),
        said => Err(other(&file, &format!("suite {name}"), &said)),
    }
}

fn must<'a>(files: &'a BTreeMap<String, Vec<u8>>, file: &str) -> Result<&'a [u8], Refusal> {
    files.get(file).map(Vec::as_slice).ok_or_else(|| Refusal::Missing(file.into()))
}

fn bound(file: &str, found: &str, named: &DigestSet) -> Result<(), Refusal> {
    let expected = named.sha256.clone().unwrap_or_default();
    if found == expected { Ok(()) } else { Err(Refusal::Unbound { expected, found: found.into() }.in_file(file)) }
}

fn same_run(file: &str, said: &Said, run: &RunPredicate) -> Result<(), Refusal> {
    let expected = run.context.run_id;
    match said.context().map(|c| c.run_id) {
        Some(found) if found == expected => Ok(()),
        Some(found) => {
            Err(Refusal::Other { expected: format!("run {expected}"), found: format!("run {found}") }.in_file(file))
        }
        None => Err(other(file, &format!("run {expected}"), said)),
    }
}

fn other(file: &str, expected: &str, said: &Said) -> Refusal {
    let found = match said {
        Said::Opened(_) => "an opened run".into(),
        Said::Suite(s) => format!("suite {}", s.suite.name),
        Said::Run(_) => "a run".into(),
        Said::Removal(_) => "a removal".into(),
    };
    Refusal::Other { expected: expected.into(), found }.in_file(file)
}

/// Every statement in the folder belongs to the run: none was smuggled in.
fn strays(files: &BTreeMap<String, Vec<u8>>, run: &RunPredicate) -> Result<(), Refusal> {
    let known = |file: &str| {
        file.starts_with("raw/")
            || [OPENED, RUN, RUN_BUNDLE, REPORT].contains(&file)
            || run.suites.iter().any(|s| suite_bundle(&s.summary.name) == file)
    };
    files.keys().find(|file| !known(file)).map_or(Ok(()), |file| Err(Refusal::Stray(file.clone())))
}

/// A run that passed ran every suite that it announced.
fn dropped(opened: Option<&Opened>, run: &RunPredicate) -> Result<(), Refusal> {
    let ran = |name: &str| run.suites.iter().any(|s| s.summary.name == name);
    let missing = opened.and_then(|o| o.planned_suites.iter().find(|p| !ran(&p.name)));
    match missing {
        Some(planned) if run.outcome == Outcome::Passed => Err(Refusal::Dropped(planned.name.clone())),
        _ => Ok(()),
    }
}

/// Raw files that are there are what their names say; the others are counted.
fn raw(files: &BTreeMap<String, Vec<u8>>, run: &RunPredicate) -> Result<(usize, Vec<String>), Refusal> {
    let (mut present, mut absent) = (0, Vec::new());
    let of_suites = run.suites.iter().flat_map(|s| s.summary.raw_reports.iter().map(|r| (s.summary.name.as_str(), r)));
    for (suite, report) in of_suites.chain(run.traces.iter().map(|r| ("the environment", r))) {
        let file = format!("raw/{}", report.digest.sha256.as_deref().unwrap_or_default());
        match files.get(&file) {
            Some(bytes) => bound(&file, &Digest::compute(bytes).hex(), &report.digest).map(|()| present += 1)?,
            None => absent.push(format!("{suite}/{}", report.name)),
        }
    }
    Ok((present, absent))
}
