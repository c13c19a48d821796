//! Plain lines with the elapsed time, for CI logs.

use std::time::Instant;

use crate::lifecycle::Notice;
use crate::model::Verdict;
use crate::report::facts::{CaseFact, SuiteFact};

/// Turns notices into lines.
pub struct Lines {
    began: Instant,
}

impl Lines {
    /// The clock starts now.
    pub fn new() -> Self {
        Self { began: Instant::now() }
    }

    /// The line for a notice; none for those that would only repeat.
    pub fn take(&mut self, notice: &Notice) -> Option<String> {
        text(notice).map(|t| format!("[{:>6.1}s] {t}", self.began.elapsed().as_secs_f32()))
    }
}

/// A notice in one line (a failure in several). Pure.
pub fn text(notice: &Notice) -> Option<String> {
    Some(match notice {
        Notice::Engine { info } => format!("engine    {} {} at {}", info.product, info.version, info.endpoint),
        Notice::Pulling { reference, status } => format!("pull      {reference}: {status}"),
        Notice::Claimed { environment, run, replaced: None } => format!("claim     {environment} for run {run}"),
        Notice::Claimed { environment, run, replaced: Some(old) } => {
            format!("claim     {environment} for run {run}, replacing run {old}")
        }
        Notice::UnitStarting { unit } => format!("start     {unit}"),
        Notice::UnitReady { unit, took_ms } => format!("ready     {unit} after {}", seconds(*took_ms)),
        Notice::UnitFailed { unit, reason, log } => failure(unit, reason, log),
        Notice::SuiteLine { suite, line } => format!("log       {suite} | {line}"),
        Notice::UnitStopped { unit } => format!("stop      {unit}"),
        Notice::UnitEnded { unit, code, oom_killed } => {
            let why = if *oom_killed { " for want of memory" } else { "" };
            format!("ended     {unit} with exit code {code}{why}, and no suite had stopped it")
        }
        Notice::Up { took_ms } => format!("up        every service is ready after {}", seconds(*took_ms)),
        Notice::SuiteStarted { suite } => format!("suite     {} began", suite.name),
        Notice::CaseDone { suite, case } => self::case(suite, case),
        Notice::SuiteDone { suite } => self::suite(suite),
        Notice::Cause { cause } => format!("result    {}", cause.text),
        Notice::Sealed { folder, statements } => format!("signed    {statements} statements in {folder}"),
        Notice::Kept { reason } => format!("kept      {reason}"),
        Notice::Removing { environment } => format!("remove    {environment}"),
        Notice::Removed { residual, took_ms } if residual.is_empty() => {
            format!("removed   everything after {}", seconds(*took_ms))
        }
        Notice::Removed { residual, .. } => {
            let left: Vec<_> = residual.iter().map(|r| format!("\n            {}: {}", r.object, r.reason)).collect();
            format!("LEFT      {} object(s) could not be removed:{}", residual.len(), left.concat())
        }
        Notice::Gaps { .. }
        | Notice::Images { .. }
        | Notice::Prepared
        | Notice::Traces { .. }
        | Notice::UnitWaiting { .. }
        | Notice::Running { .. } => return None,
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
    let flaky = if case.attempts > 1 { format!(" ({} attempts)", case.attempts) } else { String::new() };
    let details: Vec<_> = case
        .failures
        .iter()
        .map(|f| {
            let at = f.source.as_ref().map(|s| format!(" ({s})")).unwrap_or_default();
            format!("\n            step:     {}{at}\n            expected: {}\n            got:      {}\n            waited:   {}", f.step, f.expected, f.got, seconds(f.waited_ms))
        })
        .collect();
    format!("{mark:<9} {suite} {} {} {}{flaky}{}", case.id, case.name, seconds(case.took_ms), details.concat())
}

fn suite(suite: &SuiteFact) -> String {
    let count = |v| suite.cases.iter().filter(|c| c.verdict == Some(v)).count();
    let reason = suite.reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default();
    format!(
        "suite     {} {}: {} passed, {} failed, {} inconclusive{reason}",
        suite.name,
        suite.verdict.map_or("unjudged", Verdict::word),
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
    fn a_failed_unit_is_told_with_its_reason_and_its_log() {
        let told = text(&Notice::UnitFailed {
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
    fn residual_objects_are_named() {
        let residual = vec![crate::engine::Residual { object: "network x".into(), reason: "in use".into() }];
        assert!(text(&Notice::Removed { residual, took_ms: 1 }).unwrap().contains("network x: in use"));
    }
}
