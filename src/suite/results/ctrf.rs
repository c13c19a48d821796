//! Parses the Common Test Report Format (CTRF), JSON that reporters for many test runners write.

use serde::Deserialize;

use super::case::{add_failure, count_attempts, failed, passed};
use super::json::{self, First, Kind, List};
use super::limits::{MAX_CASES, MAX_FAILURES, MAX_NAME};
use super::result_file::{Problem, ResultFile};
use super::text::{cut, millis};
use crate::model::Verdict;
use crate::report::facts::CaseFact;

#[derive(Deserialize)]
struct Report {
    results: Results,
}

#[derive(Deserialize)]
struct Results {
    summary: Summary,
    tests: List<Test>,
}

#[derive(Deserialize)]
struct Summary {
    tests: u64,
    #[serde(default)]
    failed: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Test {
    #[serde(default)]
    name: String,
    status: String,
    #[serde(default)]
    duration: Option<f64>,
    #[serde(default)]
    suite: Option<Suite>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    trace: Option<String>,
    #[serde(default)]
    raw_status: Option<String>,
    #[serde(default)]
    file_path: Option<String>,
    #[serde(default)]
    line: Option<u64>,
    #[serde(default)]
    retries: Option<u64>,
    #[serde(default)]
    flaky: Option<bool>,
    #[serde(default)]
    retry_attempts: Option<First<Attempt, MAX_FAILURES>>,
}

/// One text in early versions, and the path of suites in later ones.
#[derive(Deserialize)]
#[serde(untagged)]
enum Suite {
    Name(String),
    Path(First<String, 16>),
}

#[derive(Deserialize)]
struct Attempt {
    #[serde(default)]
    status: String,
    #[serde(default)]
    message: Option<String>,
}

/// Reads one file, at most `room` cases of it.
pub(super) fn read(bytes: &[u8], room: usize) -> ResultFile {
    let report: Report = match json::parse(bytes, "CTRF", &[("results", Kind::Object)]) {
        Ok(report) => report,
        Err(problem) => return ResultFile { cases: vec![], problem: Some(problem) },
    };
    let Results { summary, tests } = report.results;
    let total = tests.0.len();
    let cases: Vec<_> = tests.0.into_iter().take(room).enumerate().map(|(i, test)| case(i + 1, test)).collect();
    let failures = cases.iter().filter(|c| failed(c)).count() as u64;
    let error = if total > room {
        Some(format!("there are more than {MAX_CASES} cases"))
    } else if summary.tests > total as u64 {
        Some(format!("its summary counts {} tests but it contains {total}", summary.tests))
    } else if summary.failed > failures {
        Some(format!("its summary counts {} failed tests but it contains {failures}", summary.failed))
    } else {
        None
    };
    ResultFile { cases, problem: error.map(Problem::Unreadable) }
}

fn case(number: usize, test: Test) -> CaseFact {
    let suite = match test.suite {
        Some(Suite::Name(name)) => name,
        Some(Suite::Path(path)) => path.0.join(" > "),
        None => String::new(),
    };
    let name = if test.name.trim().is_empty() { format!("test {number} (without a name)") } else { test.name };
    let id = if suite.is_empty() { name.clone() } else { format!("{suite} > {name}") };
    let mut case = passed(&id, &name);
    case.took_ms = millis(test.duration.unwrap_or(0.0) / 1000.0);
    case.source =
        test.file_path.map(|file| cut(&test.line.map_or(file.clone(), |line| format!("{file}:{line}")), MAX_NAME));
    let texts = [test.message.as_deref(), test.trace.as_deref()];
    let got = texts.into_iter().flatten().collect::<Vec<_>>().join("\n");
    case.verdict = match test.status.as_str() {
        "passed" => Some(Verdict::Passed),
        "failed" => Some(Verdict::Failed),
        "skipped" | "pending" => None,
        _ if matches!(test.raw_status.as_deref(), Some("todo" | "skipped" | "pending" | "disabled")) => None,
        _ => Some(Verdict::Inconclusive),
    };
    if case.verdict.is_some_and(|v| v != Verdict::Passed) {
        let raw = test.raw_status.map(|s| format!(" ({s})")).unwrap_or_default();
        add_failure(&mut case, &format!("status {}{raw}", test.status), "the test passes", &got);
    }
    let attempts = test.retry_attempts.unwrap_or_default().0;
    let broken = attempts.iter().filter(|a| a.status != "passed");
    for attempt in broken.clone() {
        add_failure(&mut case, "another attempt", "the test passes", attempt.message.as_deref().unwrap_or_default());
    }
    let known = test.retries.unwrap_or(0).max(broken.count() as u64);
    count_attempts(&mut case, known.max(u64::from(test.flaky == Some(true))));
    case
}
