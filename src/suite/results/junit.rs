//! Parses JUnit XML as pytest, Maven Surefire, go-junit-report, Jest and others write it.
//!
//! A suite that declares more tests or failures than it contains was truncated or filtered: an error.

use std::collections::BTreeMap;

use super::limits::{MAX_CASES, MAX_NAME, MAX_TEXT};
use super::xml::{self, XmlEvent};
use crate::model::Verdict;
use crate::report::facts::{CaseFact, CaseFailure};

/// The content of one file.
pub(super) struct JunitFile {
    pub(super) cases: Vec<CaseFact>,
    pub(super) error: Option<String>,
}

pub(super) fn failed(case: &CaseFact) -> bool {
    case.verdict == Some(Verdict::Failed)
}

/// Reads one file, at most `room` cases of it.
pub(super) fn read(bytes: &[u8], room: usize) -> JunitFile {
    let mut parser = Parser { room, ..Parser::default() };
    let mut error = xml::parse(bytes, |event| parser.on_event(event)).err();
    if error.is_some() {
        parser.truncated();
    }
    if parser.foreign {
        error = None;
    }
    JunitFile { cases: parser.cases, error: error.or(parser.error) }
}

#[derive(Default)]
struct Parser {
    room: usize,
    /// Open elements, outermost first.
    path: Vec<String>,
    suites: Vec<Declared>,
    case: Option<OpenCase>,
    cases: Vec<CaseFact>,
    /// Failures and errors so far, compared with the declared counts.
    failures: u64,
    error: Option<String>,
    /// The root element is not one of JUnit's.
    foreign: bool,
}

/// The counts that a `<testsuite>` or `<testsuites>` declares, and the counts before it.
struct Declared {
    name: String,
    tests: u64,
    failures: u64,
    cases_before: u64,
    failures_before: u64,
}

/// A `<testcase>` being read.
struct OpenCase {
    fact: CaseFact,
    skipped: bool,
    /// Depth of the failure element whose text is being read.
    inside: Option<usize>,
}

impl Parser {
    fn on_event(&mut self, event: XmlEvent) -> Result<(), String> {
        match event {
            XmlEvent::Open(name, attributes) => self.open(name, &attributes)?,
            XmlEvent::Text(text) => self.text(&text),
            XmlEvent::Close => self.close(),
        }
        Ok(())
    }

    fn open(&mut self, name: String, attributes: &BTreeMap<String, String>) -> Result<(), String> {
        if self.path.is_empty() && !matches!(name.as_str(), "testsuites" | "testsuite") {
            self.foreign = true;
            return Err(format!("its root element is <{name}>"));
        }
        match (name.as_str(), &mut self.case) {
            ("testcase", Some(_)) => return Err("a <testcase> is nested in another".into()),
            ("testcase", None) => self.open_case(attributes)?,
            ("testsuite" | "testsuites", None) => {
                self.suites.push(declared(attributes, self.cases.len() as u64, self.failures)?)
            }
            (kind, Some(case)) if case.inside.is_none() => {
                self.failures += u64::from(matches!(kind, "failure" | "error"));
                case.add_outcome(kind, attributes, self.path.len());
            }
            ("failure" | "error", None) => self.suite_error(attributes),
            _ => {}
        }
        self.path.push(name);
        Ok(())
    }

    fn open_case(&mut self, attributes: &BTreeMap<String, String>) -> Result<(), String> {
        if self.cases.len() >= self.room {
            return Err(format!("there are more than {} cases", MAX_CASES));
        }
        let suite = self.suites.last().map_or("", |s| s.name.as_str());
        self.case = Some(OpenCase { fact: case(attributes, suite)?, skipped: not_run(attributes), inside: None });
        Ok(())
    }

    /// An error outside any case (such as a broken fixture) becomes a failed case.
    fn suite_error(&mut self, attributes: &BTreeMap<String, String>) {
        let suite = self.suites.last().map_or("", |s| s.name.as_str()).to_owned();
        let mut open = OpenCase {
            fact: blank(format!("{suite} (whole suite)"), "the suite runs".into()),
            skipped: false,
            inside: None,
        };
        open.add_outcome("error", attributes, self.path.len());
        self.failures += 1;
        self.case = Some(open);
    }

    fn text(&mut self, text: &str) {
        if let Some(case) = &mut self.case
            && case.inside.is_some()
            && let Some(failure) = case.fact.failures.last_mut()
        {
            append(&mut failure.got, text);
        }
    }

    fn close(&mut self) {
        let Some(name) = self.path.pop() else { return };
        let depth = self.path.len();
        if let Some(case) = &mut self.case {
            if case.inside == Some(depth) {
                case.inside = None;
            }
            if name == "testcase" || (case.inside.is_none() && !self.path.iter().any(|p| p == "testcase")) {
                self.finish_case();
            }
        } else if matches!(name.as_str(), "testsuite" | "testsuites")
            && let Some(suite) = self.suites.pop()
        {
            self.check_counts(&suite);
        }
    }

    fn finish_case(&mut self) {
        if let Some(mut case) = self.case.take() {
            if case.skipped && case.fact.verdict == Some(Verdict::Passed) {
                case.fact.verdict = None;
            }
            for failure in &mut case.fact.failures {
                failure.got = failure.got.trim().to_owned();
            }
            self.cases.push(case.fact);
        }
    }

