//! Executes the cases of a suite of built-in steps, in order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use futures::future::join_all;
use jiff::Timestamp;

use super::step_name::name_of;
use super::step_result::StepResult;
use super::{attempts, host_steps, refusal, step_files, variables};
use crate::agent::protocol::{AgentRequest, AgentResponse};
use crate::lifecycle::RunEvent;
use crate::lifecycle::clock::elapsed_ms;
use crate::lifecycle::session::Session;
use crate::model::Verdict;
use crate::plan::{Position, SuitePlan};
use crate::report::facts::{CaseFact, CaseFailure, StepFact};
use crate::spec::model::{Action, Case, Step};
use crate::spec::quantity;

/// Most bytes that the variables of a suite hold together.
const MAX_CAPTURED: usize = 4 << 20;

/// Executes one suite and holds its state.
pub struct StepsExecutor<'a> {
    session: &'a Session,
    suite: &'a SuitePlan,
    variables: BTreeMap<String, String>,
    /// Those that this copy captured itself.
    captured: BTreeMap<String, String>,
    /// Names of passed steps, the positive controls of refusals.
    passed: BTreeSet<String>,
    sources: &'a BTreeMap<String, String>,
}

impl<'a> StepsExecutor<'a> {
    /// Starts an execution of `suite`. `sources` maps places such as `cases[2]` to `path:line`.
    pub fn new(session: &'a Session, suite: &'a SuitePlan, sources: &'a BTreeMap<String, String>) -> Self {
        Self { session, suite, variables: BTreeMap::new(), captured: BTreeMap::new(), passed: BTreeSet::new(), sources }
    }

    /// Executes the case at `index` and retries it while it fails and retries remain.
    pub async fn case(&mut self, index: usize, case: &Case) -> CaseFact {
        let began = Instant::now();
        let started = Timestamp::now();
        let mut earlier = vec![];
        self.announce(case, 1);
        let mut fact = self.attempt(index, case).await;
        while attempts::failed(&fact) && earlier.len() < usize::from(self.suite.retries) {
            earlier.push((earlier.len() + 1, fact));
            self.announce(case, earlier.len() + 1);
            fact = self.attempt(index, case).await;
        }
        let fact = attempts::join(&earlier, fact);
        CaseFact { started: Some(started), took_ms: elapsed_ms(began), ..fact }
    }

    /// A copy for one of several cases that run side by side.
    pub fn copy(&self) -> Self {
        let Self { session, suite, ref variables, ref passed, sources, .. } = *self;
        Self {
            session,
            suite,
            variables: variables.clone(),
            captured: BTreeMap::new(),
            passed: passed.clone(),
            sources,
        }
    }

    /// Takes over what a copy learned from its case, and not what it knew before: an earlier case of the group may have given that
    /// a new value.
    pub fn learn(&mut self, from: Self) {
        self.variables.extend(from.captured);
        self.passed.extend(from.passed);
    }

    fn announce(&self, case: &Case, attempt: usize) {
        let (suite, id, name) = (self.suite.name.clone(), case.id.clone(), case.name.clone());
        self.session.journal.record(RunEvent::CaseStarted { suite, id, name, attempt });
    }

