//! Suites and cases as the page shows them.

use serde::Serialize;

use super::look;
use super::timeline::{Bar, Scale};
use crate::report::facts::{CaseFact, CaseFailure, Facts, StepFact, SuiteFact};
use crate::report::{Tally, tally, words};

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
    /// Shown unfolded.
    open: bool,
    cases: Vec<Case>,
    raw: Vec<Raw>,
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
    attempts: u8,
    bar: Option<Bar>,
    failures: Vec<Failure>,
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
    waited: String,
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
    facts.suites.iter().enumerate().map(|(i, s)| suite(i + 1, s)).collect()
}

/// The cases of all suites for which `which` holds.
pub(super) fn pick(suites: &[Suite], which: impl Fn(&Case) -> bool) -> Vec<Case> {
    suites.iter().flat_map(|s| &s.cases).filter(|c| which(c)).cloned().collect()
}

fn suite(number: usize, suite: &SuiteFact) -> Suite {
    let word = words::suite_verdict(suite);
    let (class, mark) = look(word);
    let tally = Tally::of(&suite.cases);
    let scale = suite.finished.map(|end| Scale::new(suite.started, end));
    Suite {
        number,
        name: words::one_line(&suite.name, 120),
        kind: words::suite_kind(suite.kind),
        word,
        class,
        mark,
        counts: tally.sentence(),
        share: share(&tally),
        reason: words::block(suite.reason.as_deref().unwrap_or(""), 2000),
        took: words::took(suite.started, suite.finished),
        digest: words::one_line(&suite.digest, 100),
        source: words::one_line(suite.source.as_deref().unwrap_or(""), 300),
        open: class != "good",
        cases: suite.cases.iter().map(|c| case(&suite.name, c, scale.as_ref())).collect(),
        raw: suite.raw.iter().map(raw).collect(),
    }
}

fn share(tally: &Tally) -> Vec<(&'static str, String, String)> {
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
    let word = words::verdict(case.verdict);
    let (class, mark) = look(word);
    let (id, name) = (words::one_line(&case.id, 200), words::one_line(&case.name, 400));
    Case {
        suite: words::one_line(suite, 120),
        name: if id.ends_with(&name) { String::new() } else { name },
        id,
        word,
        class,
        mark,
        took: words::duration(case.took_ms),
        flaky: tally::is_flaky(case),
        attempts: case.attempts,
        bar: scale.and_then(|s| s.case(case)),
        failures: case.failures.iter().map(failure).collect(),
        steps: case.steps.iter().map(step).collect(),
        controls: case.controls.iter().map(|c| words::one_line(c, 200)).collect(),
        source: words::one_line(case.source.as_deref().unwrap_or(""), 300),
        more: !(case.failures.is_empty() && case.steps.is_empty() && case.controls.is_empty() && case.source.is_none()),
    }
}

fn failure(failure: &CaseFailure) -> Failure {
    Failure {
        step: words::block(&failure.step, 1000),
        expected: words::block(&failure.expected, 10_000),
        got: words::block(&failure.got, 10_000),
        waited: words::duration(failure.waited_ms),
        source: words::one_line(failure.source.as_deref().unwrap_or(""), 300),
    }
}

fn step(step: &StepFact) -> Step {
    let word = words::verdict(Some(step.verdict));
    let (class, mark) = look(word);
    Step {
        did: words::block(&step.did, 1000),
        saw: words::block(&step.saw, 2000),
        word,
        class,
        mark,
        took: words::duration(step.took_ms),
    }
}

fn raw(raw: &crate::report::facts::RawFile) -> Raw {
    let size = if raw.size < 10_240 { format!("{} B", raw.size) } else { format!("{} KiB", raw.size / 1024) };
    Raw {
        name: words::one_line(&raw.name, 200),
        media_type: words::one_line(&raw.media_type, 100),
        size,
        digest: words::one_line(&raw.sha256, 100),
    }
}
