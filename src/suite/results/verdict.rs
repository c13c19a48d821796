//! Derives the verdict of a container suite. A pass needs exit code 0, results that were read completely, and at least one
//! test that ran and passed.

use super::files::SuiteResults;
use crate::engine::SuiteExit;
use crate::model::Verdict;
use crate::report::facts::{CaseFact, CaseFailure};
use crate::spec::model::VerdictSource;

type VerdictAndReason = (Verdict, Option<String>);

/// The verdict of a container suite and, unless it is simply the worst of its cases, the reason.
///
/// The user declares time and memory limits, so exceeding one fails the suite. Lost or unreadable results make it
/// inconclusive, unless a test failed.
pub fn verdict(exit: &SuiteExit, source: VerdictSource, results: &SuiteResults) -> VerdictAndReason {
    if let Some(limit) = exceeded_limit(exit) {
        return (Verdict::Failed, Some(limit));
    }
    let Some(code) = exit.code else {
        return inconclusive("the exit code is unknown: the engine reported none");
    };
    match source {
        VerdictSource::ExitCode if code == 0 => (Verdict::Passed, None),
        VerdictSource::ExitCode => (Verdict::Failed, Some(format!("the suite exited with code {code}"))),
        _ => by_results(code, source, &exit.lost, results),
    }
}

/// The single case of a suite judged by its exit code; a failure shows the end of the log.
pub fn exit_code_case(suite: &str, exit: &SuiteExit, took_ms: u64) -> CaseFact {
    let (verdict, reason) = verdict(exit, VerdictSource::ExitCode, &SuiteResults::default());
    let failures = reason.map(|reason| CaseFailure {
        step: "run the suite".into(),
        expected: "exit code 0".into(),
        got: [reason.as_str(), last_lines(&exit.log, 20)].join("\n").trim_end().to_owned(),
        waited_ms: took_ms,
        source: None,
    });
    CaseFact {
        id: "exit-code".into(),
        name: format!("{suite} exits with 0"),
        verdict: Some(verdict),
        started: None,
        took_ms,
        attempts: 1,
        failed_attempts: u8::from(verdict == Verdict::Failed),
        failures: failures.into_iter().collect(),
        steps: vec![],
        controls: vec![],
        source: None,
        clues: Default::default(),
    }
}

fn exceeded_limit(exit: &SuiteExit) -> Option<String> {
    if exit.timed_out {
        return Some("the suite exceeded its time limit and was stopped; raise its `timeout` or make it faster".into());
    }
    exit.oom_killed.then(|| "the suite was OOM-killed; raise its `resources.memory`".into())
}

fn by_results(code: i64, source: VerdictSource, lost: &[String], results: &SuiteResults) -> VerdictAndReason {
    let ended = if code == 0 { String::new() } else { format!("; the suite exited with code {code}") };
    let count = |verdict| results.cases.iter().filter(|c| c.verdict == verdict).count();
    if count(Some(Verdict::Failed)) > 0 {
        // Scanners usually exit with 0 whatever they find.
        let odd = code == 0 && !source.is_scan();
        return (Verdict::Failed, odd.then(|| "the suite exited with code 0 although a test failed".into()));
    }
    if let Some((file, why)) = results.unreadable.first() {
        let more = if results.unreadable.len() > 1 {
            format!(" (and {} more files)", results.unreadable.len() - 1)
        } else {
            String::new()
        };
        return inconclusive(&format!("unreadable results: {file}: {why}{more}{ended}"));
    }
    if let Some(lost) = lost.first() {
        return inconclusive(&format!("results were lost: {lost}{ended}"));
    }
    if results.cases.is_empty() {
        let ignored = results.ignored.first().map(|i| format!(" (ignored {i})")).unwrap_or_default();
        return inconclusive(&format!("no test results found{ignored}{ended}"));
    }
    if count(None) == results.cases.len() {
        return inconclusive(&format!("every test was skipped{ended}"));
    }
    if count(Some(Verdict::Inconclusive)) > 0 {
        return inconclusive(&format!("a test could not be judged{ended}"));
    }
    match code {
        0 => (Verdict::Passed, None),
        _ if source.is_scan() => {
            (Verdict::Failed, Some(format!("no finding reaches `failOn`, but the suite exited with code {code}")))
        }
        _ => (Verdict::Failed, Some(format!("every test that ran passed, but the suite exited with code {code}"))),
    }
}

fn inconclusive(why: &str) -> VerdictAndReason {
    (Verdict::Inconclusive, Some(why.to_owned()))
}

fn last_lines(log: &str, lines: usize) -> &str {
    let end = log.trim_end();
    let from = end.rmatch_indices('\n').nth(lines - 1).map_or(0, |(at, _)| at + 1);
    &end[from..]
}
