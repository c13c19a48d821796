//! Rules of the gate, and their states. Data only.

use std::fmt;
use std::str::FromStr;

use crate::evidence::predicate::{RuleResult, RuleState};

/// A rule. Each has one code, by which a policy and an override name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The image is named by its digest.
    Digest,
    /// A run tested this image.
    Tested,
    /// The evidence of that run is complete and unchanged, and so is that of every other run of this image.
    Verified,
    /// The latest run of this image passed, as a whole.
    Passed,
    /// No newer run of the same commit is open.
    Closed,
    /// The log has every statement of the run, and the evidence folder every run of this image that the log has.
    Logged,
    /// The image ran as the unit that it is installed as.
    Units,
    /// One run tested all images that are installed together.
    Together,
    /// The repository.
    Repository,
    /// Who requested the run.
    Requester,
    /// Something proves the repository.
    Proven,
    /// Suites by name and digest.
    Suites,
    /// Kinds of suites.
    Kinds,
    /// Suites of the protected base.
    BaseSuites,
    /// The operator's policy for descriptions.
    RunPolicy,
    /// Age of the run.
    MaxAge,
    /// Departures from the secure defaults.
    SecureDefaults,
    /// Removal of the environment.
    Removed,
    /// Scan of the image.
    Scanned,
    /// Times in which nothing is installed.
    Freeze,
}

impl Rule {
    /// All rules, in the order of their evaluation.
    pub const ALL: [Self; 20] = [
        Self::Digest,
        Self::Tested,
        Self::Verified,
        Self::Passed,
        Self::Closed,
        Self::Logged,
        Self::Units,
        Self::Together,
        Self::Repository,
        Self::Requester,
        Self::Proven,
        Self::Suites,
        Self::Kinds,
        Self::BaseSuites,
        Self::RunPolicy,
        Self::MaxAge,
        Self::SecureDefaults,
        Self::Removed,
        Self::Scanned,
        Self::Freeze,
    ];

    /// Its code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Tested => "tested",
            Self::Verified => "verified",
            Self::Passed => "passed",
            Self::Closed => "closed",
            Self::Logged => "logged",
            Self::Units => "units",
            Self::Together => "together",
            Self::Repository => "repository",
            Self::Requester => "requester",
            Self::Proven => "proven",
            Self::Suites => "suites",
            Self::Kinds => "kinds",
            Self::BaseSuites => "base-suites",
            Self::RunPolicy => "run-policy",
            Self::MaxAge => "max-age",
            Self::SecureDefaults => "secure-defaults",
            Self::Removed => "removed",
            Self::Scanned => "scanned",
            Self::Freeze => "freeze",
        }
    }

    /// What to do where it is not satisfied.
    pub fn solution(self) -> &'static str {
        match self {
            Self::Digest => {
                "name the image by its digest (NAME@sha256:…), so that what was tested is what is installed"
            }
            Self::Tested => {
                "run the acceptance tests with this image (`dayfly run --image SERVICE=NAME@sha256:…`), or give the evidence folder of the run that tested it"
            }
            Self::Verified => {
                "see `dayfly verify FOLDER` for the whole reason; restore the evidence, or run the tests again"
            }
            Self::Passed => "fix what failed and run the tests again, with all suites",
            Self::Closed => "wait until that run has ended; if it was killed, run the tests again",
            Self::Logged => "run with --log-key, and keep the log and the whole evidence folder together",
            Self::Units => "run the tests with this image as the service that it is, or correct `units` in the policy",
            Self::Together => "run the tests with all images that are installed together",
            Self::Repository => "install images of the repositories that the policy names",
            Self::Requester => "let the requester that the policy names run the tests",
            Self::Proven => "run with --identity-token, or submit to a controller whose policy proves the repository",
            Self::Suites => "run the required suites, with the text that the policy requires",
            Self::Kinds => "add a suite of this kind, and run the tests again",
            Self::BaseSuites => "run the tests with --suites-from BASE",
            Self::RunPolicy => "run the tests under the operator's policy (`dayfly run --policy`)",
            Self::MaxAge => "run the tests again",
            Self::SecureDefaults => "remove the departure from the description, or let the policy accept departures",
            Self::Removed => "remove the environment (`dayfly down`) and run the tests again without --keep",
            Self::Scanned => "add a suite of kind `dependencies`, and run the tests with fresh advisories",
            Self::Freeze => "install it after the freeze",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|rule| rule.code() == text);
        found.ok_or_else(|| format!("write one of {}", Self::ALL.map(Self::code).join(", ")))
    }
}

/// The result of a rule, before an override.
pub fn result(rule: Rule, state: RuleState, message: String) -> RuleResult {
    let needs_help = matches!(state, RuleState::Violated | RuleState::Indeterminate);
    let solution = needs_help.then(|| rule.solution().to_owned());
    RuleResult { rule: rule.code().to_owned(), state, message, solution, effective_on: None, overridden: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_one_code_everywhere() {
        for rule in Rule::ALL {
            assert_eq!(rule.code().parse(), Ok(rule));
        }
        assert!("nothing".parse::<Rule>().is_err_and(|why| why.contains("base-suites")));
    }
}
