//! Runs a container suite through the engine and turns what it left into cases and raw files.

use super::intake;
use crate::engine::SuiteExit;
use crate::lifecycle::session::Session;
use crate::plan::{ContainerJudge, SuitePlan};
use crate::report::facts::{CaseFact, CaseFailure, RawFile, Verdict};
use crate::spec::model::VerdictSource;

/// What a container suite came to.
pub struct Judged {
    /// Its verdict.
    pub verdict: Verdict,
    /// Why, when it is not simply the worst of its cases.
    pub reason: Option<String>,
    /// Its cases.
    pub cases: Vec<CaseFact>,
    /// Its log and result files.
    pub raw: Vec<RawFile>,
}

/// Runs the suite, again while it fails and retries are left; a pass after a failure counts its attempts.
pub async fn judge(session: &Session, suite: &SuitePlan, container: &ContainerJudge) -> Judged {
    let mut attempts = 1;
    loop {
        let exit = match session.engine.run_suite(&session.lease, suite, &session.secrets).await {
            Ok(exit) => exit,
            Err(e) => return Judged { verdict: Verdict::Inconclusive, reason: Some(format!("failed to {e}")), cases: vec![], raw: vec![] },
        };
        let mut judged = take_in(session, suite, container, &exit);
        if judged.verdict != Verdict::Failed || attempts > suite.retries {
            judged.cases.iter_mut().for_each(|c| c.attempts = attempts);
            return judged;
        }
        attempts += 1;
    }
}

fn take_in(session: &Session, suite: &SuitePlan, container: &ContainerJudge, exit: &SuiteExit) -> Judged {
    let mut raw = vec![keep(session, "log.txt", "text/plain", exit.log.as_bytes())];
    raw.extend(exit.files.iter().map(|(name, bytes)| keep(session, name, media_type(name), bytes)));
    let taken = match container.verdict {
        VerdictSource::Junit => intake::junit(&exit.files),
        VerdictSource::ExitCode => intake::Intake { cases: vec![by_exit_code(suite, exit)], unreadable: vec![] },
    };
    let (verdict, reason) = intake::judge(exit, container.verdict, &taken);
    Judged { verdict, reason, cases: taken.cases, raw }
}

fn keep(session: &Session, name: &str, media_type: &str, bytes: &[u8]) -> RawFile {
    let (sha256, size) = session.journal.keep_raw(bytes);
    RawFile { name: name.to_owned(), media_type: media_type.to_owned(), sha256, size }
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("xml") => "application/xml",
        Some("json" | "sarif") => "application/json",
        Some("txt" | "log") => "text/plain",
        Some("html") => "text/html",
        _ => "application/octet-stream",
    }
}

/// The one case of a suite that is judged by its exit code.
fn by_exit_code(suite: &SuitePlan, exit: &SuiteExit) -> CaseFact {
    let passed = exit.code == Some(0) && !exit.oom_killed && !exit.timed_out;
    let got = match (exit.timed_out, exit.oom_killed, exit.code) {
        (true, ..) => format!("no end within {} s", suite.timeout_ms / 1000),
        (_, true, _) => "ended for want of memory".into(),
        (.., Some(code)) => format!("exit code {code}; the end of its log:\n{}", tail(&exit.log)),
        (.., None) => "ended from outside".into(),
    };
    let failure = CaseFailure { step: "run".into(), expected: "exit code 0".into(), got, waited_ms: 0, source: None };
    CaseFact {
        id: suite.name.clone(),
        name: "the container ends with exit code 0".into(),
        verdict: Some(if passed { Verdict::Passed } else { Verdict::Failed }),
        started: None,
        took_ms: 0,
        attempts: 1,
        failures: if passed { vec![] } else { vec![failure] },
        steps: vec![],
        controls: vec![],
        source: None,
    }
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
