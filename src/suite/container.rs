//! Runs a container suite through the engine and turns its results into cases and raw files.

use std::time::Instant;

use super::attempts::{self, Attempt};
use super::outage;
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
    /// Logs and result files of all attempts.
    pub raw: Vec<RawFile>,
    /// Files that were taken for something else than results, each with the reason.
    pub ignored: Vec<String>,
}

/// Runs the suite and retries it while it fails and retries remain.
pub async fn execute(session: &Session, suite: &SuitePlan, container: &ContainerSuite) -> ContainerResult {
    let began = tokio::time::Instant::now();
    let mut tried = vec![];
    let (mut raw, mut ignored) = (vec![], vec![]);
    loop {
        let start = Instant::now();
        let on_line = |line: &str| {
            session.journal.record(RunEvent::SuiteLine { suite: suite.name.clone(), line: line.to_owned() });
        };
        match session.engine.run_suite(&session.lease, suite, &session.secrets, &on_line).await {
            Ok(exit) => {
                let results = read_results(suite, container, &exit, elapsed_ms(start));
                let (verdict, reason) = results::verdict(&exit, container.verdict, &results);
                tried.push(Attempt { verdict, reason, cases: results.cases });
                raw.push(raw_files(session, suite, &exit));
                ignored = results.ignored;
            }
            Err(e) => {
                let reason = Some(format!("failed to {e}"));
                tried.push(Attempt { verdict: Verdict::Inconclusive, reason, cases: vec![] });
            }
        }
        let again = tried.last().is_some_and(|a| a.verdict == Verdict::Failed);
        if !again || tried.len() > usize::from(suite.retries) {
            break;
        }
    }
    let raw = named(raw, tried.len());
    let result = match attempts::merge(&suite.name, tried) {
        Some(Attempt { verdict, reason, cases }) => ContainerResult { verdict, reason, cases, raw, ignored },
        None => ContainerResult { verdict: Verdict::Inconclusive, reason: None, cases: vec![], raw, ignored },
    };
    excuse(session, began, result)
}

/// Makes a failure inconclusive if something was away since the suite began.
fn excuse(session: &Session, began: tokio::time::Instant, result: ContainerResult) -> ContainerResult {
    let outage = session.outage_since(began).filter(|_| result.verdict == Verdict::Failed);
    let Some(outage) = outage else { return result };
    let cases = result.cases.into_iter().map(|case| outage::excuse(session, began, case)).collect();
    let reason = result.reason.map_or_else(|| outage.clone(), |reason| format!("{reason}; {outage}"));
    ContainerResult { verdict: Verdict::Inconclusive, reason: Some(reason), cases, ..result }
}

fn read_results(suite: &SuitePlan, container: &ContainerSuite, exit: &SuiteExit, took_ms: u64) -> SuiteResults {
    match container.verdict {
        VerdictSource::ExitCode => {
            SuiteResults { cases: vec![results::exit_code_case(&suite.name, exit, took_ms)], ..SuiteResults::default() }
        }
        format => results::read(&exit.files, format, container.fail_on),
    }
}

/// The log and the result files of one attempt.
fn raw_files(session: &Session, suite: &SuitePlan, exit: &SuiteExit) -> Vec<RawFile> {
    let raw_file =
        |name: &str, media_type, bytes: &[u8]| session.journal.raw_file(name, media_type, Some(&suite.name), bytes);
    let log = raw_file("log.txt", "text/plain", exit.log.as_bytes());
    std::iter::once(log).chain(exit.files.iter().map(|(name, bytes)| raw_file(name, media_type(name), bytes))).collect()
}

/// All files. If there was more than one attempt, each name begins with the attempt's folder.
fn named(attempts: Vec<Vec<RawFile>>, tried: usize) -> Vec<RawFile> {
    let number = |(number, files): (usize, Vec<RawFile>)| {
        files.into_iter().map(move |file| match tried {
            1 => file,
            _ => RawFile { name: format!("attempt-{number}/{}", file.name), ..file },
        })
    };
    (1..).zip(attempts).flat_map(number).collect()
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("xml") => "application/xml",
        Some("json" | "sarif") => "application/json",
        Some("txt" | "log" | "tap") => "text/plain",
        Some("html") => "text/html",
        _ => "application/octet-stream",
    }
}
