//! JUnit XML for CI: suites as `<testsuite>`, failed as `<failure>`, inconclusive as `<error>`, retries as reruns.
//!
//! Every cause of a run that did not pass is in it; a suite `environment` holds causes outside suites.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestRerun, TestSuite};

use super::ReportError;
use super::facts::{CaseFact, CaseFailure, Cause, CauseKind, Facts, SuiteFact, UnitFact};
use crate::model::Verdict;
use crate::model::sanitize;
use crate::report::{clues, display, scans, time};

/// Maximum length of the text of one failure, in characters.
const MOST: usize = 8000;

/// Renders JUnit XML.
pub fn render(facts: &Facts) -> Result<String, ReportError> {
    let mut report = Report::new(sanitize::one_line(&facts.environment, 200));
    report.set_uuid(facts.run.uuid());
    if let Some(end) = facts.finished {
        report.set_time(Duration::from_millis(time::ms_between(facts.started, end)));
    }
    report.add_test_suites(facts.suites.iter().map(|s| suite(facts, s)));
    if let Some(environment) = environment(facts, report.failures + report.errors == 0) {
        report.add_test_suite(environment);
    }
    report.to_string().map_err(|e| ReportError::Render { view: "junit", why: e.to_string() })
}

fn suite(facts: &Facts, fact: &SuiteFact) -> TestSuite {
    let mut suite = TestSuite::new(sanitize::one_line(&fact.name, 200));
    suite.extra.insert("timestamp".into(), fact.started.to_string().into());
    if let Some(end) = fact.finished {
        suite.set_time(Duration::from_millis(time::ms_between(fact.started, end)));
    }
    let about = [
        ("run", facts.run.to_string()),
        ("commit", facts.change.commit.clone()),
        ("kind", display::suite_kind(fact.kind).into()),
    ];
    for (key, value) in about {
        suite.add_property((key, sanitize::one_line(&value, 200).as_str()));
    }
    for (label, link) in facts.links.checked().labelled() {
        suite.add_property((format!("{}-url", label.replace(' ', "-")).as_str(), link));
    }
    if facts.unsigned {
        suite.add_property(("evidence", display::UNSIGNED));
    }
    if let Some(origin) = display::origin(fact) {
        suite.add_property(("origin", origin.as_str()));
    }
    for (scan, line) in fact.scans.iter().zip(fact.scans.iter().map(scans::coverage)) {
        let name = format!("scanned-{}", sanitize::one_line(&scan.case, 200));
        suite.add_property((name.as_str(), format!("{line}, {}", scans::digest(scan)).as_str()));
    }
    if let Some(database) = scans::database(fact) {
        suite.add_property(("advisories", database.as_str()));
    }
    suite.add_test_cases(fact.cases.iter().map(|c| case(&fact.name, c)));
    if let Some(whole) = whole(fact) {
        suite.add_test_case(whole);
    }
    suite
}

/// The verdict of the suite as a case, unless a case shows it.
fn whole(fact: &SuiteFact) -> Option<TestCase> {
    let shown = |v| fact.cases.iter().any(|c| c.verdict == Some(v));
    let kind = match fact.verdict {
        Some(Verdict::Passed) => return None,
        Some(Verdict::Failed) if shown(Verdict::Failed) => return None,
        Some(Verdict::Inconclusive) if shown(Verdict::Inconclusive) => return None,
        Some(Verdict::Failed) => NonSuccessKind::Failure,
        _ => NonSuccessKind::Error,
    };
    let word = display::suite_verdict(fact);
    let why = fact.reason.as_deref().unwrap_or("the suite did not finish");
    Some(trouble(&fact.name, "the suite as a whole", kind, word, why))
}

fn trouble(class: &str, name: &str, kind: NonSuccessKind, word: &str, why: &str) -> TestCase {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(word).set_message(sanitize::one_line(why, 300)).set_description(sanitize::block(why, MOST));
    let mut case = TestCase::new(sanitize::one_line(name, 300), status);
    case.set_classname(sanitize::one_line(class, 200));
    case
}

