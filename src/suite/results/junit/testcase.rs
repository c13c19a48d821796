//! One `<testcase>`.

use std::collections::BTreeMap;

use crate::model::Verdict;
use crate::report::facts::CaseFact;
use crate::suite::results::case::{add_failure, count_attempts, failed, passed};
use crate::suite::results::limits::{MAX_NAME, MAX_TEXT};
use crate::suite::results::text::{append, cut, millis};

/// Errors by which PHPUnit marks a test that passed as risky.
const RISKY: [&str; 5] = [
    "RiskyTestError",
    "OutputError",
    "UnintentionallyCoveredCodeError",
    "CoveredCodeNotExecutedException",
    "MissingCoversAnnotationException",
];

/// A `<testcase>` being read, or a suite's own error.
pub(super) struct OpenCase {
    fact: CaseFact,
    skipped: bool,
    /// Known to fail: a failure is expected.
    todo: bool,
    /// Other attempts that failed.
    reruns: u64,
    /// Depth of the failure element whose text is being read.
    inside: Option<usize>,
}

impl OpenCase {
    /// A case of a suite; `number` names it if it has no name.
    pub(super) fn new(attributes: &BTreeMap<String, String>, suite: &str, number: u64) -> Self {
        let get = |key: &str| attributes.get(key).map(|v| v.trim()).filter(|v| !v.is_empty());
        let name = get("name").map_or_else(|| format!("test {number} (without a name)"), str::to_owned);
        let class = get("classname").or(get("class")).unwrap_or(suite);
        let id = if class.is_empty() { name.clone() } else { format!("{class}.{name}") };
        let mut fact = passed(&id, &name);
        fact.took_ms = get("time").map_or(0, seconds);
        fact.started = get("timestamp").and_then(|t| t.parse().ok());
        fact.source = get("file")
            .map(|file| cut(&get("line").map_or(file.to_owned(), |line| format!("{file}:{line}")), MAX_NAME));
        // GoogleTest has the fate of a test in `result`, others in `status`.
        let status = |key| get(key).unwrap_or_default().to_ascii_lowercase();
        if matches!(status("status").as_str(), "fail" | "failed" | "failure" | "error") {
            fact.verdict = Some(Verdict::Failed);
        }
        let not_run = matches!(status("status").as_str(), "notrun" | "disabled" | "skipped" | "pending" | "ignored");
        let skipped = not_run || matches!(status("result").as_str(), "skipped" | "suppressed");
        Self { fact, skipped, todo: false, reruns: 0, inside: None }
    }

    /// A case for the error of a whole suite.
    pub(super) fn of_suite(suite: &str) -> Self {
        let fact = passed(&format!("{suite} (whole suite)"), "the suite runs");
        Self { fact, skipped: false, todo: false, reruns: 0, inside: None }
    }

    /// Adds an element of the case, such as `<failure>`.
    pub(super) fn add_outcome(&mut self, kind: &str, attributes: &BTreeMap<String, String>, depth: usize) {
        let of_type = attributes.get("type").map(|t| t.trim()).filter(|t| !t.is_empty());
        let risky = kind == "error" && of_type.is_some_and(is_risky);
        match kind {
            "failure" | "error" if !risky => self.fact.verdict = Some(Verdict::Failed),
            "error" => {}
            "skipped" => {
                self.skipped = true;
                self.todo |= of_type == Some("todo");
                return;
            }
            _ if is_rerun(kind) => self.reruns += 1,
            _ => return,
        }
        let word = if risky {
            "risky"
        } else if kind.ends_with("rror") {
            "error"
        } else {
            "failure"
        };
        let other = if is_rerun(kind) { " in another attempt" } else { "" };
        let step = format!("{word}{other}{}", of_type.map(|t| format!(" ({t})")).unwrap_or_default());
        let message = attributes.get("message").map(|m| format!("{m}\n")).unwrap_or_default();
        if add_failure(&mut self.fact, &step, "the test passes", &message) {
            self.inside = Some(depth);
        }
    }

    /// Adds text of the current failure.
    pub(super) fn add_text(&mut self, text: &str) {
        if self.inside.is_some()
            && let Some(failure) = self.fact.failures.last_mut()
        {
            append(&mut failure.got, text, MAX_TEXT);
        }
    }

    /// The element at this depth ends.
    pub(super) fn leave(&mut self, depth: usize) {
        if self.inside == Some(depth) {
            self.inside = None;
        }
    }

    /// Returns true inside a failure.
    pub(super) fn is_inside(&self) -> bool {
        self.inside.is_some()
    }

    pub(super) fn has_failed(&self) -> bool {
        failed(&self.fact)
    }

    /// The case, at its end.
    pub(super) fn finish(mut self) -> CaseFact {
        if self.todo || (self.skipped && !failed(&self.fact)) {
            self.fact.verdict = None;
        }
        for failure in &mut self.fact.failures {
            failure.got = failure.got.trim().to_owned();
        }
        count_attempts(&mut self.fact, self.reruns);
        self.fact
    }
}

/// Returns true for the elements by which Surefire, nextest and others record other attempts, all of which failed.
pub(super) fn is_rerun(kind: &str) -> bool {
    matches!(kind, "flakyFailure" | "flakyError" | "rerunFailure" | "rerunError")
}

fn is_risky(error: &str) -> bool {
    error.strip_prefix("PHPUnit\\Framework\\").is_some_and(|class| RISKY.contains(&class))
}

/// Parses seconds, also `1,234.5`; invalid ones count as 0.
fn seconds(text: &str) -> u64 {
    millis(text.replace(',', "").parse().unwrap_or(0.0))
}
