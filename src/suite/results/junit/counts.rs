//! Compares the counts that a suite declares with what it contains.

use std::collections::BTreeMap;

use crate::suite::results::limits::MAX_NAME;
use crate::suite::results::text::cut;

/// What was read so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    pub(super) tests: u64,
    pub(super) failures: u64,
    pub(super) skipped: u64,
    pub(super) reruns: u64,
}

/// The counts that a suite declares, and those before it.
pub(super) struct Declared {
    name: String,
    tests: u64,
    failures: u64,
    /// Skipped and disabled tests, which some tools count but leave out.
    skipped: u64,
    /// Tests that the suites inside it declare.
    children: u64,
    /// `tests` and `failures` are numbers of assertions.
    assertions: bool,
    before: Seen,
}

impl Declared {
    pub(super) fn new(attributes: &BTreeMap<String, String>, before: Seen) -> Result<Self, String> {
        let name = cut(attributes.get("name").map_or("", |n| n.trim()), MAX_NAME);
        let count = |key: &str| match attributes.get(key).map(|v| v.trim()) {
            None | Some("") => Ok(0),
            Some(v) => v
                .parse::<u64>()
                .map_err(|_| format!("the suite `{name}` declares {key}=\"{}\", which is not a number", cut(v, 40))),
        };
        // Catch2 writes this host name into every file.
        let catch2 = attributes.get("hostname").is_some_and(|h| h == "tbd");
        Ok(Self {
            tests: count("tests")?,
            failures: count("failures")?.saturating_add(count("errors")?),
            // Not every tool writes numbers here, and nothing rests on them but an excuse.
            skipped: count("skipped").unwrap_or(0).saturating_add(count("disabled").unwrap_or(0)),
            children: 0,
            assertions: catch2 || attributes.contains_key("doctest_version"),
            before,
            name,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn tests(&self) -> u64 {
        self.tests
    }

    pub(super) fn before(&self) -> Seen {
        self.before
    }

    /// Counts what a suite inside this one declares.
    pub(super) fn add_child(&mut self, child: &Self) {
        self.children = self.children.saturating_add(child.tests);
    }

    /// Returns true if its counts include those of the suites inside it, so that they explain theirs.
    pub(super) fn covers_children(&self) -> bool {
        self.tests > 0 && self.tests >= self.children
    }

    /// Says which tests or failures the suite declares and does not contain, if any.
    pub(super) fn shortage(&self, now: Seen) -> Option<String> {
        let tests = now.tests - self.before.tests;
        let failures = now.failures - self.before.failures;
        let left_out = self.skipped.saturating_sub(now.skipped - self.before.skipped);
        // Surefire counts every attempt.
        let reruns = now.reruns - self.before.reruns;
        let explained = tests.saturating_add(left_out).saturating_add(reruns);
        let (lacks_tests, lacks_failures) = if self.assertions {
            (self.tests > 0 && tests == 0, self.failures > 0 && failures == 0)
        } else {
            (self.tests > explained, self.failures > failures.saturating_add(reruns))
        };
        if lacks_tests {
            Some(format!("the suite `{}` declares {} tests but contains {tests}", self.name, self.tests))
        } else if lacks_failures {
            Some(format!("the suite `{}` declares {} failures but contains {failures}", self.name, self.failures))
        } else {
            None
        }
    }
}
