//! The list of open pull requests, and the environments that it covers. Pure.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::lease::Lease;
use crate::model::Repository;

/// A list of open pull requests.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenPullRequests {
    /// Numbers of the open pull requests.
    pub numbers: BTreeSet<u32>,
    /// When the list was made.
    pub made: Timestamp,
    /// Repository of the pull requests, if known.
    pub repository: Option<Repository>,
    /// The user selected descriptions, and so vouches that they belong to the repository.
    pub by_description: bool,
    /// Origin of the list.
    pub source: String,
}

/// State of an environment's pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullRequestState {
    /// Open.
    Open,
    /// Closed; explanation.
    Closed(String),
    /// The list does not cover it; why.
    Unknown(String),
}

/// Parses one number a line, with an optional `#` before it. Skips empty lines and comments; anything else is an error.
pub fn parse(text: &str) -> Result<BTreeSet<u32>, String> {
    let lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    let numbers = lines.filter_map(|(n, line)| number(line).map(|r| r.map_err(|e| format!("line {}: {e}", n + 1))));
    numbers.collect()
}

fn number(line: &str) -> Option<Result<u32, String>> {
    let line = line.trim();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let bare = line.strip_prefix('#').map_or(line, str::trim_start);
    let (first, rest) = bare.split_once(char::is_whitespace).unwrap_or((bare, ""));
    let remark = rest.trim_start();
    // `# 12` is ambiguous; read as an open pull request, it removes nothing.
    let is_number = digits(first) && (remark.is_empty() || (remark.starts_with('#') && !line.starts_with("# ")));
    if line.is_empty() || (line.starts_with('#') && !is_number) {
        return None;
    }
    let shown: String = line.chars().filter(|c| !c.is_control()).take(40).collect();
    let fault = || format!("{shown:?} is not the number of a pull request");
    Some(if is_number { first.parse().ok().filter(|n| *n > 0).ok_or_else(fault) } else { Err(fault()) })
}

impl OpenPullRequests {
    /// The state of the pull request of this lease.
    pub fn state_of(&self, lease: &Lease) -> PullRequestState {
        let unknown =
            |why: String| PullRequestState::Unknown(format!("the list of open pull requests does not cover it: {why}"));
        match (&lease.repository, &self.repository) {
            (None, _) if self.by_description => {}
            (Some(_), None) if self.by_description => {}
            (None, _) => {
                return unknown(
                    "its repository is unknown (`up` and `run` take it from the CI job or --repository)".into(),
                );
            }
            (Some(of), Some(listed)) if Repository::parse(of).is_some_and(|of| of.is(listed)) => {}
            (Some(of), Some(listed)) => return unknown(format!("it belongs to {of}, the list to {listed}")),
            (Some(of), None) => {
                return unknown(format!("it belongs to {of}, and the list names no repository"));
            }
        }
        let pr = lease.plan.pr;
        if self.numbers.contains(&pr) {
            return PullRequestState::Open;
        }
        if lease.created >= self.made {
            return unknown(format!("it was created after the list ({})", whole_seconds(self.made)));
        }
        PullRequestState::Closed(format!(
            "pull request {pr} is not open ({}, as of {})",
            self.source,
            whole_seconds(self.made)
        ))
    }
}

/// Truncates to seconds, for display.
pub fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_numbers_comments_and_empty_lines() {
        let text = "\u{feff}# open pull requests\n12\n\n  #7\r\n8 # the slow one\n# 12 of them\n# 9\n#10\n12\n#\n";
        assert_eq!(parse(text), Ok(BTreeSet::from([7, 8, 9, 10, 12])));
        assert_eq!(parse(""), Ok(BTreeSet::new()));
    }

    #[test]
    fn refuses_anything_else_and_names_the_line() {
        for bad in ["12 13", "12,13", "x", "-1", "0", "4294967296", "12 open", "[12]", "<html>", "1.0"] {
            let said = parse(&format!("# ok\n7\n{bad}\n")).unwrap_err();
            assert!(said.starts_with("line 3: ") && said.contains("not the number"), "{said}");
        }
    }
}
