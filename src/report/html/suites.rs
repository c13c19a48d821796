//! Suites and cases as the page shows them.

use serde::Serialize;

use super::badge::badge;
use super::selection::Selection;
use super::timeline::{Bar, Scale};
use crate::findings::{Finding, words};
use crate::model::sanitize;
use crate::report::CaseCounts;
use crate::report::facts::{CaseFact, CaseFailure, Facts, ScanFact, StepFact, SuiteFact};
use crate::report::{clues, counts, display, scans, time};

#[derive(Serialize)]
pub(super) struct Suite {
    /// Place in the page, for links.
    number: usize,
    name: String,
    kind: &'static str,
    word: &'static str,
    class: &'static str,
    mark: &'static str,
    counts: String,
    /// Share of each verdict: class, percent from the left, percent wide.
    share: Vec<(&'static str, String, String)>,
    reason: String,
    took: String,
    digest: String,
    source: String,
    origin: String,
    ignored: Vec<String>,
    scans: Vec<Scan>,
    advisories: String,
    /// Shown unfolded.
    open: bool,
    cases: Vec<Case>,
    /// How many cases stand in `lines` only.
    more_cases: usize,
    /// A line for each of them.
    lines: String,
    raw: Vec<Raw>,
}

/// What a scan of dependencies looked at.
#[derive(Serialize)]
struct Scan {
    coverage: String,
    digest: String,
    /// Severity, ids, package and fix of each finding that the policy accepts.
    accepted: Vec<String>,
    omitted: usize,
}

#[derive(Clone, Serialize)]
pub(super) struct Case {
    suite: String,
    id: String,
    name: String,
    word: &'static str,
    pub(super) class: &'static str,
    mark: &'static str,
    took: String,
    pub(super) flaky: bool,
    attempts: String,
    bar: Option<Bar>,
    failures: Vec<Failure>,
    likely: String,
    clues: Vec<String>,
    steps: Vec<Step>,
    controls: Vec<String>,
    source: String,
    /// There is something to unfold.
    more: bool,
}

#[derive(Clone, Serialize)]
struct Failure {
    step: String,
    expected: String,
    got: String,
    waited: Option<String>,
    source: String,
}

#[derive(Clone, Serialize)]
struct Step {
    did: String,
    saw: String,
    word: &'static str,
    class: &'static str,
    mark: &'static str,
    took: String,
}

#[derive(Serialize)]
struct Raw {
    name: String,
    media_type: String,
    size: String,
    digest: String,
}

pub(super) fn suites(facts: &Facts) -> Vec<Suite> {
    let selection = Selection::new(&facts.suites);
    facts.suites.iter().enumerate().map(|(i, s)| suite(i, s, &selection)).collect()
}

/// The cases of all suites for which `which` holds.
pub(super) fn pick(suites: &[Suite], which: impl Fn(&Case) -> bool) -> Vec<Case> {
    suites.iter().flat_map(|s| &s.cases).filter(|c| which(c)).cloned().collect()
}

fn suite(place: usize, suite: &SuiteFact, selection: &Selection) -> Suite {
    let word = display::suite_verdict(suite);
    let (class, mark) = badge(word);
    let tally = CaseCounts::count(&suite.cases);
    let scale = suite.finished.map(|end| Scale::new(suite.started, end));
    let (mut whole, mut others) = (vec![], vec![]);
    for (i, case) in suite.cases.iter().enumerate() {
        if selection.has(place, i) { &mut whole } else { &mut others }.push(case);
    }
    Suite {
        number: place + 1,
        name: sanitize::one_line(&suite.name, 120),
        kind: display::suite_kind(suite.kind),
        word,
        class,
        mark,
        counts: tally.summary(),
        share: share(&tally),
        reason: sanitize::block(suite.reason.as_deref().unwrap_or(""), 2000),
        took: time::elapsed(suite.started, suite.finished),
        digest: sanitize::one_line(&suite.digest, 100),
        source: sanitize::one_line(suite.source.as_deref().unwrap_or(""), 300),
        origin: display::origin(suite).unwrap_or_default(),
        ignored: suite.ignored.iter().map(|i| sanitize::one_line(i, 700)).collect(),
        scans: suite.scans.iter().map(scan).collect(),
        advisories: scans::database(suite).unwrap_or_default(),
        open: class != "good",
        cases: whole.into_iter().map(|c| case(&suite.name, c, scale.as_ref())).collect(),
        more_cases: others.len(),
        lines: lines(&others),
        raw: suite.raw.iter().map(raw).collect(),
    }
}

/// The cases as lines of text: mark, id, name and time.
fn lines(cases: &[&CaseFact]) -> String {
    let mut text = String::new();
    for case in cases {
        let (_, mark) = badge(display::verdict(case.verdict));
        let (id, name) = (sanitize::one_line(&case.id, 200), sanitize::one_line(&case.name, 200));
        let name = if id.ends_with(&name) { String::new() } else { format!("  {name}") };
        text.push_str(&format!("{mark} {id}{name}  {}\n", time::duration(case.took_ms)));
    }
    text
}

fn share(tally: &CaseCounts) -> Vec<(&'static str, String, String)> {
    let total = tally.total.max(1) as f64;
    let mut from = 0.0;
    let mut parts = Vec::new();
    for (class, count) in
        [("good", tally.passed), ("bad", tally.failed), ("unsure", tally.inconclusive), ("none", tally.skipped)]
    {
        let width = count as f64 / total * 100.0;
        if count > 0 {
            parts.push((class, format!("{from:.2}%"), format!("{width:.2}%")));
        }
        from += width;
    }
    parts
}

fn case(suite: &str, case: &CaseFact, scale: Option<&Scale>) -> Case {
    let word = display::verdict(case.verdict);
    let (class, mark) = badge(word);
    let (id, name) = (sanitize::one_line(&case.id, 200), sanitize::one_line(&case.name, 400));
    Case {
        suite: sanitize::one_line(suite, 120),
        name: if id.ends_with(&name) { String::new() } else { name },
        id,
        word,
        class,
        mark,
        took: time::duration(case.took_ms),
        flaky: counts::is_flaky(case),
        attempts: display::attempts(case),
        bar: scale.and_then(|s| s.case(case)),
        failures: case.failures.iter().map(failure).collect(),
        likely: clues::likely_cause(&case.clues).unwrap_or_default(),
        clues: clues::lines(&case.clues),
        steps: case.steps.iter().map(step).collect(),
        controls: case.controls.iter().map(|c| sanitize::one_line(c, 200)).collect(),
        source: sanitize::one_line(case.source.as_deref().unwrap_or(""), 300),
        more: !(case.failures.is_empty() && case.steps.is_empty() && case.controls.is_empty() && case.source.is_none()),
    }
}

fn scan(scan: &ScanFact) -> Scan {
    let accepted =
        |f: &Finding| format!("{}: {}, {}; {}", words::severity(f), words::ids(f), words::package(f), words::fix(f));
    Scan {
        coverage: scans::coverage(scan),
        digest: scans::digest(scan),
        accepted: scan.result.findings.iter().filter(|f| !f.fails).map(accepted).collect(),
        omitted: scan.omitted,
    }
}

fn failure(failure: &CaseFailure) -> Failure {
    Failure {
        step: sanitize::block(&failure.step, 1000),
        expected: sanitize::block(&failure.expected, 10_000),
        got: sanitize::block(&failure.got, 10_000),
        waited: display::waited(failure),
        source: sanitize::one_line(failure.source.as_deref().unwrap_or(""), 300),
    }
}

fn step(step: &StepFact) -> Step {
    let word = display::verdict(Some(step.verdict));
    let (class, mark) = badge(word);
    Step {
        did: sanitize::block(&step.did, 1000),
        saw: sanitize::block(&step.saw, 2000),
        word,
        class,
        mark,
        took: time::duration(step.took_ms),
    }
}

fn raw(raw: &crate::report::facts::RawFile) -> Raw {
    let size = if raw.size < 10_240 { format!("{} B", raw.size) } else { format!("{} KiB", raw.size / 1024) };
    Raw {
        name: sanitize::one_line(&raw.name, 200),
        media_type: sanitize::one_line(&raw.media_type, 100),
        size,
        digest: sanitize::one_line(&raw.sha256, 100),
    }
}
