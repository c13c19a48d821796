//! Plain lines with the elapsed time, for CI logs.

use std::time::Instant;

use crate::lifecycle::RunEvent;
use crate::model::Verdict;
use crate::report::facts::{CaseFact, SuiteFact};
use crate::report::{clues, display};

/// Maximum number of log lines that are shown with a case.
const CLUES: usize = 4;

/// Formats events with the elapsed time.
pub struct Lines {
    began: Instant,
}

impl Lines {
    /// Starts the clock.
    pub fn new() -> Self {
        Self { began: Instant::now() }
    }

    /// The line of an event, if it has one.
    pub fn line(&self, event: &RunEvent) -> Option<String> {
        text(event).map(|t| format!("[{:>6.1}s] {t}", self.began.elapsed().as_secs_f32()))
    }
}

/// The text of an event: one line, or several for a failure. Pure.
pub fn text(event: &RunEvent) -> Option<String> {
    Some(match event {
        RunEvent::Engine { info } => format!("engine    {} {} at {}", info.product, info.version, info.endpoint),
        RunEvent::Pulling { reference, status } => format!("pull      {reference}: {status}"),
        RunEvent::Claimed { environment, run, taken_over: Some(taken), .. } => {
            format!("claim     {environment} for run {run}, taken over from {taken}")
        }
        RunEvent::Claimed { environment, run, replaced: None, .. } => format!("claim     {environment} for run {run}"),
        RunEvent::Claimed { environment, run, replaced: Some(old), .. } => {
            format!("claim     {environment} for run {run}, replacing run {old}")
        }
        RunEvent::UnitStarting { unit } => format!("start     {unit}"),
        RunEvent::UnitReady { unit, took_ms } => format!("ready     {unit} after {}", seconds(*took_ms)),
        RunEvent::UnitFailed { unit, reason, log } => failure(unit, reason, log),
        RunEvent::SuiteLine { suite, line } => format!("log       {suite} | {line}"),
        RunEvent::UnitStopped { unit } => format!("stop      {unit}"),
        RunEvent::UnitGone { unit, why } => format!("gone      {unit}: {why}"),
        RunEvent::UnitEnded { unit, code, oom_killed } => {
            let why = if *oom_killed { " (OOM-killed)" } else { "" };
            format!("ended     {unit} with exit code {code}{why}, without a suite stopping it")
        }
        RunEvent::Up { took_ms } => format!("up        every service is ready after {}", seconds(*took_ms)),
        RunEvent::SuiteStarted { suite } => format!("suite     {} began", suite.name),
        RunEvent::CaseDone { suite, case } => self::case(suite, case),
        RunEvent::SuiteDone { suite } => self::suite(suite),
        RunEvent::Cause { cause } => format!("result    {}", cause.text),
        RunEvent::Sealed { folder, statements, unsigned: true } => {
            format!("UNSIGNED  {statements} statements without a signature in {folder}")
        }
        RunEvent::Sealed { folder, statements, .. } => format!("signed    {statements} statements in {folder}"),
        RunEvent::Kept { reason } => format!("kept      {reason}"),
        RunEvent::Removing { environment } => format!("remove    {environment}"),
        RunEvent::Removed { residual, took_ms } if residual.is_empty() => {
            format!("removed   everything after {}", seconds(*took_ms))
        }
        RunEvent::Removed { residual, .. } => {
            let left: Vec<_> = residual.iter().map(|r| format!("\n            {}: {}", r.object, r.reason)).collect();
            format!("LEFT      {} object(s) could not be removed:{}", residual.len(), left.concat())
        }
        RunEvent::Gaps { .. }
        | RunEvent::Images { .. }
        | RunEvent::Prepared
        | RunEvent::Diagnostics { .. }
        | RunEvent::UnitWaiting { .. }
        | RunEvent::Running { .. } => return None,
    })
}

/// A failed unit with its reason and the end of its log.
pub fn failure(unit: &str, reason: &str, log: &[String]) -> String {
    let quoted: Vec<_> = log.iter().map(|l| format!("\n            | {l}")).collect();
    let log = if log.is_empty() { "\n            (it logged nothing)".to_owned() } else { quoted.concat() };
    format!("FAILED    {unit}: {reason}\n            the end of its log:{log}")
}

fn case(suite: &str, case: &CaseFact) -> String {
    let mark = match case.verdict {
        Some(Verdict::Passed) => "pass",
        Some(Verdict::Failed) => "FAIL",
        Some(Verdict::Inconclusive) => "UNSURE",
        None => "skip",
    };
    let flaky = if case.attempts > 1 { format!(" ({})", display::attempts(case)) } else { String::new() };
    let details: Vec<_> = case
        .failures
        .iter()
        .map(|f| {
            let at = f.source.as_ref().map(|s| format!(" ({s})")).unwrap_or_default();
            format!("\n            step:     {}{at}\n            expected: {}\n            got:      {}\n            waited:   {}", f.step, f.expected, f.got, seconds(f.waited_ms))
        })
        .collect();
    let (details, clues) = (details.concat(), clues(case));
    format!("{mark:<9} {suite} {} {} {}{flaky}{details}{clues}", case.id, case.name, seconds(case.took_ms))
}

/// The likely cause, and the most telling lines.
fn clues(case: &CaseFact) -> String {
    let likely = clues::likely_cause(&case.clues).map(|text| format!("\n            likely:   {text}"));
    let lines = clues::lines(&case.clues).into_iter().take(CLUES).map(|line| format!("\n            | {line}"));
    likely.into_iter().chain(lines).collect()
}

fn suite(suite: &SuiteFact) -> String {
    let count = |v| suite.cases.iter().filter(|c| c.verdict == Some(v)).count();
    let reason = suite.reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default();
    format!(
        "suite     {} {}: {} passed, {} failed, {} inconclusive{reason}",
        suite.name,
        suite.verdict.map_or("unfinished", Verdict::word),
        count(Verdict::Passed),
        count(Verdict::Failed),
        count(Verdict::Inconclusive)
    )
}

/// Milliseconds as seconds with one decimal.
pub fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_reason_and_the_log_of_a_failed_unit() {
        let told = text(&RunEvent::UnitFailed {
            unit: "api".into(),
            reason: "its process ended with exit code 3".into(),
            log: vec!["boom".into()],
        });
        assert_eq!(
            told.unwrap(),
            "FAILED    api: its process ended with exit code 3\n            the end of its log:\n            | boom"
        );
    }

    #[test]
    fn names_residual_objects() {
        let residual = vec![crate::engine::Residual { object: "network x".into(), reason: "in use".into() }];
        assert!(text(&RunEvent::Removed { residual, took_ms: 1 }).unwrap().contains("network x: in use"));
    }
}
