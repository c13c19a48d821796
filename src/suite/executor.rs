//! Executes the suites of a running environment, wave by wave, and records their results.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;

use super::dependencies::ScanInput;
use super::steps::StepsExecutor;
use super::{ahead, container, dependencies, explain, outage, outcome, schedule, together};
use crate::lifecycle::RunEvent;
use crate::lifecycle::causes::interrupted;
use crate::lifecycle::session::Session;
use crate::model::Verdict;
use crate::plan::{SuiteExecutor, SuitePlan};
use crate::report::facts::{CaseFact, Cause, CauseKind, SuiteFact};
use crate::spec::model::Case;

/// Source locations in the description: `suites.security.cases[3]` → `path:line`.
pub type Sources = BTreeMap<String, String>;

/// Executes the selected suites (all if `only` is empty) and records a cause for each that did not pass.
/// Fails if a signal or a newer run stops this run.
pub async fn execute(
    session: &Session,
    only: &[String],
    sources: &Sources,
    scans: &Arc<ScanInput>,
) -> Result<(), Cause> {
    let done = execute_all(session, only, sources, scans).await;
    // However the suites ended: an end that was seen is told.
    outcome::unit_ends(&session.journal.facts().unit_ends).into_iter().for_each(|c| record_cause(session, c));
    done
}

async fn execute_all(
    session: &Session,
    only: &[String],
    sources: &Sources,
    scans: &Arc<ScanInput>,
) -> Result<(), Cause> {
    session.follow_logs().await;
    let waves = schedule::waves(&session.lease.plan.suites, only);
    if waves.is_empty() {
        record_cause(
            session,
            Cause {
                kind: CauseKind::Inconclusive,
                text: "no suite ran: the description has none that is not left out".into(),
            },
        );
    }
    session.begin_suites().await?;
    for wave in waves {
        let running = join_all(
            wave.iter()
                .filter_map(|name| session.lease.plan.suites.get(name))
                .map(|s| suite(session, s, sources, scans)),
        );
        let done = tokio::select! {
            biased;
            () = session.stop.cancelled() => return Err(interrupted()),
            cause = session.ownership_lost() => return Err(cause),
            done = running => done,
        };
        done.iter().filter_map(outcome::cause).for_each(|c| record_cause(session, c));
    }
    tokio::select! {
        biased;
        () = session.stop.cancelled() => return Err(interrupted()),
        cause = session.ownership_lost() => return Err(cause),
        () = session.run_jobs_after_suites() => {}
    }
    session.check_ownership().await?;
    session.record_late_ends().await
}

fn record_cause(session: &Session, cause: Cause) {
    session.journal.record(RunEvent::Cause { cause });
}

async fn suite(session: &Session, suite: &SuitePlan, sources: &Sources, scans: &Arc<ScanInput>) -> SuiteFact {
    let here = local_sources(sources, &suite.name);
    let mut fact = new_fact(suite, sources);
    session.journal.record(RunEvent::SuiteStarted { suite: fact.clone() });
    match &suite.executor {
        SuiteExecutor::Steps { cases } => execute_steps(session, suite, cases, &here, &mut fact).await,
        SuiteExecutor::Dependencies(scan) => dependencies::execute(session, suite, scan, scans, &mut fact).await,
        SuiteExecutor::Container(container) => {
            let mut result = container::execute(session, suite, container).await;
            explain::explain_all(session, suite, fact.started, &mut result.cases).await;
            for case in &result.cases {
                session.journal.record(RunEvent::CaseDone { suite: suite.name.clone(), case: case.clone() });
            }
            (fact.verdict, fact.reason, fact.cases) = (Some(result.verdict), result.reason, result.cases);
            (fact.raw, fact.ignored) = (result.raw, result.ignored);
        }
    }
    if let Some(reason) = outcome::flaky(suite.flaky, &fact) {
        (fact.verdict, fact.reason) = (Some(Verdict::Failed), Some(reason));
    }
    if !suite.may_end.is_empty() {
        // An end of its last moment counts as its own.
        tokio::time::sleep(session.engine.report_lag()).await;
    }
    fact.finished = Some(Timestamp::now());
    session.journal.record(RunEvent::SuiteDone { suite: fact.clone() });
    fact
}