    /// The document is truncated inside a case: the case counts only if it already failed.
    fn truncated(&mut self) {
        if self.case.as_ref().is_some_and(|c| failed(&c.fact)) {
            self.finish_case();
        }
    }

    fn check_counts(&mut self, suite: &Declared) {
        let tests = self.cases.len() as u64 - suite.cases_before;
        let failures = self.failures - suite.failures_before;
        let short = if suite.tests > tests {
            Some(format!("declares {} tests but contains {tests}", suite.tests))
        } else if suite.failures > failures {
            Some(format!("declares {} failures but contains {failures}", suite.failures))
        } else {
            None
        };
        if let (Some(short), None) = (short, &self.error) {
            self.error = Some(format!("the suite `{}` {short}", suite.name));
        }
    }
}

impl OpenCase {
    fn add_outcome(&mut self, kind: &str, attributes: &BTreeMap<String, String>, depth: usize) {
        let again = matches!(kind, "flakyFailure" | "flakyError" | "rerunFailure" | "rerunError");
        match kind {
            "failure" | "error" => self.fact.verdict = Some(Verdict::Failed),
            "skipped" => self.skipped = true,
            _ if again => self.fact.attempts = self.fact.attempts.saturating_add(1),
            _ => return,
        }
        if kind != "skipped" && self.fact.failures.len() < 20 {
            self.fact.failures.push(failure(kind, attributes, &self.fact));
            self.inside = Some(depth);
        }
    }
}

fn failure(kind: &str, attributes: &BTreeMap<String, String>, case: &CaseFact) -> CaseFailure {
    let word = if kind.ends_with("rror") { "error" } else { "failure" };
    let earlier = if matches!(kind, "failure" | "error") { "" } else { " in another attempt" };
    let of = attributes.get("type").filter(|t| !t.trim().is_empty()).map(|t| format!(" ({t})")).unwrap_or_default();
    let mut got = String::new();
    if let Some(message) = attributes.get("message") {
        append(&mut got, message);
        append(&mut got, "\n");
    }
    CaseFailure {
        step: cut(&format!("{word}{earlier}{of}"), MAX_NAME),
        expected: "the test passes".into(),
        got,
        waited_ms: case.took_ms,
        source: case.source.clone(),
    }
}

fn case(attributes: &BTreeMap<String, String>, suite: &str) -> Result<CaseFact, String> {
    let get = |key: &str| attributes.get(key).map(|v| v.trim()).filter(|v| !v.is_empty());
    let name = get("name").ok_or("a <testcase> has no name")?;
    let class = get("classname").or(get("class")).unwrap_or(suite);
    let id = if class.is_empty() { name.to_owned() } else { format!("{class}.{name}") };
    let mut fact = blank(id, name.to_owned());
    fact.took_ms = get("time").map_or(0, millis);
    fact.started = get("timestamp").and_then(|t| t.parse().ok());
    fact.source =
        get("file").map(|file| cut(&get("line").map_or(file.to_owned(), |line| format!("{file}:{line}")), MAX_NAME));
    if matches!(get("status").unwrap_or_default().to_ascii_lowercase().as_str(), "failed" | "failure" | "error") {
        fact.verdict = Some(Verdict::Failed);
    }
    Ok(fact)
}

fn blank(id: String, name: String) -> CaseFact {
    CaseFact {
        id: cut(&id, MAX_NAME),
        name: cut(&name, MAX_NAME),
        verdict: Some(Verdict::Passed),
        started: None,
        took_ms: 0,
        attempts: 1,
        failures: vec![],
        steps: vec![],
        controls: vec![],
        source: None,
        clues: Default::default(),
    }
}

/// Some dialects mark a skipped test by a status attribute instead of an element.
fn not_run(attributes: &BTreeMap<String, String>) -> bool {
    let status = attributes.get("status").map(|s| s.to_ascii_lowercase()).unwrap_or_default();
    matches!(status.as_str(), "notrun" | "disabled" | "skipped" | "pending" | "ignored")
}

fn declared(attributes: &BTreeMap<String, String>, cases: u64, failures: u64) -> Result<Declared, String> {
    let name = cut(attributes.get("name").map_or("", |n| n.trim()), MAX_NAME);
    let count = |key: &str| match attributes.get(key).map(|v| v.trim()) {
        None | Some("") => Ok(0),
        Some(v) => v
            .parse::<u64>()
            .map_err(|_| format!("the suite `{name}` declares {key}=\"{}\", which is not a number", cut(v, 40))),
    };
    let (tests, failed) = (count("tests")?, count("failures")?.saturating_add(count("errors")?));
    Ok(Declared { tests, failures: failed, cases_before: cases, failures_before: failures, name })
}

/// Longest time of a case that is believed, in seconds: a year.
const LONGEST_CASE: f64 = 366.0 * 24.0 * 3600.0;

/// Parses seconds, also `1,234.5`; values that are invalid or too long count as 0.
fn millis(text: &str) -> u64 {
    let seconds: f64 = text.replace(',', "").parse().unwrap_or(0.0);
    if seconds > 0.0 && seconds <= LONGEST_CASE { (seconds * 1000.0).round() as u64 } else { 0 }
}

fn append(to: &mut String, text: &str) {
    let room = MAX_TEXT.saturating_sub(to.len());
    to.push_str(&cut(text, room));
}

fn cut(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}
