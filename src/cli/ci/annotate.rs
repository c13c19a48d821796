//! Annotations in the log of a job: GitHub's workflow commands, GitLab's collapsed sections. Pure.
//!
//! Both are lines in the same stream as everything else, so hostile text must not be able to form one.

use super::system::CiSystem;
use crate::model::{Verdict, sanitize};
use crate::report::facts::{CaseFact, Cause, CauseKind, Facts, SuiteFact};
use crate::report::{Format, counts, display, render};

/// Maximum number of annotations of a kind: GitHub shows ten errors and ten warnings a step.
const MAX_ANNOTATIONS: usize = 10;

/// Renders annotations for the log of a job.
pub fn annotations(facts: &Facts, ci: CiSystem) -> String {
    match ci {
        CiSystem::GitHub => github(facts),
        CiSystem::GitLab => gitlab(facts),
    }
}

fn github(facts: &Facts) -> String {
    let cases = |verdict| {
        counts::unsuccessful(&facts.suites).filter(move |(_, c)| c.verdict == Some(verdict)).take(MAX_ANNOTATIONS)
    };
    let failed = cases(Verdict::Failed).map(|(s, c)| case_annotation("error", s, c));
    let unsure = cases(Verdict::Inconclusive).map(|(s, c)| case_annotation("warning", s, c));
    let suites = facts.suites.iter().filter_map(suite_annotation).take(MAX_ANNOTATIONS);
    let causes = facts.causes.iter().filter_map(|c| cause_annotation(facts, c)).take(MAX_ANNOTATIONS);
    let out: String = causes.chain(suites).chain(failed).chain(unsure).collect();
    if out.is_empty() && display::outcome(facts) != "PASSED" {
        let text = facts.causes.first().map_or("the run ended without a verdict", |c| c.text.as_str());
        return command("error", None, &heading(facts), text);
    }
    out
}

fn heading(facts: &Facts) -> String {
    format!("{} {}", display::outcome(facts), facts.environment)
}

/// Annotates a cause that no suite or case shows.
fn cause_annotation(facts: &Facts, cause: &Cause) -> Option<String> {
    let level = match cause.kind {
        kind if kind.is_of_suite() => return None,
        CauseKind::Interrupted | CauseKind::Superseded => "warning",
        _ => "error",
    };
    Some(command(level, None, &heading(facts), &format!("{}: {}", display::cause(cause.kind), cause.text)))
}

/// Annotates a suite that has its own reason for not passing.
fn suite_annotation(suite: &SuiteFact) -> Option<String> {
    let level = match suite.verdict {
        Some(Verdict::Passed) | None => return None,
        Some(Verdict::Failed) => "error",
        Some(Verdict::Inconclusive) => "warning",
    };
    let title = format!("{} {}", suite.name, display::suite_verdict(suite));
    Some(command(level, suite.source.as_deref(), &title, suite.reason.as_deref()?))
}

fn case_annotation(level: &str, suite: &SuiteFact, case: &CaseFact) -> String {
    let failure = case.failures.first();
    let source = failure.and_then(|f| f.source.as_ref()).or(case.source.as_ref()).or(suite.source.as_ref());
    let text = failure.map_or("no details available".to_owned(), |f| {
        let waited = display::waited(f).map_or(String::new(), |waited| format!("\nwaited: {waited}"));
        format!("{}\nexpected: {}\ngot: {}{waited}", f.step, f.expected, f.got)
    });
    command(level, source.map(String::as_str), &format!("{} / {}", suite.name, display::case_title(case)), &text)
}

fn command(level: &str, source: Option<&str>, title: &str, text: &str) -> String {
    let location = source.map(location).unwrap_or_default();
    format!(
        "::{level} {location}title={}::{}\n",
        escape_property(&sanitize::one_line(title, 200)),
        escape_message(&sanitize::block(text, 2000))
    )
}

/// Renders `path:line` as `file=…,line=…,`.
fn location(source: &str) -> String {
    let source = sanitize::one_line(source, 400);
    match source.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse::<u32>().ok()?))) {
        Some((file, line)) => format!("file={},line={line},", escape_property(file)),
        None => format!("file={},", escape_property(&source)),
    }
}

/// Escapes the message of a command.
fn escape_message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A").replace("##[", "## [")
}

/// Escapes a property of a command, where commas and colons are separators.
fn escape_property(text: &str) -> String {
    escape_message(text).replace(':', "%3A").replace(',', "%2C")
}

/// A collapsed section with the whole text report. Its times come from the facts, so that equal facts give equal text.
fn gitlab(facts: &Facts) -> String {
    let (from, to) = (facts.started.as_second(), facts.finished.unwrap_or(facts.started).as_second());
    let title = format!("dayfly: {} {}", display::outcome(facts), sanitize::one_line(&facts.environment, 120));
    let text = render(facts, Format::Text, false).unwrap_or_default();
    format!(
        "\x1b[0Ksection_start:{from}:dayfly_report[collapsed=true]\r\x1b[0K{title}\n{text}\x1b[0Ksection_end:{to}:dayfly_report\r\x1b[0K\n"
    )
}