fn new_fact(suite: &SuitePlan, sources: &Sources) -> SuiteFact {
    SuiteFact {
        name: suite.name.clone(),
        kind: suite.kind,
        digest: suite.digest.clone(),
        verdict: None,
        reason: None,
        started: Timestamp::now(),
        finished: None,
        cases: vec![],
        scans: vec![],
        may_end: suite.may_end.iter().cloned().collect(),
        raw: vec![],
        ignored: vec![],
        source: sources.get(&format!("suites.{}", suite.name)).cloned(),
        confinement: match &suite.executor {
            SuiteExecutor::Container(c) => Some(c.confinement.clone()),
            SuiteExecutor::Steps { .. } | SuiteExecutor::Dependencies(_) => None,
        },
        origin: suite.origin.clone(),
    }
}

async fn execute_steps(session: &Session, suite: &SuitePlan, cases: &[Case], here: &Sources, fact: &mut SuiteFact) {
    let mut run = StepsExecutor::new(session, suite, here);
    let deadline = tokio::time::Instant::now() + Duration::from_millis(suite.timeout_ms);
    tokio::time::timeout_at(deadline, ahead::start(session, &suite.name, cases)).await.ok();
    let (mut explained, mut next) = (0, 0);
    while next < cases.len() {
        let began = tokio::time::Instant::now();
        let together = &cases[next..next + together::side_by_side(&cases[next..])];
        let mut runs: Vec<StepsExecutor<'_>> = together.iter().map(|_| run.copy()).collect();
        let each = runs.iter_mut().zip(together).enumerate();
        let each = each.map(|(i, (run, case))| tokio::time::timeout_at(deadline, run.case(next + i, case)));
        let done = join_all(each).await;
        runs.into_iter().for_each(|copy| run.learn(copy));
        for (i, (case, done)) in together.iter().zip(done).enumerate() {
            let done_in_time = done.is_ok();
            let source = || here.get(&format!("cases[{}]", next + i)).cloned();
            let mut case = outage::excuse(session, began, done.unwrap_or_else(|_| timed_out(suite, case, source())));
            // Cases that did not run after the time limit have no causes of their own.
            if explained < explain::CASES && (done_in_time || explained == 0) && explain::is_unexplained(&case) {
                explained += 1;
                explain::explain(session, suite, fact.started, &mut case).await;
            }
            session.journal.record(RunEvent::CaseDone { suite: suite.name.clone(), case: case.clone() });
            fact.cases.push(case);
        }
        next += together.len();
    }
    let (verdict, reason) = outcome::verdict(&fact.cases);
    (fact.verdict, fact.reason) = (Some(verdict), reason);
}

fn timed_out(suite: &SuitePlan, case: &Case, source: Option<String>) -> CaseFact {
    let failure = crate::report::facts::CaseFailure {
        step: "the suite's time limit".into(),
        expected: format!("the suite to end within {} s", suite.timeout_ms / 1000),
        got: "this case did not finish in time".into(),
        waited_ms: suite.timeout_ms,
        source: source.clone(),
    };
    CaseFact {
        id: case.id.clone(),
        name: case.name.clone(),
        verdict: Some(Verdict::Failed),
        started: None,
        took_ms: 0,
        attempts: 1,
        failed_attempts: 1,
        failures: vec![failure],
        steps: vec![],
        controls: vec![],
        source,
        clues: Default::default(),
    }
}

/// The source locations of one suite, without its prefix.
fn local_sources(sources: &Sources, suite: &str) -> Sources {
    let prefix = format!("suites.{suite}.");
    sources.iter().filter_map(|(place, at)| place.strip_prefix(&prefix).map(|p| (p.to_owned(), at.clone()))).collect()
}
