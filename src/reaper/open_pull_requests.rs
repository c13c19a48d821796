//! The list of open pull requests, and of which environments it speaks. Pure.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::repository::Repository;
use crate::lease::Lease;

/// Which pull requests are open.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenPullRequests {
    /// Their numbers.
    pub numbers: BTreeSet<u32>,
    /// When this was so.
    pub made: Timestamp,
    /// The repository whose numbers these are, where known.
    pub repository: Option<Repository>,
    /// Only environments of some descriptions are looked at, which are known to be of that repository.
    pub by_description: bool,
    /// Where it comes from.
    pub source: String,
}

/// What a list says of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullRequestState {
    /// Its pull request is open.
    Open,
    /// It is not, in a sentence.
    Closed(String),
    /// It cannot know, in a sentence.
    Unknown(String),
}

/// Reads one number a line. A `#` may stand before it; empty lines and comments are skipped, anything else is a fault.
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
    // `# 12` may be meant either way: that it is open is the one that removes nothing.
    let is_number = digits(first) && (remark.is_empty() || (remark.starts_with('#') && !line.starts_with("# ")));
    if line.is_empty() || (line.starts_with('#') && !is_number) {
        return None;
    }
    let shown: String = line.chars().filter(|c| !c.is_control()).take(40).collect();
    let fault = || format!("{shown:?} is no number of a pull request");
    Some(if is_number { first.parse().ok().filter(|n| *n > 0).ok_or_else(fault) } else { Err(fault()) })
}

impl OpenPullRequests {
    /// What it says of the environment of this lease.
    pub fn state_of(&self, lease: &Lease) -> PullRequestState {
        let nothing = |why: String| {
            PullRequestState::Unknown(format!("the list of open pull requests does not speak of it: {why}"))
        };
        match (&lease.repository, &self.repository) {
            (None, _) if self.by_description => {}
            (Some(_), None) if self.by_description => {}
            (None, _) => {
                return nothing(
                    "its repository is not known (`up` and `run` take it from the job, or --repository)".into(),
                );
            }
            (Some(of), Some(listed)) if Repository::parse(of).is_some_and(|of| of.is(listed)) => {}
            (Some(of), Some(listed)) => return nothing(format!("it is of {of}, and the list is of {listed}")),
            (Some(of), None) => {
                return nothing(format!("it is of {of}, and the list does not say of which repository it is"));
            }
        }
        let pr = lease.plan.pr;
        if self.numbers.contains(&pr) {
            return PullRequestState::Open;
        }
        if lease.created >= self.made {
            return nothing(format!("it was made after the list ({})", whole_seconds(self.made)));
        }
        PullRequestState::Closed(format!(
            "pull request {pr} is not open ({}, as of {})",
            self.source,
            whole_seconds(self.made)
        ))
    }
}

/// To the second, as people read it.
pub fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_comments_and_empty_lines_are_a_list() {
        let text = "\u{feff}# open pull requests\n12\n\n  #7\r\n8 # the slow one\n# 12 of them\n# 9\n#10\n12\n#\n";
        assert_eq!(parse(text), Ok(BTreeSet::from([7, 8, 9, 10, 12])));
        assert_eq!(parse(""), Ok(BTreeSet::new()));
    }

    #[test]
    fn anything_else_makes_it_no_list_and_says_where() {
        for bad in ["12 13", "12,13", "x", "-1", "0", "4294967296", "12 open", "[12]", "<html>", "1.0"] {
            let said = parse(&format!("# ok\n7\n{bad}\n")).unwrap_err();
            assert!(said.starts_with("line 3: ") && said.contains("no number"), "{said}");
        }
    }
}
