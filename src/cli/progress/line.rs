//! The line of an event, with the details of a failure below it. Pure.

use anstyle::{AnsiColor, Style};

use crate::engine::UNKNOWN_CODE;
use crate::lifecycle::RunEvent;
use crate::model::{Verdict, sanitize};
use crate::plan::changes::Changes;
use crate::report::facts::{CaseFact, SuiteFact};
use crate::report::{CaseCounts, display, text, time, told};

/// Columns before the details of a line.
const INDENT: usize = 12;

/// What a line says of what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Neither good nor bad.
    Plain,
    Good,
    Bad,
    Unsure,
}

/// The line of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub tone: Tone,
    /// One word.
    pub word: &'static str,
    pub text: String,
    /// Labelled texts below it, of one line or several. A line of a log has the label `|`.
    pub details: Vec<(&'static str, String)>,
}

impl Line {
    fn new(tone: Tone, word: &'static str, text: impl Into<String>) -> Self {
        Self { tone, word, text: text.into(), details: vec![] }
    }

    fn with(self, details: Vec<(&'static str, String)>) -> Self {
        Self { details, ..self }
    }

    /// The line without characters that control a terminal: for styles of dayfly's own.
    pub fn inert(self) -> Self {
        let details = self.details.into_iter().map(|(label, text)| (label, sanitize::inert(&text))).collect();
        Self { text: sanitize::inert(&self.text), details, ..self }
    }

    /// The line with the time since the beginning, for a log.
    pub fn timed(&self, since: std::time::Duration) -> String {
        format!("[{:>6.1}s] {:<9} {}\n{}", since.as_secs_f32(), self.word, self.body(), self.below(false))
    }

    /// The line with a mark, for a terminal.
    pub fn marked(&self, colour: bool) -> String {
        let (mark, style) = match self.tone {
            Tone::Plain => (' ', Style::new()),
            Tone::Good => ('✓', AnsiColor::Green.on_default()),
            Tone::Bad => ('✗', AnsiColor::Red.on_default().bold()),
            Tone::Unsure => ('?', AnsiColor::Yellow.on_default().bold()),
        };
        let head = painted(&format!("{mark} {:<9}", self.word), style, colour && self.tone != Tone::Plain);
        format!("{head} {}\n{}", self.body(), self.below(colour))
    }

    /// The text, with its further lines below its first.
    fn body(&self) -> String {
        self.text.replace('\n', &format!("\n{:INDENT$}", ""))
    }

    fn below(&self, colour: bool) -> String {
        let mut out = String::new();
        for (label, text) in &self.details {
            let label = match *label {
                "" => String::new(),
                "|" => "| ".to_owned(),
                label => format!("{label:<9} "),
            };
            let more = format!("\n{:INDENT$}{:width$}", "", "", width = label.len());
            let label = painted(&label, Style::new().dimmed(), colour && !label.is_empty());
            out.push_str(&format!("{:INDENT$}{label}{}\n", "", text.replace('\n', &more)));
        }
        out
    }
}

fn painted(text: &str, style: Style, colour: bool) -> String {
    if colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// The line of an event, if it has one. What begins and what goes on has one in a log only, where no row shows it.
pub fn line(event: &RunEvent) -> Option<Line> {
    use Tone::{Bad, Good, Plain, Unsure};
    Some(match event {
        RunEvent::Engine { info } => {
            Line::new(Plain, "engine", format!("{} {} at {}", info.product, info.version, info.endpoint))
        }
        RunEvent::Pulling { reference, status } => Line::new(Plain, "pull", format!("{reference}: {status}")),
        RunEvent::Update { changes } => update(changes),
        RunEvent::Claimed { environment, run, replaced, taken_over } => {
            let from = match (taken_over, replaced) {
                (Some(taken), _) => format!(", taken over from {taken}"),
                (None, Some(old)) => format!(", replacing run {old}"),
                (None, None) => String::new(),
            };
            Line::new(Plain, "claim", format!("{environment} for run {run}{from}"))
        }
        RunEvent::UnitStarting { unit } => Line::new(Plain, "start", unit),
        RunEvent::UnitReady { unit, took_ms } => {
            Line::new(Good, "ready", format!("{unit} after {}", time::duration(*took_ms)))
        }
        RunEvent::UnitFailed { unit, reason, log } => {
            Line::new(Bad, "FAILED", format!("{unit}: {reason}")).with(log_details(log))
        }
        RunEvent::UnitStopped { unit } => Line::new(Plain, "stop", unit),
        RunEvent::UnitEnded { unit, code, oom_killed } => {
            let how = match (oom_killed, *code) {
                (true, code) => format!(" with exit code {code} (OOM-killed)"),
                (false, UNKNOWN_CODE) => String::new(),
                (false, code) => format!(" with exit code {code}"),
            };
            Line::new(Unsure, "ended", format!("{unit}{how}, without a suite stopping it"))
        }
        RunEvent::UnitGone { unit, why } => Line::new(Unsure, "gone", format!("{unit}: {why}")),
        RunEvent::Up { took_ms } => {
            Line::new(Good, "up", format!("every service is ready after {}", time::duration(*took_ms)))
        }
        RunEvent::SuiteStarted { suite } => Line::new(Plain, "suite", format!("{} began", suite.name)),
        RunEvent::SuiteLine { suite, line } => Line::new(Plain, "log", format!("{suite} | {line}")),
        RunEvent::CaseDone { suite, case } => self::case(suite, case),
        RunEvent::SuiteDone { suite } => self::suite(suite),
        RunEvent::Cause { cause } => {
            Line::new(Bad, "result", format!("{}: {}", display::cause(cause.kind), cause.text))
        }
        RunEvent::Sealed { folder, statements, unsigned: true } => {
            Line::new(Unsure, "UNSIGNED", format!("{statements} statements without a signature in {folder}"))
        }
        RunEvent::Sealed { folder, statements, .. } => {
            Line::new(Plain, "signed", format!("{statements} statements in {folder}"))
        }
        RunEvent::Kept { reason } => Line::new(Plain, "kept", reason),
        RunEvent::Removing { environment } => Line::new(Plain, "remove", environment),
        RunEvent::Removed { residual, took_ms } if residual.is_empty() => {
            Line::new(Plain, "removed", format!("everything after {}", time::duration(*took_ms)))
        }
        RunEvent::Removed { residual, .. } => {
            let left = residual.iter().map(|r| ("", format!("{}: {}", r.object, r.reason))).collect();
            Line::new(Bad, "LEFT", format!("{} object(s) could not be removed:", residual.len())).with(left)
        }
        RunEvent::Gaps { .. }
        | RunEvent::Images { .. }
        | RunEvent::Prepared
        | RunEvent::Diagnostics { .. }
        | RunEvent::UnitWaiting { .. }
        | RunEvent::CaseStarted { .. }
        | RunEvent::StepStarted { .. }
        | RunEvent::Running { .. } => return None,
    })
}

/// What an update changes, a line for each unit.
fn update(changes: &Changes) -> Line {
    let (lines, kept) = changes.lines();
    if lines.is_empty() {
        return Line::new(Tone::Good, "update", "nothing differs: every service stays as it is");
    }
    let tone = if changes.loses() { Tone::Unsure } else { Tone::Plain };
    let lost = if changes.loses() { "; data is lost" } else { "" };
    Line::new(tone, "update", format!("{kept} unit(s) stay as they are{lost}")).with(lines)
}

/// Returns true if a row of the live tree shows the event.
pub fn has_row(event: &RunEvent) -> bool {
    matches!(
        event,
        RunEvent::Pulling { .. }
            | RunEvent::UnitStarting { .. }
            | RunEvent::SuiteStarted { .. }
            | RunEvent::SuiteLine { .. }
            | RunEvent::Removing { .. }
    )
}

/// The end of a log, as details.
pub fn log_details(log: &[String]) -> Vec<(&'static str, String)> {
    if log.is_empty() {
        return vec![("log", "nothing was logged".to_owned())];
    }
    std::iter::once(("log", "the end of it:".to_owned()))
        .chain(text::log_end(log).into_iter().map(|line| ("|", line)))
        .collect()
}

fn case(suite: &str, case: &CaseFact) -> Line {
    let (tone, word) = match case.verdict {
        Some(Verdict::Passed) => (Tone::Good, "pass"),
        Some(Verdict::Failed) => (Tone::Bad, "FAIL"),
        Some(Verdict::Inconclusive) => (Tone::Unsure, "UNSURE"),
        None => (Tone::Plain, "skip"),
    };
    let flaky = if case.attempts > 1 { format!(" ({})", display::attempts(case)) } else { String::new() };
    let text = format!("{suite} {} {}{flaky}", display::case_title(case), time::duration(case.took_ms));
    let details = if case.failures.is_empty() { vec![] } else { text::case_details(case) };
    Line::new(tone, word, text).with(details)
}

fn suite(suite: &SuiteFact) -> Line {
    let tone = match suite.verdict {
        Some(Verdict::Passed) => Tone::Good,
        Some(Verdict::Failed) => Tone::Bad,
        Some(Verdict::Inconclusive) | None => Tone::Unsure,
    };
    let counts = CaseCounts::count(&suite.cases).summary();
    let took = time::elapsed(suite.started, suite.finished);
    let reason = told::own_reason(suite).map(|r| format!(": {r}")).unwrap_or_default();
    let text = format!("{} {}: {counts}, in {took}{reason}", suite.name, display::suite_verdict(suite));
    Line::new(tone, "suite", text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use super::*;
    use crate::testing::{case_fact, failure};

    fn told(event: &RunEvent) -> String {
        line(event).unwrap().timed(Duration::from_millis(1500))
    }

    #[test]
    fn shows_the_reason_and_the_log_of_a_failed_unit() {
        let log = vec!["boom".to_owned()];
        let event = RunEvent::UnitFailed { unit: "api".into(), reason: "its process exited with code 3".into(), log };
        assert_eq!(
            told(&event),
            "[   1.5s] FAILED    api: its process exited with code 3\n            log       the end of it:\n            | boom\n"
        );
    }

    #[test]
    fn shows_what_a_failed_case_expected_and_got_with_the_end_of_a_long_text() {
        let long: Vec<_> = (1..=100).map(|n| format!("line {n}")).collect();
        let failures = vec![failure("GET http://web:8080/", "status 200", &long.join("\n"))];
        let case = CaseFact { verdict: Some(Verdict::Failed), failures, ..case_fact("A1") };
        let told = told(&RunEvent::CaseDone { suite: "smoke".into(), case });
        assert!(told.starts_with("[   1.5s] FAIL      smoke A1 A1 holds 1 ms\n            step      GET"), "{told}");
        assert!(told.contains("\n            got       line 1\n                      line 2\n"), "{told}");
        assert!(told.contains("\n                      line 100\n            waited    1 ms\n"), "{told}");
    }

    #[test]
    fn names_residual_objects() {
        let residual = vec![crate::engine::Residual { object: "network x".into(), reason: "in use".into() }];
        assert!(told(&RunEvent::Removed { residual, took_ms: 1 }).contains("network x: in use"));
    }

    #[test]
    fn a_terminal_shows_marks_in_place_of_the_time() {
        let ready = line(&RunEvent::UnitReady { unit: "web".into(), took_ms: 1200 }).unwrap();
        assert_eq!(ready.marked(false), "✓ ready     web after 1.2 s\n");
        assert_eq!(ready.marked(true), "\u{1b}[32m✓ ready    \u{1b}[0m web after 1.2 s\n");
    }
}
