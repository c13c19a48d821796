//! What is published about a verified run, or about evidence that was refused. Pure.

use crate::evidence::verify::outcome_name;
use crate::model::{Outcome, Verdict, sanitize};
use crate::report::{Facts, markdown};

/// Longest description of a status; GitHub accepts 140 characters.
const MAX_DESCRIPTION: usize = 140;
/// Longest reason in a comment, in characters.
const MAX_REASON: usize = 1000;

/// What is known of a run.
#[derive(Debug)]
pub enum Content<'a> {
    /// The evidence is verified.
    Verified {
        /// The facts that its statement binds.
        facts: &'a Facts,
        /// Key that signed it.
        keyid: &'a str,
    },
    /// There is none, or it is refused.
    Refused {
        /// Why.
        reason: &'a str,
    },
}

/// A status of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitStatus {
    /// By which name the forge knows it.
    pub context: String,
    /// The run passed. Nothing else is a success: a neutral status would let a change through.
    pub passed: bool,
    /// One line.
    pub description: String,
    /// Where more stands.
    pub url: Option<String>,
}

/// The hidden first line of a comment, by which the next one finds it. `name` has no characters of markup.
pub fn marker(name: &str) -> String {
    format!("<!-- dayfly {name} -->")
}

impl Content<'_> {
    /// The comment, which begins with the marker.
    pub fn comment(&self, name: &str, commit: &str, url: Option<&str>) -> String {
        let link = url.map(|url| format!(" · [report]({url})")).unwrap_or_default();
        let body = match self {
            Self::Verified { facts, keyid } => {
                let signed = format!("Verified: run `{}` of commit `{commit}`, signed by `{keyid}`{link}.", facts.run);
                format!("{}\n{signed}\n", markdown::render(facts))
            }
            Self::Refused { reason } => format!(
                "## No result for this commit\n\nThere is no evidence that the tests of commit `{commit}` passed: {}{link}.\n",
                markdown::inline(reason, MAX_REASON)
            ),
        };
        format!("{}\n{body}", marker(name))
    }

    /// The status of the commit.
    pub fn status(&self, context: &str, url: Option<&str>) -> CommitStatus {
        let (passed, text) = match self {
            Self::Verified { facts, .. } => {
                let outcome = facts.outcome();
                let count = |verdict| {
                    let cases = facts.suites.iter().flat_map(|suite| &suite.cases);
                    cases.filter(|case| case.verdict == Some(verdict)).count()
                };
                let text = format!(
                    "{}: {} passed, {} failed, {} inconclusive",
                    outcome_name(outcome),
                    count(Verdict::Passed),
                    count(Verdict::Failed),
                    count(Verdict::Inconclusive)
                );
                (outcome == Outcome::Passed, text)
            }
            Self::Refused { reason } => (false, format!("no result: {reason}")),
        };
        let description = sanitize::one_line(&text, MAX_DESCRIPTION);
        CommitStatus { context: context.to_owned(), passed, description, url: url.map(str::to_owned) }
    }
}
