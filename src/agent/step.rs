//! Performs a step once, or repeatedly until it passes or its time limit is reached.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::protocol::{AgentResponse, StepFailure};
use super::state::AgentState;
use super::step_result::{StepFailed, StepPassed};
use super::{amqp_access, collect, http_step, net, publish, queue, redis, s3, sql};
use crate::spec::model::Action;

/// Pauses between attempts, as in readiness.
const MIN_PAUSE: Duration = Duration::from_millis(10);
const MAX_PAUSE: Duration = Duration::from_millis(100);

/// Performs a step; answers `Error` if agents do not support it.
pub(super) async fn perform(state: &AgentState, action: &Action, within_ms: Option<u64>) -> AgentResponse {
    let start = Instant::now();
    let within = within_ms.map(Duration::from_millis);
    let mut pause = MIN_PAUSE;
    loop {
        // Steps that wait by themselves get the limit and are not repeated.
        let Some(done) = attempt(state, action, within).await else {
            return AgentResponse::Error { message: "agents do not support this step".into() };
        };
        let waited_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let again = within.is_some_and(|within| start.elapsed() + pause < within) && !waits_by_itself(action);
        match done {
            Ok(StepPassed { saw, captured }) => return AgentResponse::Passed { captured, saw, waited_ms },
            Err(missed) if missed.agent_fault || !again => {
                return AgentResponse::Failed(StepFailure {
                    expected: missed.expected,
                    got: missed.got,
                    waited_ms,
                    inconclusive: missed.agent_fault || missed.busy,
                });
            }
            Err(_) => sleep(pause).await,
        }
        pause = (pause * 3 / 2).min(MAX_PAUSE);
    }
}

fn waits_by_itself(action: &Action) -> bool {
    matches!(action, Action::Expect(_) | Action::ExpectNothing(_))
}

async fn attempt(
    state: &AgentState,
    action: &Action,
    within: Option<Duration>,
) -> Option<Result<StepPassed, StepFailed>> {
    Some(match action {
        Action::Http(step) => http_step::perform(state, step).await,
        Action::Tcp(step) => net::tcp_step(step).await,
        Action::Resolve(step) => net::resolve_step(step).await,
        Action::AmqpLogin(step) => amqp_access::login(state, step).await,
        Action::AmqpTry(step) => amqp_access::perform(state, step).await,
        Action::Publish(step) => publish::perform(state, step).await,
        Action::Listen(step) => collect::listen(state, step).await,
        Action::Expect(step) => collect::expect(state, step, within).await,
        Action::ExpectNothing(step) => collect::expect_nothing(state, step).await,
        Action::QueueDepth(step) => queue::depth(state, step).await,
        Action::Sql(step) => sql::perform(state, step).await,
        Action::Redis(step) => redis::perform(state, step).await,
        Action::S3(step) => s3::perform(state, step).await,
        Action::Stop(_)
        | Action::Start(_)
        | Action::Restart(_)
        | Action::Exec(_)
        | Action::Jwt(_)
        | Action::Repeat(_)
        | Action::Wait(_) => return None,
        Action::Confined(_) | Action::NoWayOut(_) | Action::NoNeighbour(_) | Action::NoSecretsLeaked(_) => return None,
    })
}
