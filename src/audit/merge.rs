//! Which changes of the main branch have a record. Pure.

use serde::Serialize;

use super::collect::{Collected, Record};
use crate::base::Commit;
use crate::evidence::verify::VerifiedRun;
use crate::model::Repository;

/// How a change is known to have been tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Proof {
    /// A run tested this commit, or the head that it merges.
    Commit,
    /// Its message names a pull request that a run tested: nothing proves that it is the same content.
    Number,
    /// No run of the period tested it.
    None,
}

/// A change of the main branch, and its records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Commit on the main branch.
    pub commit: String,
    /// When it was committed, as its committer says.
    pub on: String,
    /// Author.
    pub author: String,
    /// First line of its message.
    pub subject: String,
    /// How it is known to have been tested.
    pub record: Proof,
    /// The latest of these runs passed.
    pub passed: bool,
    /// Ids of its runs.
    pub runs: Vec<String>,
}

impl Change {
    /// Returns true if a run of exactly this change passed last.
    pub fn is_recorded(&self) -> bool {
        self.record == Proof::Commit && self.passed
    }
}

/// The changes of the main branch with their runs, of one repository if it is known.
pub fn changes(commits: &[Commit], collected: &Collected, repository: Option<&Repository>) -> Vec<Change> {
    let of_repository = |run: &&Record<Box<VerifiedRun>>| {
        let named = run.content.run.context.repo.as_ref().and_then(|repo| Repository::parse(&repo.uri));
        repository.is_none_or(|wanted| named.is_some_and(|named| named.is(wanted)))
    };
    let runs: Vec<_> = collected.runs.iter().filter(of_repository).collect();
    commits.iter().map(|commit| change(commit, &runs)).collect()
}

fn change(commit: &Commit, runs: &[&Record<Box<VerifiedRun>>]) -> Change {
    // The first parent is the main branch before the change.
    let heads: Vec<&String> = std::iter::once(&commit.id).chain(commit.parents.iter().skip(1)).collect();
    let tested = |run: &&&Record<Box<VerifiedRun>>| {
        let head = &run.content.run.context.pr.head_sha;
        heads.iter().any(|h| h.eq_ignore_ascii_case(head))
    };
    let number = pull_request(&commit.subject);
    let of_number = |run: &&&Record<Box<VerifiedRun>>| Some(run.content.run.context.pr.number) == number;
    let mut found: Vec<_> = runs.iter().filter(tested).collect();
    let mut record = Proof::Commit;
    if found.is_empty() {
        found = runs.iter().filter(of_number).collect();
        record = Proof::Number;
    }
    if found.is_empty() {
        record = Proof::None;
    }
    let last = found.last().map(|run| run.content.run.outcome);
    Change {
        commit: commit.id.clone(),
        on: commit.on.clone(),
        author: commit.author.clone(),
        subject: commit.subject.clone(),
        record,
        passed: last == Some(crate::model::Outcome::Passed),
        runs: found.iter().map(|run| run.content.run.context.run_id.to_string()).collect(),
    }
}

/// The pull request that a message names: `(#12)` at its end, or `Merge pull request #12`.
fn pull_request(subject: &str) -> Option<u32> {
    let number = |text: &str| {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    if let Some(rest) = subject.strip_prefix("Merge pull request #") {
        return number(rest);
    }
    let (_, rest) = subject.trim_end().strip_suffix(')')?.rsplit_once("(#")?;
    if rest.chars().all(|c| c.is_ascii_digit()) { number(rest) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_pull_request_of_a_message() {
        assert_eq!(pull_request("Merge pull request #12 from team/branch"), Some(12));
        assert_eq!(pull_request("Add a queue (#7)"), Some(7));
        assert_eq!(pull_request("Add a queue (#7) again"), None);
        assert_eq!(pull_request("Fix #7"), None);
        assert_eq!(pull_request("Add (#x)"), None);
    }
}