fn case(suite: &str, fact: &CaseFact) -> TestCase {
    let mut case = TestCase::new(display::case_title(fact), status(fact));
    case.set_classname(sanitize::one_line(suite, 200)).set_time(Duration::from_millis(fact.took_ms));
    if let Some(started) = fact.started {
        case.extra.insert("timestamp".into(), started.to_string().into());
    }
    if let Some(source) = &fact.source {
        let (file, line) = source.rsplit_once(':').unwrap_or((source, ""));
        case.extra.insert("file".into(), sanitize::one_line(file, 300).into());
        if !line.is_empty() {
            case.extra.insert("line".into(), sanitize::one_line(line, 20).into());
        }
    }
    case
}

fn status(fact: &CaseFact) -> TestCaseStatus {
    let kind = match fact.verdict {
        None => return TestCaseStatus::skipped(),
        Some(Verdict::Inconclusive) => NonSuccessKind::Error,
        _ => NonSuccessKind::Failure,
    };
    let mut status = TestCaseStatus::success();
    if fact.verdict != Some(Verdict::Passed) {
        status = TestCaseStatus::non_success(kind);
        status
            .set_type(display::verdict(fact.verdict))
            .set_message(message(fact))
            .set_description(sanitize::block(&description(fact), MOST));
    }
    // The failures of earlier attempts stand last.
    let own = usize::from(fact.verdict == Some(Verdict::Failed));
    let earlier = usize::from(fact.failed_attempts).saturating_sub(own);
    let first = fact.failures.len().saturating_sub(earlier).max(own);
    for attempt in first..first + earlier {
        let mut rerun = TestRerun::new(kind);
        rerun
            .set_type(display::verdict(Some(Verdict::Failed)))
            .set_message(format!("another attempt failed: {}", failure(fact.failures.get(attempt))));
        status.add_rerun(rerun);
    }
    status
}

fn message(fact: &CaseFact) -> String {
    failure(fact.failures.first())
}

fn failure(failure: Option<&CaseFailure>) -> String {
    let say = |f: &CaseFailure| format!("{}: expected {}, got {}", f.step, f.expected, f.got);
    sanitize::one_line(&failure.map_or("no details available".into(), say), 300)
}

fn description(fact: &CaseFact) -> String {
    let say = |f: &CaseFailure| {
        let waited = display::waited(f).map_or(String::new(), |waited| format!("waited: {waited}\n"));
        format!("step: {}\nexpected: {}\ngot: {}\n{waited}", f.step, f.expected, f.got)
    };
    let mut text = fact.failures.iter().map(say).collect::<Vec<_>>().join("\n");
    if let Some(cause) = clues::likely_cause(&fact.clues) {
        text += &format!("likely cause: {cause}\n");
    }
    text + &clues::lines(&fact.clues).iter().map(|line| format!("log: {line}\n")).collect::<String>()
}

/// The causes outside suites; `silent` if no suite shows a failure.
fn environment(facts: &Facts, silent: bool) -> Option<TestSuite> {
    let mut cases: Vec<_> = facts
        .causes
        .iter()
        .filter(|c| silent || !c.kind.is_of_suite())
        .map(|c| {
            trouble(
                "environment",
                display::cause(c.kind),
                NonSuccessKind::Error,
                display::cause(c.kind),
                &explained(facts, c),
            )
        })
        .collect();
    let word = display::outcome(facts);
    if cases.is_empty() && silent && word != "PASSED" {
        let why = if facts.suites.is_empty() { "no suite ran" } else { "the run has no verdict" };
        cases.push(trouble("environment", "the run", NonSuccessKind::Error, word, why));
    }
    let mut suite = TestSuite::new("environment");
    if facts.unsigned {
        suite.add_property(("evidence", display::UNSIGNED));
    }
    suite.extra.insert("timestamp".into(), facts.started.to_string().into());
    (!cases.is_empty()).then(|| {
        suite.add_test_cases(cases);
        suite
    })
}

/// The cause; after a failed start also the units that did not become ready, with the end of their logs.
fn explained(facts: &Facts, cause: &Cause) -> String {
    if !matches!(cause.kind, CauseKind::NotReady | CauseKind::NoCapacity) {
        return cause.text.clone();
    }
    let say = |u: &UnitFact| u.failure.as_ref().map(|why| format!("\n\n{}: {why}\n{}", u.name, u.last_log.join("\n")));
    facts.units.iter().filter_map(say).fold(cause.text.clone(), |text, unit| text + &unit)
}
