//! Runs a container suite through the engine and turns its results into cases and raw files.

use std::time::Instant;

use super::results::{self, SuiteResults};
use crate::engine::SuiteExit;
use crate::lifecycle::RunEvent;
use crate::lifecycle::clock::elapsed_ms;
use crate::lifecycle::session::Session;
use crate::model::Verdict;
use crate::plan::{ContainerSuite, SuitePlan};
use crate::report::facts::{CaseFact, RawFile};
use crate::spec::model::VerdictSource;

/// The result of a container suite.
pub struct ContainerResult {
    /// Its verdict.
    pub verdict: Verdict,
    /// The reason, unless the verdict is simply the worst of its cases.
    pub reason: Option<String>,
    /// Its cases.
    pub cases: Vec<CaseFact>,
    /// Its log and result files.
    pub raw: Vec<RawFile>,
}

/// Runs the suite and retries it while it fails and retries remain; every case has the number of attempts.
pub async fn execute(session: &Session, suite: &SuitePlan, container: &ContainerSuite) -> ContainerResult {
    let mut attempts = 1;
    loop {
        let start = Instant::now();
        let on_line = |line: &str| {
            session.journal.record(RunEvent::SuiteLine { suite: suite.name.clone(), line: line.to_owned() });
        };
        let exit = match session.engine.run_suite(&session.lease, suite, &session.secrets, &on_line).await {
            Ok(exit) => exit,
            Err(e) => {
                return ContainerResult {
                    verdict: Verdict::Inconclusive,
                    reason: Some(format!("failed to {e}")),
                    cases: vec![],
                    raw: vec![],
                };
            }
        };
        let mut result = read_results(session, suite, container, &exit, elapsed_ms(start));
        if result.verdict != Verdict::Failed || attempts > suite.retries {
            result.cases.iter_mut().for_each(|c| c.attempts = attempts);
            return result;
        }
        attempts += 1;
    }
}

fn read_results(
    session: &Session,
    suite: &SuitePlan,
    container: &ContainerSuite,
    exit: &SuiteExit,
    took_ms: u64,
) -> ContainerResult {
    let raw_file =
        |name: &str, media_type, bytes: &[u8]| session.journal.raw_file(name, media_type, Some(&suite.name), bytes);
    let mut raw = vec![raw_file("log.txt", "text/plain", exit.log.as_bytes())];
    raw.extend(exit.files.iter().map(|(name, bytes)| raw_file(name, media_type(name), bytes)));
    let results = match container.verdict {
        VerdictSource::Junit => results::read_junit_files(&exit.files),
        VerdictSource::ExitCode => {
            SuiteResults { cases: vec![results::exit_code_case(&suite.name, exit, took_ms)], unreadable: vec![] }
        }
    };
    let (verdict, reason) = results::verdict(exit, container.verdict, &results);
    ContainerResult { verdict, reason, cases: results.cases, raw }
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
