//! What runs at the moment, from the events of a run. Pure: the time since the beginning is an argument.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::lifecycle::RunEvent;
use crate::lifecycle::decide::{self, Phase, Progress};
use crate::model::Verdict;
use crate::plan::{Plan, SuiteExecutor};
use crate::report::facts::CauseKind;

/// Number of lines of a suite's log that are kept for its end.
const LOG_LINES: usize = 20;

/// What runs at the moment.
pub struct State {
    pub plan: Plan,
    /// The services of the environment exist, or are about to.
    pub prepared: bool,
    pub phases: Progress,
    /// Units that start, and units that a suite stopped.
    pub units: BTreeMap<String, UnitState>,
    /// Images that are pulled, with their status.
    pub pulls: BTreeMap<String, String>,
    pub suites: Vec<SuiteState>,
    /// What the run itself does, and since when.
    pub activity: Option<(String, Duration)>,
    pub cases: CaseTotals,
    /// How a signal was answered.
    pub notice: Option<String>,
}

/// A unit that starts or that a suite stopped.
pub struct UnitState {
    pub since: Duration,
    /// The last answer of its probe.
    pub last: Option<String>,
    pub stopped: bool,
}

/// A suite that runs.
pub struct SuiteState {
    pub name: String,
    pub since: Duration,
    /// Cases that ended, and all of them, if the plan has them.
    pub ended: usize,
    pub total: Option<usize>,
    pub case: Option<CaseState>,
    /// The end of its container's log.
    pub log: VecDeque<String>,
    /// A case of it did not pass.
    pub has_failure: bool,
}

/// A case that runs.
pub struct CaseState {
    pub title: String,
    pub since: Duration,
    pub step: Option<String>,
}

/// Cases that ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CaseTotals {
    pub passed: usize,
    pub failed: usize,
    pub inconclusive: usize,
    pub skipped: usize,
}

impl State {
    /// The state before the first event.
    pub fn new(plan: &Plan) -> Self {
        Self {
            plan: plan.clone(),
            prepared: false,
            phases: decide::initial_progress(plan),
            units: BTreeMap::new(),
            pulls: BTreeMap::new(),
            suites: vec![],
            activity: None,
            cases: CaseTotals::default(),
            notice: None,
        }
    }

    /// Services that started by themselves and are ready, and all that start by themselves.
    pub fn ready(&self) -> (usize, usize) {
        let automatic = || self.plan.units.iter().filter(|u| !u.start_late);
        let ready = automatic().filter(|u| self.phases.get(&u.name) == Some(&Phase::Ready)).count();
        (ready, automatic().count())
    }

    /// Applies an event that happened at `now`.
    pub fn apply(&mut self, event: &RunEvent, now: Duration) {
        let doing = |what: String| Some((what, now));
        match event {
            RunEvent::Engine { .. } => self.activity = doing("looking for the images".into()),
            RunEvent::Pulling { reference, status } => {
                self.pulls.insert(reference.clone(), status.clone());
            }
            RunEvent::Images { .. } => {
                self.pulls.clear();
                self.activity = doing(format!("claiming {}", self.plan.environment));
            }
            RunEvent::Claimed { .. } => {
                self.prepared = true;
                self.activity = doing("creating networks, volumes and containers".into());
            }
            RunEvent::Prepared => self.activity = None,
            RunEvent::UnitStarting { unit } => {
                self.phases.insert(unit.clone(), Phase::Starting);
                self.units.insert(unit.clone(), UnitState { since: now, last: None, stopped: false });
            }
            RunEvent::UnitWaiting { unit, last } => {
                if let Some(unit) = self.units.get_mut(unit) {
                    unit.last = Some(last.clone());
                }
            }
            RunEvent::UnitReady { unit, .. } => self.unit_ended(unit, Phase::Ready),
            RunEvent::UnitFailed { unit, .. } => self.unit_ended(unit, Phase::Failed),
            RunEvent::UnitStopped { unit } => {
                self.units.insert(unit.clone(), UnitState { since: now, last: None, stopped: true });
            }
            RunEvent::SuiteStarted { suite } => self.start_suite(&suite.name, now),
            RunEvent::SuiteLine { suite, line } => {
                if let Some(suite) = self.suite(suite) {
                    suite.log.push_back(line.clone());
                    if suite.log.len() > LOG_LINES {
                        suite.log.pop_front();
                    }
                }
            }
            RunEvent::CaseStarted { suite, id, name, attempt } => {
                let again = if *attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
                let case = CaseState { title: format!("{id} {name}{again}"), since: now, step: None };
                if let Some(suite) = self.suite(suite) {
                    suite.case = Some(case);
                }
            }
            RunEvent::StepStarted { suite, step, .. } => {
                if let Some(case) = self.suite(suite).and_then(|s| s.case.as_mut()) {
                    case.step = Some(step.clone());
                }
            }
            RunEvent::CaseDone { suite, case } => self.end_case(suite, case.verdict),
            RunEvent::SuiteDone { suite } => self.suites.retain(|s| s.name != suite.name),
            RunEvent::Cause { cause } => self.end(cause.kind, now),
            RunEvent::Diagnostics { .. } => self.activity = doing("signing the report".into()),
            RunEvent::Removing { environment } => self.activity = doing(format!("removing {environment}")),
            RunEvent::Removed { .. } | RunEvent::Sealed { .. } | RunEvent::Kept { .. } => self.activity = None,
            RunEvent::Gaps { .. }
            | RunEvent::Update { .. }
            | RunEvent::UnitEnded { .. }
            | RunEvent::UnitGone { .. }
            | RunEvent::Up { .. }
            | RunEvent::Running { .. } => {}
        }
    }

    /// The suite of this name that runs.
    pub fn suite(&mut self, name: &str) -> Option<&mut SuiteState> {
        self.suites.iter_mut().find(|s| s.name == name)
    }

    fn unit_ended(&mut self, unit: &str, phase: Phase) {
        self.units.remove(unit);
        self.phases.insert(unit.to_owned(), phase);
    }

    fn start_suite(&mut self, name: &str, now: Duration) {
        let total = self.plan.suites.get(name).and_then(|s| match &s.executor {
            SuiteExecutor::Steps { cases } => Some(cases.len()),
            SuiteExecutor::Container(_) | SuiteExecutor::Dependencies(_) => None,
        });
        self.suites.push(SuiteState {
            name: name.to_owned(),
            since: now,
            ended: 0,
            total,
            case: None,
            log: VecDeque::new(),
            has_failure: false,
        });
    }

    fn end_case(&mut self, suite: &str, verdict: Option<Verdict>) {
        let count = match verdict {
            Some(Verdict::Passed) => &mut self.cases.passed,
            Some(Verdict::Failed) => &mut self.cases.failed,
            Some(Verdict::Inconclusive) => &mut self.cases.inconclusive,
            None => &mut self.cases.skipped,
        };
        *count += 1;
        if let Some(suite) = self.suite(suite) {
            suite.ended += 1;
            suite.case = None;
            suite.has_failure |= !matches!(verdict, Some(Verdict::Passed) | None);
        }
    }

    /// A cause that no suite gave ends everything that runs: nothing starts or waits any more.
    fn end(&mut self, kind: CauseKind, now: Duration) {
        if kind.is_of_suite() {
            return;
        }
        self.prepared = false;
        self.units.clear();
        self.suites.clear();
        self.pulls.clear();
        self.activity = Some(("collecting logs".into(), now));
    }
}
