//! Parses the Test Anything Protocol, versions 12 to 14, as node, Test::More, bats and others write it.
//!
//! Every test is a case, and those of subtests have the names of all tests around them. A test with subtests is a case of
//! its own only if it failed and none of them did. Without a plan the output may be truncated: an error.

mod line;
mod subtest;

use super::case::{add_failure, failed, passed};
use super::limits::{MAX_CASES, MAX_DEPTH, MAX_TEXT};
use super::result_file::{Problem, ResultFile};
use super::text::{append, decode, millis};
use crate::model::Verdict;
use crate::report::facts::CaseFact;
use line::{Directive, Line, TestLine};
use subtest::Subtest;

/// Spaces by which a subtest is indented.
const INDENT: usize = 4;

/// Reads one file, at most `room` cases of it.
pub(super) fn read(bytes: &[u8], room: usize) -> ResultFile {
    let text = match decode(bytes) {
        Ok(text) => text,
        Err(why) => return ResultFile::unreadable(why),
    };
    let mut parser = Parser { room, levels: vec![Subtest::default()], cases: vec![], last: None, block: None };
    let error = text.lines().try_for_each(|line| parser.line(line)).err().or_else(|| parser.end().err());
    ResultFile { cases: parser.cases, problem: error.map(Problem::Unreadable) }
}

struct Parser {
    room: usize,
    /// The document, and the subtests that are open in it.
    levels: Vec<Subtest>,
    cases: Vec<CaseFact>,
    /// The last test, if it is a case: a block may follow.
    last: Option<usize>,
    /// The indentation of the block that is being read.
    block: Option<usize>,
}

impl Parser {
    fn line(&mut self, text: &str) -> Result<(), String> {
        let body = text.trim_start_matches(' ');
        let indent = text.len() - body.len();
        let body = body.trim_end();
        if let Some(begin) = self.block {
            if indent == begin && body == "..." {
                self.block = None;
            } else {
                self.block_line(body);
            }
            return Ok(());
        }
        if body == "---" {
            self.block = Some(indent);
            return Ok(());
        }
        if !indent.is_multiple_of(INDENT) {
            return Ok(());
        }
        let line = line::parse(body)?;
        if matches!(line, Line::Other) {
            return Ok(());
        }
        self.enter(indent / INDENT)?;
        match line {
            Line::Plan { tests, reason } => self.plan(tests, reason),
            Line::Test(test) => self.test(&test),
            Line::BailOut("") => Err("the tests bailed out".into()),
            Line::BailOut(reason) => Err(format!("the tests bailed out: {reason}")),
            Line::Subtest | Line::Other => Ok(()),
        }
    }

    /// Opens and closes subtests until the current one is at this depth.
    fn enter(&mut self, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("subtests are nested deeper than {MAX_DEPTH} levels"));
        }
        while self.levels.len() <= depth {
            self.levels.push(Subtest::beginning_at(self.cases.len()));
            self.last = None;
        }
        while self.levels.len() > depth + 1 {
            self.leave()?;
        }
        Ok(())
    }

    /// Closes the innermost subtest.
    fn leave(&mut self) -> Result<(), String> {
        let Some(done) = self.levels.pop() else { return Ok(()) };
        self.last = None;
        if let Some(parent) = self.levels.last_mut() {
            parent.set_inner(done.first_case()..self.cases.len());
        }
        done.check()
    }

    fn plan(&mut self, tests: u64, reason: &str) -> Result<(), String> {
        if tests > MAX_CASES as u64 {
            return Err(format!("it plans {tests} tests, more than {MAX_CASES}"));
        }
        let outermost = self.levels.len() == 1;
        if let Some(level) = self.levels.last_mut() {
            level.set_plan(tests)?;
        }
        if outermost && tests == 0 {
            if self.cases.len() >= self.room {
                return Err(format!("there are more than {MAX_CASES} cases"));
            }
            let mut skipped = passed("all tests", "all tests");
            skipped.verdict = None;
            add_failure(&mut skipped, "skipped", "the tests run", reason);
            self.cases.push(skipped);
        }
        Ok(())
    }

    fn test(&mut self, test: &TestLine) -> Result<(), String> {
        let Some(level) = self.levels.last_mut() else { return Ok(()) };
        let number = level.add_test(test.number)?;
        let subtest = level.take_inner();
        let inner = subtest.clone().unwrap_or_default();
        let name = if test.name.is_empty() { format!("test {number}") } else { test.name.clone() };
        self.last = None;
        for case in &mut self.cases[inner.clone()] {
            subtest::put_inside(case, &name);
            if test.directive.is_some() && failed(case) {
                (case.verdict, case.failed_attempts) = (None, 0);
            }
        }
        let shown = self.cases[inner.clone()].iter().any(failed) || test.ok || test.directive.is_some();
        if !inner.is_empty() && shown {
            return Ok(());
        }
        if self.cases.len() >= self.room {
            return Err(format!("there are more than {MAX_CASES} cases"));
        }
        self.last = Some(self.cases.len());
        let mut case = case(test, &name);
        if subtest.is_some() && case.verdict == Some(Verdict::Passed) {
            // It says that nothing failed, and there was nothing that could.
            case.verdict = None;
            add_failure(&mut case, "skipped", "a test in the subtest", "the subtest has no test");
        }
        self.cases.push(case);
        Ok(())
    }

    /// A line of the block after a test: its duration, or text about its failure.
    fn block_line(&mut self, text: &str) {
        let Some(case) = self.last.and_then(|at| self.cases.get_mut(at)) else { return };
        if let Some(ms) = text.strip_prefix("duration_ms:").and_then(|ms| ms.trim().parse::<f64>().ok()) {
            case.took_ms = millis(ms / 1000.0);
        } else if let Some(failure) = case.failures.last_mut() {
            append(&mut failure.got, text, MAX_TEXT);
            append(&mut failure.got, "\n", MAX_TEXT);
        }
    }

    fn end(&mut self) -> Result<(), String> {
        if self.block.is_some() {
            return Err("it is truncated inside a block".into());
        }
        while self.levels.len() > 1 {
            self.leave()?;
        }
        self.levels.first().map_or(Ok(()), Subtest::check)
    }
}

fn case(test: &TestLine, name: &str) -> CaseFact {
    let mut case = passed(name, name);
    match (&test.directive, test.ok) {
        (Some(Directive::Skip), _) | (Some(Directive::Todo), false) => case.verdict = None,
        (Some(Directive::Todo), true) | (None, true) => {}
        (None, false) => {
            (case.verdict, case.failed_attempts) = (Some(Verdict::Failed), 1);
            add_failure(&mut case, "not ok", "ok", "");
        }
    }
    if case.verdict.is_none() && !test.reason.is_empty() {
        add_failure(&mut case, "skipped", "the test runs", &test.reason);
    }
    case
}
