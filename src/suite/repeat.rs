//! The `repeat` step: rounds of steps, until one fails or all have passed.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::step_name::name_of;
use super::step_result::StepResult;
use super::steps::StepsExecutor;
use crate::agent::protocol::StepFailure;
use crate::model::Verdict;
use crate::spec::model::Repeat;

/// Pauses before the rounds begin again.
const MIN_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_millis(500);

impl StepsExecutor<'_> {
    /// Performs all rounds; with `within_ms`, again until all have passed. Only failures are repeated.
    pub(super) async fn repeat(
        &self,
        repeat: &Repeat,
        within_ms: Option<u64>,
        variables: &BTreeMap<String, String>,
    ) -> StepResult {
        let end = Instant::now() + Duration::from_millis(within_ms.unwrap_or_default());
        let mut pause = MIN_PAUSE;
        loop {
            let result = self.rounds(repeat, variables.clone()).await;
            if result.verdict != Verdict::Failed || Instant::now() + pause >= end {
                return result;
            }
            sleep(pause).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    async fn rounds(&self, repeat: &Repeat, mut variables: BTreeMap<String, String>) -> StepResult {
        let mut captured = BTreeMap::new();
        for round in 1..=repeat.times {
            for step in &repeat.steps {
                // The steps of a step: the future would contain itself.
                let done = Box::pin(self.perform(step, &variables)).await;
                if done.verdict != Verdict::Passed {
                    let which =
                        if repeat.times > 1 { format!("round {round} of {}, ", repeat.times) } else { String::new() };
                    let got = format!("{which}{}: {}", name_of(step), done.failure.got);
                    return StepResult { failure: StepFailure { got, ..done.failure }, ..done };
                }
                variables.extend(done.captured.clone());
                captured.extend(done.captured);
            }
        }
        StepResult {
            captured,
            ..StepResult::passed(format!("{} round(s) of {} step(s)", repeat.times, repeat.steps.len()))
        }
    }
}
