//! Runs a container suite through the engine and turns what it left into cases and raw files.

use std::time::Instant;

use super::intake;
use crate::engine::SuiteExit;
use crate::lifecycle::RunEvent;
use crate::lifecycle::session::Session;
use crate::lifecycle::up::millis;
use crate::model::Verdict;
use crate::plan::{ContainerSuite, SuitePlan};
use crate::report::facts::{CaseFact, RawFile};
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
pub async fn judge(session: &Session, suite: &SuitePlan, container: &ContainerSuite) -> Judged {
    let mut attempts = 1;
    loop {
        let began = Instant::now();
        let on_line = |line: &str| {
            session.journal.note(RunEvent::SuiteLine { suite: suite.name.clone(), line: line.to_owned() });
        };
        let exit = match session.engine.run_suite(&session.lease, suite, &session.secrets, &on_line).await {
            Ok(exit) => exit,
            Err(e) => {
                return Judged {
                    verdict: Verdict::Inconclusive,
                    reason: Some(format!("failed to {e}")),
                    cases: vec![],
                    raw: vec![],
                };
            }
        };
        let mut judged = take_in(session, suite, container, &exit, millis(began));
        if judged.verdict != Verdict::Failed || attempts > suite.retries {
            judged.cases.iter_mut().for_each(|c| c.attempts = attempts);
            return judged;
        }
        attempts += 1;
    }
}

fn take_in(session: &Session, suite: &SuitePlan, container: &ContainerSuite, exit: &SuiteExit, took_ms: u64) -> Judged {
    let mut raw = vec![keep(session, "log.txt", "text/plain", exit.log.as_bytes())];
    raw.extend(exit.files.iter().map(|(name, bytes)| keep(session, name, media_type(name), bytes)));
    let taken = match container.verdict {
        VerdictSource::Junit => intake::junit(&exit.files),
        VerdictSource::ExitCode => {
            intake::Intake { cases: vec![intake::exit_code_case(&suite.name, exit, took_ms)], unreadable: vec![] }
        }
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
