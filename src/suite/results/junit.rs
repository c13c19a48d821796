//! Parses JUnit XML as pytest, Maven Surefire, gotestsum, Jest and others write it.
//!
//! A suite that declares more tests or failures than it contains was truncated or filtered: an error.

use std::collections::BTreeMap;

mod counts;
mod reruns;
mod testcase;

use super::limits::MAX_CASES;
use super::result_file::{Problem, ResultFile};
use super::xml::{self, XmlEvent};
use crate::report::facts::CaseFact;
use counts::{Declared, Seen};
use reruns::Repeats;
use testcase::OpenCase;

/// Reads one file, at most `room` cases of it.
pub(super) fn read(bytes: &[u8], room: usize) -> ResultFile {
    let mut parser = Parser { room, ..Parser::default() };
    let end = xml::parse(bytes, &["testsuites", "testsuite"], |event| parser.on_event(event));
    if end.is_err() {
        parser.truncated();
    }
    let problem = end.err().or(parser.short.map(Problem::Unreadable));
    ResultFile { cases: parser.cases, problem }
}

#[derive(Default)]
struct Parser {
    room: usize,
    /// Open elements, outermost first.
    path: Vec<String>,
    suites: Vec<OpenSuite>,
    case: Option<OpenCase>,
    cases: Vec<CaseFact>,
    /// Everything so far, compared with the declared counts.
    seen: Seen,
    /// The first suite that contains less than it declares.
    short: Option<String>,
}

/// A `<testsuite>` or `<testsuites>` being read.
struct OpenSuite {
    declared: Declared,
    repeats: Repeats,
    /// Number of cases before it.
    cases_before: usize,
    /// A suite before it was short.
    short_before: bool,
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
        match (name.as_str(), &mut self.case) {
            ("testcase", Some(_)) => return Err("a <testcase> is nested in another".into()),
            ("testcase", None) => self.open_case(attributes)?,
            ("testsuite" | "testsuites", None) => self.open_suite(attributes)?,
            ("property", None) => {
                if let Some(suite) = self.suites.last_mut() {
                    suite.repeats.see_property(attributes);
                }
            }
            (kind, Some(case)) if !case.is_inside() => {
                self.seen.failures += u64::from(matches!(kind, "failure" | "error"));
                self.seen.reruns += u64::from(testcase::is_rerun(kind));
                case.add_outcome(kind, attributes, self.path.len());
            }
            ("failure" | "error", None) => self.suite_error(attributes)?,
            _ => {}
        }
        self.path.push(name);
        Ok(())
    }

    fn open_suite(&mut self, attributes: &BTreeMap<String, String>) -> Result<(), String> {
        let declared = Declared::new(attributes, self.seen)?;
        if let Some(parent) = self.suites.last_mut() {
            parent.declared.add_child(&declared);
        }
        let pytest = self.suites.last().is_some_and(|s| s.repeats == Repeats::Pytest);
        self.suites.push(OpenSuite {
            repeats: if pytest { Repeats::Pytest } else { Repeats::of_suite(attributes) },
            declared,
            cases_before: self.cases.len(),
            short_before: self.short.is_some(),
        });
        Ok(())
    }

    fn open_case(&mut self, attributes: &BTreeMap<String, String>) -> Result<(), String> {
        if self.cases.len() >= self.room {
            return Err(format!("there are more than {} cases", MAX_CASES));
        }
        self.seen.tests += 1;
        let suite = self.suites.last().map_or("", |s| s.declared.name());
        self.case = Some(OpenCase::new(attributes, suite, self.seen.tests));
        Ok(())
    }

    /// An error outside any case (such as a broken fixture) becomes a failed case.
    fn suite_error(&mut self, attributes: &BTreeMap<String, String>) -> Result<(), String> {
        if self.cases.len() >= self.room {
            return Err(format!("there are more than {MAX_CASES} cases"));
        }
        let suite = self.suites.last().map_or("", |s| s.declared.name());
        let mut open = OpenCase::of_suite(suite);
        open.add_outcome("error", attributes, self.path.len());
        self.seen.failures += 1;
        self.seen.tests += 1;
        self.case = Some(open);
        Ok(())
    }

    fn text(&mut self, text: &str) {
        if let Some(case) = &mut self.case {
            case.add_text(text);
        }
    }

    fn close(&mut self) {
        let Some(name) = self.path.pop() else { return };
        if let Some(case) = &mut self.case {
            case.leave(self.path.len());
            if name == "testcase" || (!case.is_inside() && !self.path.iter().any(|p| p == "testcase")) {
                self.finish_case();
            }
        } else if matches!(name.as_str(), "testsuite" | "testsuites")
            && let Some(suite) = self.suites.pop()
        {
            self.close_suite(&suite);
        }
    }

    fn close_suite(&mut self, suite: &OpenSuite) {
        let tests = self.seen.tests - suite.declared.before().tests;
        suite.repeats.merge(&mut self.cases, suite.cases_before, suite.declared.tests() < tests);
        match suite.declared.shortage(self.seen) {
            None if suite.declared.covers_children() && !suite.short_before => self.short = None,
            None => {}
            Some(why) if self.short.is_none() => self.short = Some(why),
            Some(_) => {}
        }
    }

    fn finish_case(&mut self) {
        if let Some(case) = self.case.take() {
            let fact = case.finish();
            self.seen.skipped += u64::from(fact.verdict.is_none());
            self.cases.push(fact);
        }
    }

    /// The document is truncated inside a case: the case counts only if it already failed.
    fn truncated(&mut self) {
        if self.case.as_ref().is_some_and(OpenCase::has_failed) {
            self.finish_case();
        }
    }
}