    async fn attempt(&mut self, index: usize, case: &Case) -> CaseFact {
        let place = |part: &str, n: usize| format!("cases[{index}].{part}[{n}]");
        let mut fact = CaseFact {
            id: case.id.clone(),
            name: case.name.clone(),
            verdict: Some(Verdict::Passed),
            started: None,
            took_ms: 0,
            attempts: 1,
            failed_attempts: 0,
            failures: vec![],
            steps: vec![],
            controls: case
                .steps
                .iter()
                .chain(&case.cleanup)
                .flat_map(Step::with_inner)
                .filter_map(|s| s.control.clone())
                .collect(),
            source: self.sources.get(&format!("cases[{index}]")).cloned(),
            clues: Default::default(),
        };
        let mut next = 0;
        'steps: while next < case.steps.len() {
            let together = &case.steps[next..next + side_by_side(&case.steps[next..])];
            let results = join_all(together.iter().map(|step| self.timed(&case.id, step))).await;
            for (step, result) in together.iter().zip(results) {
                if !self.record(step, &place("steps", next), result, &mut fact) {
                    break 'steps;
                }
                next += 1;
            }
        }
        for (n, step) in case.cleanup.iter().enumerate() {
            let result = self.timed(&case.id, step).await;
            self.record(step, &place("cleanup", n), result, &mut fact);
        }
        fact.failed_attempts = u8::from(attempts::failed(&fact));
        fact
    }

    async fn timed(&self, case: &str, step: &Step) -> (StepResult, u64) {
        let began = Instant::now();
        let (suite, case) = (self.suite.name.clone(), case.to_owned());
        self.session.journal.record(RunEvent::StepStarted { suite, case, step: name_of(step) });
        let result = self.perform(step, &self.variables).await;
        (result, elapsed_ms(began))
    }

    /// Adds the result of a step to the case; returns false if the case must end.
    fn record(&mut self, step: &Step, place: &str, (result, took_ms): (StepResult, u64), fact: &mut CaseFact) -> bool {
        let did = name_of(step);
        let length = |variables: &BTreeMap<String, String>| variables.values().map(String::len).sum::<usize>();
        let result = match length(&result.captured) {
            new if new > 0 && new + length(&self.variables) > MAX_CAPTURED => {
                let expected = format!("at most {} MiB in the variables of a suite", MAX_CAPTURED >> 20);
                StepResult::inconclusive(expected, "the step captured more")
            }
            _ => result,
        };
        fact.verdict = fact.verdict.max(Some(result.verdict));
        fact.steps.push(StepFact {
            did: did.clone(),
            saw: if result.verdict == Verdict::Passed { result.saw } else { result.failure.got.clone() },
            verdict: result.verdict,
            took_ms,
        });
        if result.verdict == Verdict::Passed {
            self.passed.extend(step.name.clone());
            self.captured.extend(result.captured.clone());
            self.variables.extend(result.captured);
            return true;
        }
        fact.failures.push(CaseFailure {
            step: did,
            expected: result.failure.expected,
            got: result.failure.got,
            waited_ms: result.failure.waited_ms.max(took_ms),
            source: self.sources.get(place).or(fact.source.as_ref()).cloned(),
        });
        false
    }

    /// Performs a step with these variables.
    pub(super) async fn perform(&self, step: &Step, known: &BTreeMap<String, String>) -> StepResult {
        if let Some(control) = step.control.as_ref().filter(|c| !self.passed.contains(*c)) {
            return StepResult::inconclusive(
                format!("the positive control `{control}` to pass first"),
                "it did not pass, so a refusal would prove nothing",
            );
        }
        let within = step.within.as_deref().map(|text| quantity::duration_ms(text, quantity::LONGEST_LIMIT_MS));
        let within_ms = match within.transpose() {
            Ok(within_ms) => within_ms,
            Err(why) => return StepResult::inconclusive("a valid duration for `within`", why),
        };
        if let Action::Repeat(repeat) = &step.action {
            // Each of its steps is filled in when its turn comes.
            return self.repeat(repeat, within_ms, known).await;
        }
        let secrets: BTreeMap<_, _> = self
            .suite
            .secrets
            .iter()
            .filter_map(|n| self.session.secrets.values.get(n).map(|v| (n.clone(), v.clone())))
            .collect();
        let mut action = match variables::fill(&step.action, known, &secrets) {
            Ok(action) => action,
            Err(why) => return StepResult::inconclusive("a value for every variable of the step", why),
        };
        if let Err(why) = step_files::attach(&mut action, &self.suite.files) {
            return StepResult::inconclusive("the files of the step", why);
        }
        if let Some(result) = host_steps::perform(self.session, &action, within_ms).await {
            return result;
        }
        let position = step
            .from
            .as_ref()
            .map_or_else(|| Position::Suite(self.suite.name.clone()), |s| Position::Inside(s.clone()));
        let request = AgentRequest::Step { action: Box::new(action.clone()), within_ms };
        let refused = match &action {
            Action::Tcp(tcp) if tcp.refused => tcp,
            _ => {
                let began = Timestamp::now();
                let result = self.ask(&position, request).await;
                refusal::note_provoked(self.session, &action, began);
                return result;
            }
        };
        refusal::perform(self.session, refused, &position, async || self.ask(&position, request.clone()).await).await
    }

    async fn ask(&self, position: &Position, request: AgentRequest) -> StepResult {
        match self.session.ask(position, request).await {
            Ok(answer) => judge(answer),
            Err(why) => StepResult::inconclusive("an answer from the agent at the step's position", why),
        }
    }
}

/// The number of steps at the beginning that are executed side by side: refused connections, which wait for nothing else and
/// take their whole time limit, or else one step.
fn side_by_side(steps: &[Step]) -> usize {
    let refused = |step: &&Step| matches!(&step.action, Action::Tcp(tcp) if tcp.refused) && step.name.is_none();
    steps.iter().take_while(refused).count().max(1)
}

fn judge(answer: AgentResponse) -> StepResult {
    match answer {
        AgentResponse::Passed { captured, saw, .. } => StepResult { captured, ..StepResult::passed(saw) },
        AgentResponse::Failed(failure) => {
            let verdict = if failure.inconclusive { Verdict::Inconclusive } else { Verdict::Failed };
            StepResult { verdict, saw: String::new(), failure, captured: BTreeMap::new() }
        }
        AgentResponse::Error { message } => StepResult::inconclusive("the step to be executed", message),
        other => {
            StepResult::inconclusive("an answer to a step", format!("unexpected answer from the agent: {other:?}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_refused_connections_in_a_row_are_tried_side_by_side() {
        let steps: Vec<Step> = serde_json::from_value(json!([
            { "name": "open", "tcp": { "to": "a:1" } },
            { "control": "open", "tcp": { "to": "a:1", "refused": true } },
            { "control": "open", "from": "b", "tcp": { "to": "a:1", "refused": true } },
            { "http": { "url": "http://a/" } },
            { "control": "open", "tcp": { "to": "a:1", "refused": true } },
        ]))
        .unwrap_or_default();
        let numbers: Vec<usize> = (0..steps.len()).map(|n| side_by_side(&steps[n..])).collect();
        assert_eq!(numbers, [1, 2, 1, 1, 1]);
    }
}
