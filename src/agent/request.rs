//! What holds for each request: how long it may take, and whether it may be sent twice. Pure.

use std::time::Duration;

use super::protocol::AgentRequest;
use super::timeouts::{LONGEST_STRETCH, STEP_ANSWER, STEP_CONNECT, STEP_QUERY};
use crate::spec::model::{Action, AmqpOperation, AmqpTry, Sql};
use crate::spec::quantity;

/// Time for everything in a request that has no limit of its own.
const ALLOWANCE: Duration = Duration::from_secs(60);
/// Answers of a broker that one step awaits at most, one after the other.
const ANSWERS: u32 = 4;
/// Attempts of a probe that run side by side; the others wait for them.
const ABREAST: usize = 256;

/// First words of statements that only read.
const READING: [&str; 4] = ["select", "show", "table", "values"];

impl AgentRequest {
    /// The time after which no answer comes any more, whatever happened to the agent.
    pub fn limit(&self) -> Duration {
        let each = |timeout_ms: u64, number: usize| {
            let rounds = u32::try_from(number.div_ceil(ABREAST)).unwrap_or(u32::MAX);
            Duration::from_millis(timeout_ms).saturating_mul(LONGEST_STRETCH).saturating_mul(rounds)
        };
        let own = match self {
            Self::Ready { within_ms, .. } => Duration::from_millis(*within_ms),
            Self::Step { action, within_ms } => {
                step() + Duration::from_millis(within_ms.unwrap_or_default()) + duration(action)
            }
            Self::Reach { addresses, timeout_ms } => each(*timeout_ms, addresses.len()),
            Self::Names { names, servers, timeout_ms } => each(*timeout_ms, names.len() * (servers.len() + 1)),
            Self::Listen { .. } | Self::Status | Self::Ping => Duration::ZERO,
        };
        own + ALLOWANCE
    }

    /// Returns true if a second agent may be asked the same when the first one was lost: the request only reads, or has an
    /// effect only in the agent that was lost.
    pub fn is_repeatable(&self) -> bool {
        match self {
            Self::Step { action, .. } => only_reads(action),
            Self::Ready { .. } | Self::Reach { .. } | Self::Names { .. } => true,
            Self::Listen { .. } | Self::Status | Self::Ping => true,
        }
    }
}

/// Time for a step without waiting: its limits, one after the other, on the busiest machine.
fn step() -> Duration {
    (STEP_CONNECT + STEP_ANSWER * ANSWERS + STEP_QUERY) * LONGEST_STRETCH
}

/// The time that a step waits in any case, or at most if it says so itself.
fn duration(action: &Action) -> Duration {
    let parsed = |text: &str| {
        let ms = quantity::duration_ms(text, quantity::LONGEST_LIMIT_MS);
        Duration::from_millis(ms.unwrap_or(quantity::LONGEST_LIMIT_MS))
    };
    match action {
        Action::ExpectNothing(step) => parsed(&step.duration),
        Action::Http(step) => step.timeout.as_deref().map_or(Duration::ZERO, parsed).saturating_mul(LONGEST_STRETCH),
        _ => Duration::ZERO,
    }
}

fn only_reads(action: &Action) -> bool {
    match action {
        Action::Http(step) => ["GET", "HEAD", "OPTIONS"].iter().any(|m| step.method.eq_ignore_ascii_case(m)),
        Action::Tcp(_) | Action::Resolve(_) | Action::AmqpLogin(_) | Action::QueueDepth(_) => true,
        // The queue of the first one went with its agent.
        Action::Listen(_) => true,
        // What is refused has no effect, and the others undo theirs.
        Action::AmqpTry(AmqpTry { operation, refused, .. }) => *refused || *operation != AmqpOperation::Publish,
        Action::Sql(step) => reads(step),
        Action::Redis(step) => step.only_reads(),
        Action::S3(step) => step.only_reads(),
        Action::Publish(_) | Action::Expect(_) | Action::ExpectNothing(_) => false,
        Action::Stop(_)
        | Action::Start(_)
        | Action::Restart(_)
        | Action::Exec(_)
        | Action::Jwt(_)
        | Action::Repeat(_)
        | Action::Wait(_) => false,
        Action::Confined(_) | Action::NoWayOut(_) | Action::NoNeighbour(_) | Action::NoSecretsLeaked(_) => false,
    }
}

/// One statement that begins like a query. A refused statement may be one that takes a permission, so only queries count.
fn reads(step: &Sql) -> bool {
    let statement = step.query.trim().trim_end_matches(';');
    let word: String = statement.chars().take_while(|c| c.is_ascii_alphabetic()).collect();
    // A function may do anything.
    !statement.contains([';', '('])
        && !statement.to_ascii_lowercase().split_whitespace().any(|word| word == "into")
        && READING.iter().any(|reading| word.eq_ignore_ascii_case(reading))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn step(action: serde_json::Value) -> AgentRequest {
        AgentRequest::Step { action: Box::new(serde_json::from_value(action).unwrap()), within_ms: None }
    }

    fn sql(query: &str) -> AgentRequest {
        step(json!({ "sql": { "database": "db", "role": "app", "query": query } }))
    }

    #[test]
    fn only_requests_that_read_are_sent_to_a_second_agent() {
        let published = json!({ "user": "u", "vhost": "v", "exchange": "x", "key": "k", "operation": "publish" });
        let mut refused = published.clone();
        refused["refused"] = json!(true);
        for reading in [
            step(json!({ "http": { "url": "http://api/" } })),
            step(json!({ "http": { "url": "http://api/", "method": "head" } })),
            step(json!({ "tcp": { "to": "api:80" } })),
            step(json!({ "amqpTry": refused })),
            sql("SELECT 1;"),
            sql("  show server_version"),
            AgentRequest::Status,
        ] {
            assert!(reading.is_repeatable());
        }
        for acting in [
            step(json!({ "http": { "url": "http://api/", "method": "POST" } })),
            step(json!({ "publish": { "user": "u", "vhost": "v", "exchange": "x", "key": "k" } })),
            step(json!({ "expect": { "queue": "q", "user": "u", "vhost": "v" } })),
            step(json!({ "amqpTry": published })),
            sql("SELECT 1; DELETE FROM a"),
            sql("SELECT * INTO b FROM a"),
            sql("SELECT place_order(1)"),
            sql("UPDATE a SET b = 1"),
            sql(""),
        ] {
            assert!(!acting.is_repeatable());
        }
    }

    #[test]
    fn every_request_ends_and_after_its_own_time() {
        let hour = 3_600_000;
        let ready = crate::plan::ReadyPlan::Broker;
        let asked = AgentRequest::Ready { unit: "api".into(), ready, within_ms: hour, at: None };
        assert!(asked.limit() > Duration::from_millis(hour));
        let nothing = step(json!({ "expectNothing": { "on": "l", "for": "2h" } }));
        assert!(nothing.limit() > Duration::from_secs(7200) && nothing.limit() < Duration::from_secs(9000));
        assert!(sql("SELECT 1").limit() > STEP_QUERY * LONGEST_STRETCH);
        assert!(AgentRequest::Ping.limit() <= ALLOWANCE);
        let reach = AgentRequest::Reach { addresses: vec![String::new(); 600], timeout_ms: 1500 };
        assert!(reach.limit() > Duration::from_millis(1500 * 3));
    }
}
