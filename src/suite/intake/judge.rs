//! From the end of a container suite and its results to a verdict. A pass needs an ordinary end with exit code 0,
//! results that were read whole, and at least one test that ran and passed.

use super::Intake;
use crate::engine::SuiteExit;
use crate::model::Verdict;
use crate::report::facts::{CaseFact, CaseFailure};
use crate::spec::suite_model::VerdictSource;

type Judged = (Verdict, Option<String>);

/// The verdict of a container suite and, where it is not simply the worst of its cases, the reason.
///
/// Time and memory limits are declared by the user: exceeding one is a failure of the suite, not a doubt about it,
/// and trying again would not help. What was lost or cannot be read is a doubt: inconclusive, unless a test failed.
pub fn judge(exit: &SuiteExit, source: VerdictSource, intake: &Intake) -> Judged {
    if let Some(limit) = limit(exit) {
        return (Verdict::Failed, Some(limit));
    }
    let Some(code) = exit.code else {
        return inconclusive("how the suite ended is not known: the engine reported no exit code");
    };
    match source {
        VerdictSource::ExitCode if code == 0 => (Verdict::Passed, None),
        VerdictSource::ExitCode => (Verdict::Failed, Some(format!("the suite exited with {code}"))),
        VerdictSource::Junit => by_results(code, &exit.lost, intake),
    }
}

/// The one case of a suite that is judged by its exit code; the end of its log is what came.
pub fn exit_code_case(suite: &str, exit: &SuiteExit, took_ms: u64) -> CaseFact {
    let (verdict, reason) = judge(exit, VerdictSource::ExitCode, &Intake::default());
    let failures = reason.map(|reason| CaseFailure {
        step: "run the suite to its end".into(),
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
        failures: failures.into_iter().collect(),
        steps: vec![],
        controls: vec![],
        source: None,
    }
}

fn limit(exit: &SuiteExit) -> Option<String> {
    if exit.timed_out {
        return Some("time limit: the suite was stopped before it ended; raise its `timeout` or make it faster".into());
    }
    exit.oom_killed
        .then(|| "memory limit: the suite was killed for want of memory; raise its `resources.memory`".into())
}

fn by_results(code: i64, lost: &[String], intake: &Intake) -> Judged {
    let ended = if code == 0 { String::new() } else { format!("; the suite exited with {code}") };
    let count = |verdict| intake.cases.iter().filter(|c| c.verdict == verdict).count();
    if count(Some(Verdict::Failed)) > 0 {
        return (Verdict::Failed, (code == 0).then(|| "the suite exited with 0 although a test failed".into()));
    }
    if let Some((file, why)) = intake.unreadable.first() {
        let more = if intake.unreadable.len() > 1 {
            format!(" (and {} more files)", intake.unreadable.len() - 1)
        } else {
            String::new()
        };
        return inconclusive(&format!("the results cannot be relied on: {file}: {why}{more}{ended}"));
    }
    if let Some(lost) = lost.first() {
        return inconclusive(&format!("results were lost: {lost}{ended}"));
    }
    if intake.cases.is_empty() {
        return inconclusive(&format!("no test was found in the results folder{ended}"));
    }
    if count(None) == intake.cases.len() {
        return inconclusive(&format!("every test was skipped{ended}"));
    }
    if count(Some(Verdict::Inconclusive)) > 0 {
        return inconclusive(&format!("a test could not be judged{ended}"));
    }
    match code {
        0 => (Verdict::Passed, None),
        _ => (Verdict::Failed, Some(format!("every test that ran passed, but the suite exited with {code}"))),
    }
}

fn inconclusive(why: &str) -> Judged {
    (Verdict::Inconclusive, Some(why.to_owned()))
}

fn last_lines(log: &str, lines: usize) -> &str {
    let end = log.trim_end();
    let from = end.rmatch_indices('\n').nth(lines - 1).map_or(0, |(at, _)| at + 1);
    &end[from..]
}
